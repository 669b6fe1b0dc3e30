"""The sweeps of every op: runs of the engine's loop, a step of a program each.

Most ops are one sweep; a Concat is one per input, a transposed convolution one per phase of its
strides, a pool whose windows count different numbers of values one per number, a Select one per
regular piece.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby, product
from math import gcd
from typing import assert_never

import numpy as np

from hwmap.ir.graph import Graph
from hwmap.ir.interpolate import Blend, blends, is_unit
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
)
from hwmap.ir.select import Piece, pieces, separated
from hwmap.sequential.geometry import Axis, Sweep, same
from hwmap.sequential.layout import WORD_BYTES, Layout, channel_runs, is_matrix, words_of

Layouts = Mapping[str, Layout]


def sweeps_of(op: HardwareOp, graph: Graph, layouts: Layouts) -> tuple[Sweep, ...]:
    """The sweeps of `op`, in order."""
    source, target = graph.shape(op.inputs[0]), graph.shape(op.output)
    words = layouts[op.output].words
    plain = Sweep(
        "sum", same(target[1]), same(target[2]), layouts[op.inputs[0]].words, words, words
    )
    match op:
        case Conv():
            return (_convolution(op, graph, layouts, plain),)
        case ConvTranspose():
            return tuple(_phases(op, graph, layouts, plain))
        case Add():
            return (replace(plain, sources=(0, 1)),)
        case Mul():
            fixed = source != graph.shape(op.inputs[1])
            return (replace(plain, kind="product", sources=(0, 1), fixed=fixed),)
        case Lookup():
            return (replace(plain, kind="lookup"),)
        case MaxPool():
            rows, columns = (
                _windows(op, axis, source, target, op.dilations[axis]) for axis in (0, 1)
            )
            return (replace(plain, kind="largest", rows=rows, columns=columns),)
        case AveragePool():
            return tuple(_means(op, source, target, plain))
        case Concat():
            return tuple(_parts(op, graph, layouts, plain))
        case Select():
            return tuple(_copies(op, graph, layouts, plain))
        case Resize():
            return tuple(_blends(op, graph, plain))
        case _:
            assert_never(op)


def _windows(
    op: MaxPool | AveragePool | Conv,
    axis: int,
    source: tuple[int, int, int],
    target: tuple[int, int, int],
    tap_step: int = 1,
    taps: int | None = None,
) -> Axis:
    """The windows of a pool or a convolution along rows (0) or columns (1)."""
    taps = op.kernel[axis] if not isinstance(op, Conv) else taps
    assert taps is not None
    return Axis(
        target[axis + 1], 0, 1, op.strides[axis], taps, tap_step, op.pads[axis], source[axis + 1]
    )


def merged_groups(op: Weighted, graph: Graph) -> int:
    """The groups of a convolution, neighbours taken together until each reads and writes whole
    words: weights between them are 0."""
    per_input = graph.shape(op.inputs[0])[0] // op.groups
    per_output = graph.shape(op.output)[0] // op.groups
    for merged in range(1, op.groups):
        whole = merged * per_input % WORD_BYTES == merged * per_output % WORD_BYTES == 0
        if op.groups % merged == 0 and whole:
            return op.groups // merged
    return 1


def _weighted(op: Weighted, graph: Graph, layouts: Layouts, sweep: Sweep) -> Sweep:
    """`sweep` with what the groups of `op` say."""
    if not is_matrix(op, graph, layouts):
        return replace(sweep, kind="depthwise")
    has_holes = len(layouts[op.inputs[0]].runs) > 1
    groups = 1 if has_holes else merged_groups(op, graph)
    return replace(
        sweep,
        kind="matrix",
        groups=groups,
        group_words=sweep.source_words // groups,
        words=sweep.target_words // groups,
        joined=groups == 1 and sweep.columns.tap_step == 1,
    )


def _convolution(op: Conv, graph: Graph, layouts: Layouts, plain: Sweep) -> Sweep:
    source, target = graph.shape(op.inputs[0]), graph.shape(op.output)
    kernel = graph.constants[op.weight].values.shape[2:]
    rows, columns = (
        _windows(op, axis, source, target, op.dilations[axis], kernel[axis]) for axis in (0, 1)
    )
    taps = tuple(range(kernel[0])), tuple(range(kernel[1]))
    return _weighted(op, graph, layouts, replace(plain, rows=rows, columns=columns, taps=taps))


@dataclass(frozen=True)
class _Phase:
    """Outputs of a transposed convolution that read the same taps, along an axis."""

    axis: Axis
    taps: tuple[int, ...]


def _axis_phases(
    op: ConvTranspose, axis: int, source: int, target: int, kernel: int
) -> list[_Phase]:
    """The phases along an axis of `target` outputs, of which some were cut off before the first.

    Output r is position R = r + cut of the full output; tap k gives it source position
    (R - k * dilation) / stride, where that is whole. So outputs of one R mod stride read the same
    taps, at neighbouring source positions.
    """
    stride, dilation, cut = op.strides[axis], op.dilations[axis], op.pads[axis]
    found = []
    for phase in range(stride):
        first = (phase - cut) % stride
        if first >= target:
            continue
        taps = [k for k in range(kernel) if (phase - k * dilation) % stride == 0][::-1]
        # Without taps there is the bias only: a tap of weight 0 in the padding.
        start = (first + cut - (taps[0] if taps else 0) * dilation) // stride
        step = dilation // gcd(dilation, stride)
        count = -(-(target - first) // stride)
        used = tuple(taps) or (-1,)
        found.append(
            _Phase(
                Axis(count, first, stride, 1, len(used), step, -start, source if taps else 0), used
            )
        )
    return found


def _phases(op: ConvTranspose, graph: Graph, layouts: Layouts, plain: Sweep) -> Iterator[Sweep]:
    source, target = graph.shape(op.inputs[0]), graph.shape(op.output)
    kernel = graph.constants[op.weight].values.shape[2:]
    rows, columns = (
        _axis_phases(op, axis, source[axis + 1], target[axis + 1], kernel[axis]) for axis in (0, 1)
    )
    for row, column in product(rows, columns):
        phase = replace(plain, rows=row.axis, columns=column.axis, taps=(row.taps, column.taps))
        yield _weighted(op, graph, layouts, phase)


def _means(
    op: AveragePool, source: tuple[int, int, int], target: tuple[int, int, int], plain: Sweep
) -> Iterator[Sweep]:
    """A sweep for every rectangle of windows that count the same number of values."""
    rows, columns = (
        [
            (_windows(op, axis, source, target).within(range(start, end)), count)
            for start, end, count in _runs(average_counts(op, source[axis + 1], axis))
        ]
        for axis in (0, 1)
    )
    for (row, tall), (column, wide) in product(rows, columns):
        assert row is not None
        assert column is not None
        yield replace(plain, rows=row, columns=column, divisor=tall * wide)


def _runs(counts: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    """(start, end, count) of every run of equal counts."""
    start = 0
    for count, group in groupby(counts):
        end = start + len(list(group))
        yield start, end, count
        start = end


def _parts(op: Concat, graph: Graph, layouts: Layouts, plain: Sweep) -> Iterator[Sweep]:
    position = 0
    for number, name in enumerate(op.inputs):
        words, (_, height, width) = layouts[name].words, graph.shape(name)
        part = replace(plain, rows=same(height), columns=same(width), sources=(number,))
        if op.axis == 0:
            yield replace(part, source_words=words, words=words, target_word=position)
            position += words
        else:
            axis = ("rows", "columns")[op.axis - 1]
            yield replace(part, **{axis: replace(getattr(part, axis), first=position)})
            position += graph.shape(name)[op.axis]


def _copies(op: Select, graph: Graph, layouts: Layouts, plain: Sweep) -> Iterator[Sweep]:
    """A copy per piece of rows and of columns, and, if words move, per run of channels."""
    source = graph.shape(op.inputs[0])
    parts = separated(op, graph)
    if parts is None:
        yield from _rows_of_selected(graph, op, plain)
        return
    everything = [(0, plain.words, 0)]
    matrix = is_matrix(op, graph, layouts)
    whole = np.array_equal(parts[0], np.arange(source[0]))
    runs = everything if matrix or whole else [
        (start // WORD_BYTES, words_of(end), first // WORD_BYTES)
        for start, end, first in channel_runs(parts[0])
    ]  # fmt: skip
    for row, column, (start, end, first) in product(pieces(parts[1]), pieces(parts[2]), runs):
        yield replace(
            plain,
            kind="matrix" if matrix else "largest",
            rows=_piece(row, source[1]),
            columns=_piece(column, source[2]),
            words=end - start,
            source_word=first,
            target_word=start,
            group_words=plain.source_words if matrix else 0,
            joined=matrix,
        )


def _piece(piece: Piece, size: int) -> Axis:
    return Axis(piece.count, piece.start, piece.step, piece.source_step, 1, 1, -piece.source, size)


def _rows_of_selected(graph: Graph, op: Select, plain: Sweep) -> Iterator[Sweep]:
    """A Select that mixes axes, row by row: a target row, seen as one pixel, is a convolution with
    weights 0 and 1 of everything that it reads."""
    _, height, width = graph.shape(op.inputs[0])
    _, rows, columns = graph.shape(op.output)
    whole = Axis(1, 0, 1, 1, width, 1, 0, width)
    for row in range(rows):
        yield replace(
            plain,
            kind="matrix",
            rows=Axis(1, row, 1, 1, height, 1, 0, height),
            columns=whole,
            target_words=columns * plain.target_words,
            words=columns * plain.words,
            group_words=plain.source_words,
            joined=True,
        )


def _blends(op: Resize, graph: Graph, plain: Sweep) -> Iterator[Sweep]:
    """Windows of two rows, or of two columns, for each blend of the axis that is resized."""
    source = graph.shape(op.inputs[0])
    rows, columns = (graph.constants[name].values for name in (op.rows, op.columns))
    along_rows = is_unit(columns)
    for blend in blends(rows if along_rows else columns) or ():
        if along_rows:
            yield replace(plain, rows=_blend(blend, source[1]), factors=blend.factors)
        else:
            yield replace(plain, columns=_blend(blend, source[2]), factors=blend.factors)


def _blend(blend: Blend, size: int) -> Axis:
    taps = 2 if blend.factors[1] else 1
    return Axis(
        blend.count, blend.start, blend.step, blend.source_step, taps, 1, -blend.source, size
    )
