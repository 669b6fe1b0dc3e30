"""The one definition of rounding: from an integer accumulator to an 8-bit activation.

    y = clamp(zero_point + round_half_up(accumulator * multiplier * 2**-shift))

All integer arithmetic, exact in 64 bits: the accumulator has 32 bits, the multiplier at most 17,
the shift is at most 47. `hls/hwmap/requantize.hpp` is the same rule in C++, and
`tests/ir/test_requantize.py` runs both on the same vectors.
"""

from dataclasses import dataclass
from math import frexp

import numpy as np
from numpy.typing import NDArray

from hwmap.errors import ModelError
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Add, AveragePool, Clamp, Conv, HardwareOp, MaxPool
from hwmap.ir.types import Quant

MULTIPLIER_BITS = 17
MAX_SHIFT = 47
MAX_ACCUMULATOR = 2**31 - 1

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Requant:
    """How an op's accumulator becomes its output.

    `multipliers` and `shifts` have one entry per output channel (Conv) or one in all, except for
    Add: one multiplier per input, applied before the sum, and one shift after it.
    """

    multipliers: Integers
    shifts: Integers
    zero_point: int
    low: int
    high: int


def multiplier_and_shift(ratio: float) -> tuple[int, int]:
    """Integers (m, s) with m < 2**17 and m * 2**-s nearest to `ratio` (at least 0).

    Raises:
        ModelError: `ratio` is 2**17 or more, which no sensible pair of scales gives.
    """
    _, exponent = frexp(ratio)
    shift = min(MULTIPLIER_BITS - exponent, MAX_SHIFT) if ratio else 0
    multiplier = round(ratio * 2.0**shift)
    if multiplier == 1 << MULTIPLIER_BITS:
        multiplier, shift = multiplier >> 1, shift - 1
    if shift < 0:
        raise ModelError(
            f"a scale ratio of {ratio:.3g} does not fit the requantizer; expected less than"
            f" {2**MULTIPLIER_BITS}; calibrate with data that covers the network's range"
        )
    return multiplier, shift


def rescale(accumulator: Integers, multipliers: Integers, shifts: Integers) -> Integers:
    """round_half_up(accumulator * multipliers * 2**-shifts), broadcast."""
    half = (np.int64(1) << shifts) >> 1
    return np.asarray((accumulator * multipliers + half) >> shifts)


def saturate(values: Integers, requant: Requant) -> Integers:
    """Add the zero point and clamp."""
    return np.clip(values + requant.zero_point, requant.low, requant.high)


def requant_of(op: HardwareOp, graph: Graph) -> Requant:
    """The requantization of `op` in an integer graph, from the scales of what it reads and writes.

    Conv: scale_in * scale_weight / scale_out per channel. AveragePool: scale_in / (scale_out *
    window size). Add: scale_in / scale_out per input, with the shift of the larger. MaxPool: none.
    """
    try:
        return _requant_of(op, graph)
    except ModelError as error:
        raise ModelError(f"op '{op.name}': {error}") from error


def _requant_of(op: HardwareOp, graph: Graph) -> Requant:
    source = [graph.tensors[name].integer for name in op.inputs]
    target = graph.tensors[op.output].integer
    match op:
        case MaxPool():
            return _requant([1], [0], 0, Quant(target.width_bits, target.signed, 1.0, 0), Clamp())
        case Conv(clamp=clamp):
            weight = graph.constants[op.weight].quant
            assert weight is not None
            scales = np.broadcast_to(weight.scale, graph.shape(op.output)[0])
            ratios = source[0].scalar_scale * scales / target.scalar_scale
            pairs = [multiplier_and_shift(float(ratio)) for ratio in ratios]
            multipliers, shifts = map(list, zip(*pairs, strict=True))
            return _requant(multipliers, shifts, target.zero_point, target, clamp)
        case AveragePool(kernel=(rows, columns), clamp=clamp):
            ratio = source[0].scalar_scale / (target.scalar_scale * rows * columns)
            multiplier, shift = multiplier_and_shift(ratio)
            return _requant([multiplier], [shift], target.zero_point, target, clamp)
        case Add(clamp=clamp):
            parts = [quant.scalar_scale / target.scalar_scale for quant in source]
            _, shift = multiplier_and_shift(max(parts))
            multipliers = [round(part * 2.0**shift) for part in parts]
            return _requant(multipliers, [shift], target.zero_point, target, clamp)


def _requant(
    multipliers: list[int], shifts: list[int], zero_point: int, target: Quant, clamp: Clamp
) -> Requant:
    low, high = integer_clamp(clamp, target)
    return Requant(np.array(multipliers), np.array(shifts), zero_point, low, high)


def integer_clamp(clamp: Clamp, target: Quant) -> tuple[int, int]:
    """The bounds of `clamp` as integers of the format `target`."""
    bounds = np.array([clamp.low, clamp.high]) / target.scalar_scale + target.zero_point
    low, high = np.rint(np.clip(bounds, target.low, target.high))
    return int(low), int(high)
