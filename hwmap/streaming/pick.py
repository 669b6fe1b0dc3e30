"""Kernels that read single pixels from a row memory: selections, and blends of two neighbours.

Output pixel (y, x) reads the input pixels (rows[y][tap], columns[x][tap]); of these its channel c
is channel channels[phase][c], where the phase is that of (y, x) in a pattern of `phases` rows and
columns, which repeats. Where there are `factors`, the taps of a pixel are added up, each times the
factor of its row (axis 0) or column (axis 1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from hwmap.ir.graph import Graph
from hwmap.ir.interpolate import fixed_point, is_unit
from hwmap.ir.ops import Pair, Resize, Select
from hwmap.ir.types import Array, Integers, Shape
from hwmap.streaming.buffered import SMALL_WORDS, Buffered, Uses
from hwmap.streaming.layout import Layout

Places = tuple[tuple[int, ...], ...]
MOST_PHASES = 16


@dataclass(frozen=True)
class Picked:
    """Where the values of a tensor come from."""

    rows: Places
    columns: Places
    channels: Places
    phases: Pair = (1, 1)
    factors: Places = ()
    axis: Literal[0, 1] = 0

    @property
    def taps(self) -> int:
        """Pixels that are read for each."""
        return len(self.rows[0])


@dataclass(frozen=True)
class Pick(Buffered):
    """A kernel for them; `taps` are read per trip. Both layouts have the same lanes, one pixel."""

    source: Layout
    target: Layout
    picked: Picked
    taps: int

    @property
    def steps(self) -> int:
        """Trips of a word."""
        return self.picked.taps // self.taps

    @property
    def computing(self) -> int:
        """Trips of one image that compute."""
        return self.target.words * self.steps

    @property
    def reach(self) -> int:
        """Any word may be overwritten that is used no more."""
        return 1

    @property
    def storage(self) -> Literal["lutram", "bram"]:
        """What holds a copy of the row memory."""
        return "lutram" if self.memory_words <= SMALL_WORDS else "bram"

    @cached_property
    def channels(self) -> Integers:
        """(phases, words of a pixel, lanes): the source channels; behind the last one the first."""
        layout, every = self.target, np.array(self.picked.channels)
        missing = layout.pixel_words * layout.lanes - layout.shape[0]
        if missing:
            # Nobody reads what is there; of a straight word it is straight too.
            last = every[:, -1:] - every[:, -1:] % layout.lanes
            at = np.arange(layout.lanes - missing, layout.lanes)
            every = np.concatenate([every, last + at], axis=1)
        return every.reshape(len(every), layout.pixel_words, layout.lanes)

    @property
    def straight(self) -> bool:
        """Whether the lanes of every word are those of one word of the source."""
        lanes = np.arange(self.target.lanes)
        return bool((self.channels == self.channels[..., :1] + lanes).all()) and bool(
            (self.channels[..., 0] % len(lanes) == 0).all()
        )

    @property
    def copies(self) -> int:
        """Copies of the row memory, one for each word that a trip reads."""
        return self.taps * (1 if self.straight else self.target.lanes)

    @cached_property
    def uses(self) -> Uses:
        """When each word of an image is used."""
        source, target, picked = self.source, self.target, self.picked
        first = np.full(source.words, self.computing)
        last = np.full(source.words, -1)
        lanes = 1 if self.straight else target.lanes
        word = self.channels[..., :lanes] // source.lanes
        rows, columns = np.array(picked.rows), np.array(picked.columns)
        tall, wide = picked.phases
        for phase in range(tall * wide):
            y = np.arange(phase // wide, len(rows), tall)
            x = np.arange(phase % wide, len(columns), wide)
            pixel = rows[y][:, None] * source.row_words + columns[x] * source.pixel_words
            read = pixel[:, :, None, None] + word[phase][..., None]
            group = (y[:, None] * len(columns) + x)[..., None] * target.pixel_words
            trip = (group + np.arange(target.pixel_words)) * self.steps
            step = np.arange(picked.taps) // self.taps
            trips = np.broadcast_to(trip[..., None, None] + step, read.shape).reshape(-1)
            np.minimum.at(first, read.reshape(-1), trips)
            np.maximum.at(last, read.reshape(-1), trips)
        return Uses(np.where(last < 0, -1, first), last)


def picked_of(op: Select | Resize, graph: Graph) -> Picked | None:
    """Where the values of `op` come from, if its rows, columns and channels say so."""
    source, shape = graph.shape(op.inputs[0]), graph.shape(op.output)
    match op:
        case Select(index=index):
            return _selected(graph.constants[index].values, source)
        case Resize(rows=rows, columns=columns):
            matrices = [fixed_point(graph.constants[name].values) for name in (rows, columns)]
            axis: Literal[0, 1] = 0 if is_unit(graph.constants[columns].values) else 1
            neighbours, factors = _blended(matrices[axis])
            same = tuple((place, place) for place in range(shape[2 - axis]))
            down, along = (neighbours, same) if axis == 0 else (same, neighbours)
            return Picked(down, along, (tuple(range(source[0])),), (1, 1), factors, axis)


def _blended(matrix: Integers) -> tuple[Places, Places]:
    """The two neighbours that each row mixes, and their factors."""
    places, factors = [], []
    for row in matrix:
        used = np.flatnonzero(row)
        at = min(int(used[0]) if len(used) else 0, max(len(row) - 2, 0))
        behind = min(at + 1, len(row) - 1)
        places.append((at, behind))
        factors.append((int(row[at]), int(row[behind]) if behind > at else 0))
    return tuple(places), tuple(factors)


def _selected(index: Array, source: Shape) -> Picked | None:
    """Those of an index (channels, rows, columns): with the smallest phases that will do."""
    index = index.astype(np.int64)
    channels, place = np.divmod(index, source[1] * source[2])
    rows, columns = np.divmod(place, source[2])
    if (rows != rows[:1, :, :1]).any() or (columns != columns[:1, :1, :]).any():
        return None
    tall, wide = _period(channels, 1), _period(channels, 2)
    if tall is None or wide is None:
        return None
    by_phase = channels[:, :tall, :wide].transpose(1, 2, 0).reshape(tall * wide, -1)
    return Picked(
        _singles(rows[0, :, 0]),
        _singles(columns[0, 0, :]),
        tuple(tuple(row) for row in by_phase.tolist()),
        (tall, wide),
    )


def _singles(places: Array) -> Places:
    return tuple((place,) for place in places.tolist())


def _period(channels: Array, axis: int) -> int | None:
    """The shortest period of `channels` along an axis."""
    size = channels.shape[axis]
    for period in range(1, min(MOST_PHASES, size) + 1):
        ahead = channels.take(range(period, size), axis)
        if (ahead == channels.take(range(size - period), axis)).all():
            return period
    return None


def word_tables(unit: Pick) -> dict[str, Sequence[Sequence[int]]]:
    """What a kernel looks up: the words of rows and columns by tap, those of channels by lane (one
    for all, if they are straight), and their lanes; each modulo the row memory."""
    size, source = unit.memory_words, unit.source
    channels = unit.channels.reshape(-1, unit.target.lanes).T
    straight = channels[:1] if unit.straight else channels
    found: dict[str, Sequence[Sequence[int]]] = {
        "Row": (np.array(unit.picked.rows).T * source.row_words % size).tolist(),
        "Column": (np.array(unit.picked.columns).T * source.pixel_words % size).tolist(),
        "Word": (straight // source.lanes % size).tolist(),
    }
    if not unit.straight:
        found["Lane"] = (channels % source.lanes).tolist()
    if unit.picked.factors:
        found["Factor"] = np.array(unit.picked.factors).T.tolist()
    return found
