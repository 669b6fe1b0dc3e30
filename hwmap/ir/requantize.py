"""The one definition of rounding: from an integer accumulator to an 8-bit activation.

    y = clamp(zero_point + round_half_even(accumulator * multiplier * 2**-shift))

Halves go to the even integer, as ONNX has it: with scales that are powers of two half of an Add's
sums are halves, and rounding them up drifts through a network. All integer arithmetic, exact in 64
bits: the accumulator has 32 bits, the multiplier at most 17 (the factors of an Add, which multiply
8-bit values, at most 21), the shift is at most 47. `hls/hwmap/requantize.hpp` is the same rule in
C++, and `tests/ir/test_requantize.py` runs both on the same vectors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import frexp
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from hwmap.errors import ModelError
from hwmap.ir.graph import Graph
from hwmap.ir.ops import (
    Add,
    AveragePool,
    Clamp,
    Concat,
    Conv,
    ConvTranspose,
    HardwareOp,
    Lookup,
    MaxPool,
    Mul,
    Resize,
    Select,
    average_counts,
)
from hwmap.ir.types import Array, Integers, Quant

MULTIPLIER_BITS = 17
ADD_BITS = 21
MAX_SHIFT = 47
MAX_ACCUMULATOR = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Requant:
    """How an op's accumulator becomes its output.

    `multipliers` and `shifts` have one entry per output channel (Conv, ConvTranspose), one per
    input (Add: multipliers before the sum, one shift after it; Concat), one per output pixel (an
    AveragePool whose windows count different numbers of values; shape (H_out, W_out)), or one.
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


def add_shift(ratios: Sequence[float]) -> int:
    """The shift of an Add whose inputs have these ratios of scale_in / scale_out: the largest of
    its two factors gets ADD_BITS bits, so that the sum of their products fits 32 bits."""
    _, shift = multiplier_and_shift(max(ratios))
    return min(shift + ADD_BITS - MULTIPLIER_BITS, MAX_SHIFT)


def rescale(accumulator: Integers, multipliers: Integers, shifts: Integers) -> Integers:
    """round_half_even(accumulator * multipliers * 2**-shifts), broadcast."""
    products = accumulator * multipliers
    half = (np.int64(1) << shifts) >> 1
    rounded = (products + half) >> shifts
    ties = (half > 0) & (products + half == rounded << shifts)
    return np.asarray(rounded - (ties & rounded))


def requantize(
    accumulator: Array, multipliers: Integers, shifts: Integers, requant: Requant
) -> NDArray[np.int8]:
    """`rescale`, zero point and clamp, in float64, which is exact and faster: the product has at
    most 49 bits, at most 47 of them behind the point, so that adding a half takes at most 50."""
    ratios = multipliers * 2.0 ** -shifts.astype(np.float64)
    values = np.multiply(accumulator, ratios, dtype=np.float64)
    np.rint(values, out=values)
    values += requant.zero_point
    np.clip(values, requant.low, requant.high, out=values)
    return values.astype(np.int8)


def requant_of(op: HardwareOp, graph: Graph) -> Requant:
    """The requantization of `op` in an integer graph, from the scales of what it reads and writes.

    Conv, ConvTranspose: scale_in * scale_weight / scale_out per channel. AveragePool: scale_in /
    (scale_out * window size). Add: scale_in / scale_out per input, with the shift of the larger.
    Concat: the same, each input with its own shift. Mul: scale_a * scale_b / scale_out. Resize:
    scale_in * scale_rows * scale_columns / scale_out. MaxPool, Select and Lookup: none.
    """
    try:
        return _requant_of(op, graph)
    except ModelError as error:
        raise ModelError(f"op '{op.name}': {error}") from error


def _requant_of(op: HardwareOp, graph: Graph) -> Requant:
    source = [graph.tensors[name].integer for name in op.inputs]
    target = graph.tensors[op.output].integer
    match op:
        case MaxPool() | Select() | Lookup():
            whole = Quant(target.width_bits, target.signed, 1.0, 0)
            return _requant(np.array([1.0]), 0, whole, Clamp())
        case Conv(clamp=clamp) | ConvTranspose(clamp=clamp):
            weight = graph.constants[op.weight].quant
            assert weight is not None
            scales = np.broadcast_to(weight.scale, graph.shape(op.output)[0])
            ratios = source[0].scalar_scale * scales / target.scalar_scale
            return _requant(ratios, target.zero_point, target, clamp)
        case AveragePool(clamp=clamp):
            sizes = target.scalar_scale * window_sizes(op, graph)
            return _requant(source[0].scalar_scale / sizes, target.zero_point, target, clamp)
        case Add(clamp=clamp, signs=signs):
            parts = [quant.scalar_scale / target.scalar_scale for quant in source]
            shift = add_shift(parts)
            # Not 0, so that every factor of scales that are powers of two is one; for sensible
            # scales that is far below a level.
            least = int(shift > MULTIPLIER_BITS - 8)
            multipliers = [
                sign * max(round(part * 2.0**shift), least)
                for part, sign in zip(parts, signs, strict=True)
            ]
            low, high = integer_clamp(clamp, target)
            return Requant(np.array(multipliers), np.array([shift]), target.zero_point, low, high)
        case Mul(clamp=clamp):
            ratio = source[0].scalar_scale * source[1].scalar_scale / target.scalar_scale
            return _requant(np.array([ratio]), target.zero_point, target, clamp)
        case Concat():
            ratios = np.array([quant.scalar_scale / target.scalar_scale for quant in source])
            return _requant(ratios, target.zero_point, target, Clamp())
        case Resize():
            fractions = [graph.constants[name].quant for name in (op.rows, op.columns)]
            ratio = source[0].scalar_scale / target.scalar_scale
            for fraction in fractions:
                assert fraction is not None
                ratio *= fraction.scalar_scale
            return _requant(np.array([ratio]), target.zero_point, target, Clamp())
        case _:
            assert_never(op)


def _requant(ratios: Array, zero_point: int, target: Quant, clamp: Clamp) -> Requant:
    pairs = np.array([multiplier_and_shift(float(ratio)) for ratio in ratios.flat], np.int64)
    multipliers, shifts = (column.reshape(ratios.shape) for column in pairs.T)
    low, high = integer_clamp(clamp, target)
    return Requant(multipliers, shifts, zero_point, low, high)


def window_sizes(op: AveragePool, graph: Graph) -> NDArray[np.int64]:
    """How many values each window of an AveragePool counts: (H_out, W_out), or (1, 1) if equal."""
    _, height, width = graph.shape(op.inputs[0])
    rows = np.array(average_counts(op, height, 0))
    columns = np.array(average_counts(op, width, 1))
    sizes: Integers = rows[:, None] * columns
    return sizes if sizes.min() != sizes.max() else sizes[:1, :1]


def integer_clamp(clamp: Clamp, target: Quant) -> tuple[int, int]:
    """The bounds of `clamp` as integers of the format `target`."""
    bounds = np.array([clamp.low, clamp.high]) / target.scalar_scale + target.zero_point
    low, high = np.rint(np.clip(bounds, target.low, target.high))
    return int(low), int(high)
