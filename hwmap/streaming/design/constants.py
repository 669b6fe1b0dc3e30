"""The trained numbers of an op, laid out as its kernel reads them."""

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from hwmap.errors import GraphError
from hwmap.files.words import CHANNEL_BYTES, channel_bytes
from hwmap.ir.graph import Graph
from hwmap.ir.interpolate import FRACTION_BITS
from hwmap.ir.ops import (
    Add,
    AveragePool,
    Concat,
    Conv,
    HardwareOp,
    Lookup,
    MaxPool,
    Mul,
    Resize,
    Select,
    average_counts,
)
from hwmap.ir.requantize import Requant, requant_of
from hwmap.ir.types import Array, Integers
from hwmap.streaming import units
from hwmap.streaming.design.types import MULTIPLIED, Bytes, Constants, Numbers
from hwmap.streaming.pick import Pick
from hwmap.streaming.units import Unit, drain_trips, requant_lanes

LEAST = 128
NONE = np.zeros((0, 1), np.int8)


def constants_of(op: HardwareOp, graph: Graph, unit: Unit, *, by_shifts: bool) -> Constants | None:
    """What the kernel `unit` of an integer op needs to know; None if it is the same for all.
    `by_shifts`: scales are powers of two."""
    if isinstance(op, MaxPool | Select):
        return None
    requant, left = requant_of(op, graph), MULTIPLIED
    if by_shifts and not isinstance(op, AveragePool):
        requant, left = shifted(requant)
    zeros = [graph.tensors[name].integer.zero_point for name in op.inputs]
    out = {"zero_point": requant.zero_point, "low": requant.low, "high": requant.high}
    shifts = requant.shifts
    match op:
        case Conv():
            assert isinstance(unit, units.Matrix | units.Lanes)
            found = _convolution(op, graph, unit, requant, Numbers(zeros[0], **out))
            return replace(found, left=left)
        case AveragePool():
            return _average(op, graph, unit, requant, Numbers(zeros[0], **out))
        case Add():
            first, second = (int(factor) for factor in requant.multipliers)
            bias = -(zeros[0] * first + zeros[1] * second)
            largest = LEAST * (abs(first) + abs(second)) + abs(bias)
            if by_shifts:
                first, second = factor_code(first), factor_code(second)
            numbers = Numbers(zeros[0], zeros[1], first, second, bias, int(shifts[0]), **out)
            return _plain(numbers, largest, left)
        case Mul():
            factor = int(requant.multipliers[0])
            numbers = Numbers(zeros[0], zeros[1], factor, shift=int(shifts[0]), **out)
            return _plain(numbers, (2 * LEAST - 1) ** 2, left)
        case Resize():
            factor = int(requant.multipliers[0])
            # The other axis has factors of one, which the sums here do not have.
            shift = int(shifts[0]) - FRACTION_BITS
            if shift < 0:
                left, shift = left - shift, 0
                factor = 1 << left
            numbers = Numbers(zeros[0], first_factor=factor, shift=shift, **out)
            assert isinstance(unit, Pick)
            most = max(sum(map(abs, own)) for own in unit.picked.factors)
            return _plain(numbers, most * (2 * LEAST - 1), left)
        case Concat():
            channels = channel_bytes(-np.array(zeros), requant.multipliers, shifts)
            return Constants(Numbers(**out), NONE, channels, 10, _most(shifts), left)
        case Lookup(table=table):
            values = graph.constants[table].values.astype(np.int8).reshape(-1, 1)
            return Constants(Numbers(), values, NONE, 1, 1)
        case _:
            raise GraphError(f"op '{op.name}' has no kernel")


def shifted(requant: Requant) -> tuple[Requant, int]:
    """The same, where multipliers are powers of two (or, of sums that come to nothing, 0), without
    any: sums are shifted up by the number of places that comes second, and then down. (An Add has
    its multipliers before the sum, each its own: its places are those of the larger.)"""
    places = np.log2(np.maximum(np.abs(requant.multipliers), 1)).astype(np.int64)
    assert (np.abs(requant.multipliers) <= 1 << places).all(), "scales are powers of two"
    if len(requant.multipliers) > len(requant.shifts):
        common = min(int(places.min()), int(requant.shifts[0]))
        factors = np.sign(requant.multipliers) << places - common
        return replace(requant, multipliers=factors, shifts=requant.shifts - common), int(
            places.max()
        ) - common
    down = requant.shifts - places
    left = max(-int(down.min()), 0)
    ones = np.full_like(requant.multipliers, 1 << left)
    return replace(requant, multipliers=ones, shifts=down + left), left


def factor_code(factor: int) -> int:
    """A power of two, or minus one, as its exponent: as ~exponent, below 0, if it is negative."""
    assert factor, "no term of an Add is multiplied by 0"
    places = abs(factor).bit_length() - 1
    return ~places if factor < 0 else places


def factor_of(code: int) -> int:
    """The factor of a code."""
    return -(1 << ~code) if code < 0 else 1 << code


def _plain(numbers: Numbers, largest: int, left: int) -> Constants:
    bits, most = largest.bit_length() + 1, max(numbers.shift, 1)
    return Constants(numbers, NONE, NONE, bits, most, left)


def _most(shifts: Integers) -> int:
    return max(int(shifts.max()), 1)


