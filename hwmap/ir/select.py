"""What a Select does, seen as loops: the form in which hardware can run it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwmap.ir.graph import Graph
from hwmap.ir.ops import Select
from hwmap.ir.types import Array, Shape

Indices = NDArray[np.int64]


def is_identity(op: Select, graph: Graph) -> bool:
    """Whether it selects everything in its order, in the same shape."""
    index = graph.constants[op.index].values
    if index.shape != graph.shape(op.inputs[0]):
        return False
    return bool((index.reshape(-1) == np.arange(index.size)).all())


def separated(op: Select, graph: Graph) -> tuple[Indices, Indices, Indices] | None:
    """Source channel, row and column of each output channel, row and column, if every output value
    is where its own three say."""
    return separated_index(graph.constants[op.index].values, graph.shape(op.inputs[0]))


def separated_index(index: Array, source: Shape) -> tuple[Indices, Indices, Indices] | None:
    """The same for an index (channels, rows, columns) into a tensor of the shape `source`."""
    index = index.astype(np.int64)
    _, height, width = source
    channels = index[:, 0, 0] // (height * width)
    rows = index[0, :, 0] % (height * width) // width
    columns = index[0, 0, :] % width
    built = (channels[:, None, None] * height + rows[:, None]) * width + columns
    return (channels, rows, columns) if (built == index).all() else None


@dataclass(frozen=True)
class Piece:
    """Positions start, start + step ... of an output axis read source positions source, source +
    source_step ..., `count` of them."""

    start: int
    step: int
    source: int
    source_step: int
    count: int


MOST_PERIOD = 16


def pieces(sources: Array) -> tuple[Piece, ...]:
    """`sources` (source position of each output position) as few pieces: runs from left to right,
    or the phases of a short period, where each phase is one piece."""
    best = _runs(sources)
    for period in range(2, min(MOST_PERIOD, len(sources), len(best) - 1) + 1):
        phases = [_piece(sources[phase::period], phase, period) for phase in range(period)]
        if all(phase is not None for phase in phases):
            return tuple(phase for phase in phases if phase is not None)
    return best


def _runs(sources: Array) -> tuple[Piece, ...]:
    found = []
    start = 0
    while start < len(sources):
        end = start + 1
        step = int(sources[end]) - int(sources[start]) if end < len(sources) else 0
        while end < len(sources) and int(sources[end]) - int(sources[end - 1]) == step >= 0:
            end += 1
        piece = _piece(sources[start:end], start, 1)
        assert piece is not None
        found.append(piece)
        start = end
    return tuple(found)


def _piece(sources: Array, start: int, step: int) -> Piece | None:
    """`sources` as one piece, if its steps are equal and not negative."""
    steps = np.diff(sources)
    if len(steps) and (steps.min() != steps.max() or steps[0] < 0):
        return None
    source_step = int(steps[0]) if len(steps) else 0
    return Piece(start, step, int(sources[0]), source_step, len(sources))


def channel_runs(channels: Array) -> int:
    """How many runs of neighbouring source channels the output channels are."""
    return int((np.diff(channels) != 1).sum()) + 1


def keeps_bytes(op: Select, graph: Graph) -> bool:
    """Whether the output is the source, byte by byte, where tensors lie as (height, width,
    channels)."""
    index = graph.constants[op.index].values
    channels, height, width = graph.shape(op.inputs[0])
    if index.size != channels * height * width:
        return False
    order = np.arange(index.size).reshape(channels, height, width).transpose(1, 2, 0)
    return bool((index.transpose(1, 2, 0).reshape(-1) == order.reshape(-1)).all())
