"""What the kernels of a design compute, from the bytes of their memories."""

from collections.abc import Mapping
from typing import assert_never

import numpy as np

from hwmap.errors import SimulationError
from hwmap.files.words import channel_fields
from hwmap.ir.evaluate import windows
from hwmap.ir.requantize import Requant, requantize
from hwmap.ir.types import Array, Integers, Shape
from hwmap.streaming import units
from hwmap.streaming.buffered import Buffered
from hwmap.streaming.design.constants import factor_of
from hwmap.streaming.design.types import MULTIPLIED, Constants, Design
from hwmap.streaming.network import Kernel
from hwmap.streaming.pick import Pick
from hwmap.streaming.schedule import pace
from hwmap.streaming.units import Unit
from hwmap.streaming.window import Window

LOWEST = -128


def run_values(design: Design, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs (N, C, H, W) for integer `inputs` (N, C, H, W).

    Raises:
        SimulationError: a row memory does not hold what a window wants.
    """
    found: dict[int, Array] = {}
    outputs = {}
    for number, kernel in enumerate(design.network.kernels):
        sources = [found.pop(stream).astype(np.float64) for stream in kernel.reads]
        if isinstance(kernel.unit, units.Sink):
            outputs[kernel.source] = sources[0].astype(np.int8)
            continue
        if isinstance(kernel.unit, units.Feed):
            found |= dict.fromkeys(kernel.writes, np.zeros(0))
            continue
        if isinstance(kernel.unit, units.Source):
            result = inputs[kernel.source].astype(np.int8)
        else:
            result = _computed(kernel, design.constants.get(number), sources)
        for stream in kernel.writes:
            found[stream] = result
    return {tensor.name: outputs[tensor.name] for tensor in design.outputs}


def _computed(kernel: Kernel, constants: Constants | None, sources: list[Array]) -> Array:
    unit, x = kernel.unit, sources[0]
    match unit:
        case units.Fork() | units.Gearbox() | units.Regroup():
            return x.astype(np.int8)
        case units.Relabel():
            in_order = x.transpose(0, 2, 3, 1).reshape(len(x), *_last_axis(unit.target.shape))
            return in_order.transpose(0, 3, 1, 2).astype(np.int8)
        case Pick():
            check_row_memory(unit, kernel.source)
            return _picked(unit, constants, x)
        case units.Matrix() | units.Lanes():
            check_row_memory(unit.window, kernel.source)
            return _windowed(unit, constants, x)
        case units.Table():
            assert constants is not None
            table: Array = constants.weights[:, 0]
            return table[x.astype(np.int64) + 128]
        case units.Reduce() | units.Join() | units.Scale() | units.Concat():
            assert constants is not None
            return _pointwise(unit, constants, sources)
        case units.Source() | units.Feed() | units.Sink():
            raise AssertionError(unit)
        case _:
            assert_never(unit)


def _requant(constants: Constants, multipliers: Array, shifts: Array) -> Requant:
    n = constants.numbers
    return Requant(np.asarray(multipliers), np.asarray(shifts), n.zero_point, n.low, n.high)


def _finish(constants: Constants, total: Array, multipliers: Array, shifts: Array) -> Array:
    requant = _requant(constants, multipliers, shifts)
    return requantize(total, requant.multipliers, requant.shifts, requant)


def _pointwise(unit: Unit, constants: Constants, sources: list[Array]) -> Array:
    n, x = constants.numbers, sources[0]
    shift = np.array([n.shift])
    match unit:
        case units.Reduce():
            total = x.sum((2, 3), keepdims=True) + n.bias
            return _finish(constants, total, np.array([n.first_factor]), shift)
        case units.Join(kind="add"):
            first, second = n.first_factor, n.second_factor
            if constants.left != MULTIPLIED:
                first, second = factor_of(first), factor_of(second)
            total = x * first + sources[1] * second + n.bias
            return _finish(constants, total, np.array([1]), shift)
        case units.Join() | units.Scale():
            total = (x - n.first_zero) * (sources[1] - n.second_zero)
            return _finish(constants, total, np.array([n.first_factor]), shift)
        case units.Concat(axis=axis):
            bias, multipliers, shifts = channel_fields(constants.channels)
            parts = [
                _finish(constants, part + bias[i], multipliers[i : i + 1], shifts[i : i + 1])
                for i, part in enumerate(sources)
            ]
            return np.concatenate(parts, axis=axis + 1)
        case _:
            raise AssertionError(unit)


def _last_axis(shape: Shape) -> Shape:
    """A shape with the channels last."""
    return shape[1], shape[2], shape[0]


def _picked(unit: Pick, constants: Constants | None, x: Array) -> Array:
    picked, (count, height, width) = unit.picked, unit.target.shape
    rows, columns = np.array(picked.rows), np.array(picked.columns)
    tall, wide = picked.phases
    phase = np.arange(height)[:, None] % tall * wide + np.arange(width) % wide
    channels = np.array(picked.channels).T[:count, phase]
    taps = [
        x[:, channels, rows[:, None, tap], columns[:, tap]].reshape(len(x), *unit.target.shape)
        for tap in range(picked.taps)
    ]
    if constants is None:
        return taps[0].astype(np.int8)
    numbers = constants.numbers
    factors = np.array(picked.factors).reshape((-1, 1, 2) if picked.axis == 0 else (1, -1, 2))
    total = sum((tap - numbers.first_zero) * factors[..., place] for place, tap in enumerate(taps))
    return _finish(
        constants, np.asarray(total), np.array([numbers.first_factor]), np.array([numbers.shift])
    )


def _windowed(unit: units.Windowed, constants: Constants | None, x: Array) -> Array:
    shape = unit.window
    outside = LOWEST if constants is None else constants.numbers.first_zero
    view = windows(
        _framed(shape, x, outside), shape.kernel, shape.strides, (0, 0, 0, 0),
        dilations=shape.dilations,
    )[:, :, : shape.rows_out, : shape.columns_out]  # fmt: skip
    if isinstance(unit, units.Lanes) and unit.kind == "max":
        return np.asarray(view.max((4, 5))).astype(np.int8)
    assert constants is not None
    if isinstance(unit, units.Lanes) and unit.kind == "average":
        return _average(unit, constants, view)
    channels = unit.target.shape[0]
    bias, multipliers, shifts = _by_channel(unit, constants.channels)
    total = _products(unit, constants.weights, view) + bias[:channels, None, None]
    by_channel = multipliers[:channels, None, None], shifts[:channels, None, None]
    return _finish(constants, total, *by_channel)


def _framed(shape: Window, x: Array, outside: int) -> Array:
    """`x` with as much padding as its windows reach over it."""
    _, height, width = shape.source.shape
    down = (shape.rows_out - 1) * shape.strides[0] + (shape.kernel[0] - 1) * shape.dilations[0] + 1
    right = (shape.columns_out - 1) * shape.strides[1]
    right += (shape.kernel[1] - 1) * shape.dilations[1] + 1
    pads = [
        (0, 0),
        (0, 0),
        (shape.pad_rows, max(down - height - shape.pad_rows, 0)),
        (shape.pad_columns, max(right - width - shape.pad_columns, 0)),
    ]
    return np.pad(x, pads, constant_values=outside)


def _average(unit: units.Lanes, constants: Constants, view: Array) -> Array:
    bias, multipliers, shifts = channel_fields(constants.channels)
    rows = np.searchsorted(constants.row_runs, np.arange(unit.window.rows_out), "right") - 1
    columns = np.searchsorted(constants.column_runs, np.arange(unit.window.columns_out), "right")
    at = rows[:, None] * len(constants.column_runs) + columns - 1
    total = view.sum((4, 5)) + bias[at]
    return _finish(constants, total, multipliers[at], shifts[at])


def _by_channel(unit: units.Windowed, channels: Array) -> tuple[Integers, Integers, Integers]:
    """The constants of each output channel: those of the first pixel of every pass."""
    shape, layout = unit.window, unit.target
    groups = shape.passes // shape.passes_per_group if isinstance(unit, units.Matrix) else 1
    found = []
    for values in channel_fields(channels):
        block = values.reshape(shape.passes, -1)[:, : layout.lanes].reshape(groups, -1)
        found.append(block[:, : layout.shape[0] // groups].reshape(-1))
    return found[0], found[1], found[2]


def _products(unit: units.Windowed, weights: Array, view: Array) -> Array:
    """The sums of products (N, C_out, H_out, W_out) of windows with the words of weights."""
    shape = unit.window
    rows, columns = shape.kernel
    lanes, taps = shape.source.lanes, shape.taps
    if isinstance(unit, units.Lanes):
        split = weights.reshape(shape.passes, rows, shape.tap_columns, taps, lanes)
        kernels = split.transpose(0, 4, 1, 2, 3).reshape(shape.passes * lanes, rows, -1)
        kernels = kernels[: view.shape[1], :, :columns].astype(np.float64)
        return np.asarray(np.einsum("nchwij,cij->nchw", view, kernels, optimize=True))
    pe = unit.target.lanes
    groups = shape.passes // shape.passes_per_group
    out, source = unit.target.shape[0] // groups, view.shape[1] // groups
    split = weights.reshape(
        shape.passes, rows, shape.tap_columns, shape.group_words, pe, taps, lanes
    )
    # (pass, PE, word, lane, row, column of taps, tap)
    ordered = split.transpose(0, 4, 3, 6, 1, 2, 5).reshape(groups, -1, *_inner(shape))
    kernels = ordered[:, :out, :source, :, :columns].astype(np.float64)
    parts = []
    for group in range(groups):
        own = view[:, group * source : (group + 1) * source]
        patches = own.transpose(0, 2, 3, 1, 4, 5).reshape(*own.shape[:1], *own.shape[2:4], -1)
        parts.append(patches @ kernels[group].reshape(out, -1).T)
    return np.concatenate(parts, axis=3).transpose(0, 3, 1, 2)


def _inner(shape: Window) -> tuple[int, int, int]:
    return (
        shape.group_words * shape.source.lanes,
        shape.kernel[0],
        shape.tap_columns * shape.taps,
    )


def check_row_memory(shape: Buffered, name: str) -> None:
    """Follows the words of an image through the row memory: a read at the first and at the last
    time that a word is used must find it where it was written.

    Raises:
        SimulationError: it was not there yet, or another word lies there.
    """
    words, trips, size = shape.source.words, shape.trips, shape.memory_words
    numbers = np.arange(words)
    arrival = pace(words, trips)
    for uses in shape.uses:
        used = uses >= 0
        reads = shape.lead + shape.at(uses[used])
        # Words that had arrived before: of this image, and of those behind it.
        whole, rest = np.divmod(reads, trips)
        arrived = whole * words + np.searchsorted(arrival, rest, "left")
        behind = (arrived - 1 - numbers[used]) % size
        there = arrived - 1 - behind
        if (there != numbers[used]).any():
            wrong = int(np.flatnonzero(there != numbers[used])[0])
            raise SimulationError(
                f"'{name}': the row memory holds word {int(there[wrong])} where word"
                f" {int(numbers[used][wrong])} is wanted; this is a bug in hwmap"
            )