def _convolution(
    op: Conv, graph: Graph, unit: units.Windowed, requant: Requant, numbers: Numbers
) -> Constants:
    weight = graph.constants[op.weight].values
    sums = weight.astype(np.int64).sum((1, 2, 3))
    bias = graph.constants[op.bias].values.astype(np.int64) - numbers.first_zero * sums
    assert np.abs(bias).max() < 2**31, "quantization keeps accumulators within 32 bits"
    largest = LEAST * np.abs(weight.astype(np.int64)).sum((1, 2, 3)) + np.abs(bias)
    channels = channel_bytes(bias, requant.multipliers, requant.shifts)
    return Constants(
        numbers,
        _weight_words(weight, unit),
        _channel_words(channels, unit),
        int(largest.max()).bit_length() + 1,
        _most(requant.shifts),
        fed=isinstance(unit, units.Matrix) and unit.feed is not None,
    )


def _weight_words(weight: Array, unit: units.Windowed) -> Bytes:
    """(passes * steps, PE * taps * lanes): for each pass, row and column of taps and word of
    channels the weights of each output channel; of lanes, one per tap and lane."""
    window = unit.window
    groups = window.passes // window.passes_per_group
    lanes, taps = window.source.lanes, window.taps
    columns = window.tap_columns * taps
    if isinstance(unit, units.Lanes):
        padded = _pad(weight[:, 0], (window.passes * lanes, weight.shape[2], columns))
        split = padded.reshape(window.passes, lanes, -1, window.tap_columns, taps)
        return np.ascontiguousarray(split.transpose(0, 2, 3, 4, 1)).reshape(
            window.passes * window.steps, -1
        )
    pe = unit.target.lanes
    grouped = weight.reshape(groups, -1, *weight.shape[1:])
    sizes = window.passes_per_group * pe, window.group_words * lanes, weight.shape[2], columns
    padded = _pad(grouped, (groups, *sizes))
    split = padded.reshape(
        window.passes, pe, window.group_words, lanes, weight.shape[2], window.tap_columns, taps
    )
    ordered = split.transpose(0, 4, 5, 2, 1, 6, 3)
    return np.ascontiguousarray(ordered).reshape(-1, pe * taps * lanes)


def _channel_words(channels: Bytes, unit: units.Windowed) -> Bytes:
    """(passes * drain trips, 8 * results): the constants of each result of a word, in the order in
    which they are requantized."""
    window, layout = unit.window, unit.target
    results, drain = requant_lanes(unit), drain_trips(unit)
    # Lanes read other words on every pass, but their channels are one group.
    groups = window.passes // window.passes_per_group if isinstance(unit, units.Matrix) else 1
    grouped = channels.reshape(groups, -1, CHANNEL_BYTES)
    padded = _pad(grouped, (groups, window.passes // groups * layout.lanes, CHANNEL_BYTES))
    by_pass = padded.reshape(window.passes, 1, layout.lanes, CHANNEL_BYTES)
    block = np.repeat(by_pass, layout.pixels, axis=1).reshape(window.passes, -1, CHANNEL_BYTES)
    whole = _pad(block, (window.passes, drain * results, CHANNEL_BYTES))
    return whole.reshape(-1, results * CHANNEL_BYTES)


def _average(
    op: AveragePool, graph: Graph, unit: Unit, requant: Requant, numbers: Numbers
) -> Constants:
    size = op.kernel[0] * op.kernel[1]
    bias = -numbers.first_zero * size
    largest = LEAST * size + abs(bias)
    bits, most = largest.bit_length() + 1, _most(requant.shifts)
    if isinstance(unit, units.Reduce):
        factor, shift = int(requant.multipliers[0, 0]), int(requant.shifts[0, 0])
        whole = replace(numbers, first_factor=factor, bias=bias, shift=shift)
        return Constants(whole, NONE, NONE, bits, most)
    _, height, width = graph.shape(op.inputs[0])
    rows, columns = (_runs(average_counts(op, n, axis)) for axis, n in enumerate((height, width)))
    multipliers = np.broadcast_to(requant.multipliers, graph.shape(op.output)[1:])
    shifts = np.broadcast_to(requant.shifts, graph.shape(op.output)[1:])
    at = np.ix_(rows, columns)
    biases = np.full(len(rows) * len(columns), bias)
    channels = channel_bytes(biases, multipliers[at].reshape(-1), shifts[at].reshape(-1))
    return Constants(numbers, NONE, channels, bits, most, row_runs=rows, column_runs=columns)


def _runs(counts: Sequence[int]) -> tuple[int, ...]:
    """Where runs of equal counts begin."""
    return (0, *(int(at) + 1 for at in np.flatnonzero(np.diff(counts))))


def _pad(array: NDArray[np.int8], shape: tuple[int, ...]) -> NDArray[np.int8]:
    """`array` with zeros behind it on each axis, up to `shape`."""
    return np.pad(array, [(0, want - have) for want, have in zip(shape, array.shape, strict=True)])


def chain_bytes(constants: Constants, chain_word_bytes: int) -> bytes:
    """What a kernel takes from the chain: its numbers, then the words of its memories, each filled
    up to whole words of the chain."""
    numbers = np.array([getattr(constants.numbers, field.name) for field in fields(Numbers)], "<i4")
    parts = [numbers.tobytes()]
    held = () if constants.fed else (constants.weights,)
    for memory in (*held, constants.channels):
        if len(memory):
            width = -(-memory.shape[1] // chain_word_bytes) * chain_word_bytes
            parts.append(_pad(memory, (len(memory), width)).tobytes())
    return b"".join(parts)
