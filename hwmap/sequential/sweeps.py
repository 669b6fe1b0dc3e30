"""The sweeps of every op: runs of the engine's loop, each a row of its table.

Most ops are one sweep; a Concat is one per input, a transposed convolution one per phase of its
strides, a pool whose windows count different numbers of values one per number, a Select one per
regular piece.
"""

from dataclasses import dataclass, replace
from itertools import groupby, product
from math import gcd
from typing import assert_never

from hwmap.ir.graph import Graph
from hwmap.ir.interpolate import blends, is_unit
from hwmap.ir.ops import (
    Add,
    AveragePool,
    Concat,
    Conv,
    ConvTranspose,
    HardwareOp,
    Lookup,
    MaxPool,
    Mul,
    Resize,
    Select,
    Weighted,
    average_counts,
    is_depthwise,
)
from hwmap.ir.select import Indices, keeps_bytes, pieces, separated
from hwmap.ir.types import Shape
from hwmap.sequential.geometry import Destination, Sweep, Window, whole, window_of


def is_matrix(op: HardwareOp, graph: Graph) -> bool:
    """Whether `op` runs on the PE x SIMD array; else it runs on the vector lanes."""
    match op:
        case Conv() | ConvTranspose():
            return not is_depthwise(op, graph.shape(op.inputs[0])[0], graph.shape(op.output)[0])
        case Add() | Mul() | Lookup() | Concat() | MaxPool() | AveragePool() | Select() | Resize():
            return False
        case _:
            assert_never(op)


def sweeps_of(op: HardwareOp, graph: Graph) -> tuple[Sweep, ...]:
    """The sweeps of `op`, in order."""
    source, target = graph.shape(op.inputs[0]), graph.shape(op.output)
    everything = whole(target)
    match op:
        case Conv():
            kernel = graph.constants[op.weight].values.shape[2:]
            taps = tuple(range(kernel[0])), tuple(range(kernel[1]))
            return (Sweep(_conv_window(op, graph, kernel), everything, taps=taps),)
        case ConvTranspose():
            return tuple(_phases(op, graph))
        case Add() | Mul():
            # Two runs of one pixel each: the step from one source to the other is the design's.
            return (Sweep(window_of(source, (1, 1), runs=2, run_bytes=source[0]), everything),)
        case Lookup():
            return (Sweep(window_of(source, (1, 1)), everything),)
        case MaxPool():
            window = _pool_window(op, source, op.dilations)
            return (Sweep(window, everything),)
        case AveragePool():
            return tuple(_means(op, source, target))
        case Concat():
            return tuple(_parts(op, graph))
        case Select():
            return tuple(_copies(op, graph))
        case Resize():
            return tuple(_blends(op, graph))
        case _:
            assert_never(op)


def _pool_window(
    op: MaxPool | AveragePool, source: Shape, dilations: tuple[int, int] = (1, 1)
) -> Window:
    return window_of(
        source,
        op.kernel,
        strides=op.strides,
        pads=op.pads,
        row_step=dilations[0],
        runs=op.kernel[1],
        run_bytes=source[0],
        run_step_bytes=dilations[1] * source[0],
    )


def _conv_window(op: Conv, graph: Graph, kernel: tuple[int, int]) -> Window:
    """A kernel as large as the map reads it as one run (linear layers)."""
    channels, height, width = graph.shape(op.inputs[0])
    matrix = is_matrix(op, graph)
    if matrix and kernel == (height, width) and not any(op.pads) and op.groups == 1:
        return window_of((channels * height * width, 1, 1), (1, 1))
    strides, pads = op.strides, (op.pads[0], op.pads[1])
    return _weighted_window(
        op, (channels, height, width), kernel, op.dilations, strides, pads, matrix=matrix
    )


def _weighted_window(
    op: Weighted,
    source: Shape,
    kernel: tuple[int, int],
    steps: tuple[int, int],
    strides: tuple[int, int],
    pads: tuple[int, int],
    *,
    matrix: bool,
) -> Window:
    """`kernel` taps, `steps` apart; `pads` at the top and left."""
    channels = source[0]
    merged = matrix and op.groups == 1 and steps[1] == 1
    per_group = channels // op.groups if matrix else channels
    return window_of(
        source,
        kernel,
        strides=strides,
        pads=pads,
        row_step=steps[0],
        runs=1 if merged else kernel[1],
        run_bytes=kernel[1] * channels if merged else per_group,
        run_step_bytes=steps[1] * channels,
        groups=op.groups if matrix else 1,
        group_bytes=per_group if matrix else 0,
    )


@dataclass(frozen=True)
class _Phase:
    """Output positions first, first + stride ... (count of them) along an axis, which read taps
    `taps` (in the order of source positions, `step` apart), the first of them at source position
    -pad for the first output."""

    first: int
    count: int
    taps: tuple[int, ...]
    step: int
    pad: int


def _axis_phases(
    size: int, kernel: int, stride: int, dilation: int, cut: int
) -> tuple[_Phase, ...]:
    """The phases of a transposed convolution along an axis of `size` outputs, of which `cut` were
    cut off before the first.

    Output r is position R = r + cut of the full output; tap k gives it source position
    (R - k * dilation) / stride, where that is whole. So outputs of one R mod stride read the same
    taps, at neighbouring source positions.
    """
    found = []
    for phase in range(stride):
        first = (phase - cut) % stride
        if first >= size:
            continue
        taps = [k for k in range(kernel) if (phase - k * dilation) % stride == 0][::-1]
        # Without taps there is the bias only: a tap of weight 0, see `design/constants.py`.
        start = (first + cut - (taps[0] if taps else 0) * dilation) // stride
        step = dilation // gcd(dilation, stride)
        count = -(-(size - first) // stride)
        found.append(_Phase(first, count, tuple(taps) or (-1,), step, -start))
    return tuple(found)


def _phases(op: ConvTranspose, graph: Graph) -> list[Sweep]:
    source, (channels, height, width) = graph.shape(op.inputs[0]), graph.shape(op.output)
    kernel = graph.constants[op.weight].values.shape[2:]
    rows, columns = (
        _axis_phases(size, kernel[axis], op.strides[axis], op.dilations[axis], op.pads[axis])
        for axis, size in enumerate((height, width))
    )
    matrix = is_matrix(op, graph)
    found = []
    for row, column in product(rows, columns):
        taps = row.taps, column.taps
        window = _weighted_window(
            op,
            source,
            (len(row.taps), len(column.taps)),
            (row.step, column.step),
            (1, 1),
            (row.pad, column.pad),
            matrix=matrix,
        )
        target = Destination(
            row.count,
            column.count,
            channels,
            (row.first * width + column.first) * channels,
            op.strides[1] * channels,
            op.strides[0] * width * channels,
        )
        found.append(Sweep(window, target, taps=taps))
    return found


def _means(op: AveragePool, source: Shape, shape: Shape) -> list[Sweep]:
    """A sweep for every rectangle of windows that count the same number of values."""
    channels, _, width = shape
    window = _pool_window(op, source)
    rows, columns = (_runs(average_counts(op, size, axis)) for axis, size in enumerate(source[1:]))
    found = []
    for (row, row_end, tall), (column, column_end, wide) in product(rows, columns):
        moved = replace(
            window,
            pad_rows=window.pad_rows - row * op.strides[0],
            pad_bytes=window.pad_bytes - column * op.strides[1] * channels,
        )
        first = (row * width + column) * channels
        target = Destination(
            row_end - row, column_end - column, channels, first, channels, width * channels
        )
        found.append(Sweep(moved, target, divisor=tall * wide))
    return found


def _runs(counts: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """(start, end, count) of every run of equal counts."""
    found, start = [], 0
    for count, group in groupby(counts):
        end = start + len(list(group))
        found.append((start, end, count))
        start = end
    return found


def _parts(op: Concat, graph: Graph) -> list[Sweep]:
    channels, _, width = graph.shape(op.output)
    found, position = [], 0
    for number, name in enumerate(op.inputs):
        part, height, columns = graph.shape(name)
        step = (1, width * channels, channels)[op.axis]
        target = Destination(height, columns, part, position * step, channels, width * channels)
        found.append(Sweep(window_of((part, height, columns), (1, 1)), target, source=number))
        position += graph.shape(name)[op.axis]
    return found


def _copies(op: Select, graph: Graph) -> list[Sweep]:
    """A Select that keeps all bytes is one copy; another one is a copy per run of channels and
    piece of rows and of columns."""
    source, (channels, _, width) = graph.shape(op.inputs[0]), graph.shape(op.output)
    if keeps_bytes(op, graph):
        flat = (source[0], 1, source[1] * source[2])
        return [Sweep(window_of(flat, (1, 1)), whole(flat))]
    parts = separated(op, graph)
    assert parts is not None, "others are not on hardware"
    found = []
    for run, row, column in product(_channel_runs(parts[0]), pieces(parts[1]), pieces(parts[2])):
        start, end, first = run
        window = window_of(
            source,
            (1, 1),
            strides=(row.source_step, column.source_step),
            pads=(-row.source, -column.source),
            run_bytes=end - start,
        )
        window = replace(window, pad_bytes=window.pad_bytes - first)
        target = Destination(
            row.count,
            column.count,
            end - start,
            (row.start * width + column.start) * channels + start,
            column.step * channels,
            row.step * width * channels,
        )
        found.append(Sweep(window, target))
    return found


def _blends(op: Resize, graph: Graph) -> list[Sweep]:
    """Windows of two rows, or of two columns, for each blend of the axis that is resized."""
    source, (channels, height, width) = graph.shape(op.inputs[0]), graph.shape(op.output)
    rows, columns = (graph.constants[name].values for name in (op.rows, op.columns))
    along_rows = is_unit(columns)
    found = []
    for blend in blends(rows if along_rows else columns) or ():
        place = (blend.source_step, 1) if along_rows else (1, blend.source_step)
        begin = (-blend.source, 0) if along_rows else (0, -blend.source)
        window = window_of(
            source,
            (2, 1) if along_rows else (1, 2),
            strides=place,
            pads=begin,
            row_step=1,
            runs=1 if along_rows else 2,
            run_bytes=channels,
            run_step_bytes=channels,
        )
        pixel, line = channels, width * channels
        if along_rows:
            target = Destination(blend.count, width, channels, blend.start * line, pixel,
                            blend.step * line)  # fmt: skip
        else:
            target = Destination(height, blend.count, channels, blend.start * pixel,
                            blend.step * pixel, line)  # fmt: skip
        found.append(Sweep(window, target, factors=blend.factors))
    return found


def _channel_runs(sources: Indices) -> list[tuple[int, int, int]]:
    """(start, end, first source) of every run of neighbouring source channels."""
    found: list[tuple[int, int, int]] = []
    for position, channel in enumerate(sources):
        if found and channel - found[-1][2] == position - found[-1][0]:
            found[-1] = (found[-1][0], position + 1, found[-1][2])
        else:
            found.append((position, position + 1, int(channel)))
    return found
