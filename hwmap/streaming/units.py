"""What a kernel does: a closed union of frozen dataclasses, and the schedule of each.

All numbers that depend on trained values (weights, scales, zero points) are elsewhere: these say
what the hardware is.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, log2
from typing import Literal, assert_never

import numpy as np

from hwmap.ir.types import Integers
from hwmap.streaming.layout import Layout
from hwmap.streaming.schedule import Schedule, even, pace
from hwmap.streaming.window import Window

Multiplier = Literal["dsp", "lut"]
Storage = Literal["lutram", "bram", "uram"]
LaneKind = Literal["depthwise", "max", "average"]
JoinKind = Literal["add", "mul"]


@dataclass(frozen=True)
class Source:
    """Words from a port of the accelerator."""

    target: Layout


@dataclass(frozen=True)
class Sink:
    """Words to a port of the accelerator."""

    source: Layout


@dataclass(frozen=True)
class Fork:
    """Every word to `copies` streams."""

    source: Layout
    copies: int


@dataclass(frozen=True)
class Gearbox:
    """Words with other lanes: the channels of a group of pixels, regrouped."""

    source: Layout
    lanes: int

    @property
    def target(self) -> Layout:
        """What is written."""
        return Layout(self.source.shape, self.lanes, self.source.pixels)


@dataclass(frozen=True)
class Regroup:
    """Words with more or fewer pixels."""

    source: Layout
    pixels: int

    @property
    def target(self) -> Layout:
        """What is written."""
        return Layout(self.source.shape, self.source.lanes, self.pixels)


@dataclass(frozen=True)
class Matrix:
    """A convolution: PE outputs of `window.pixels` pixels are summed up at once, each from all
    lanes and taps of a trip."""

    window: Window
    target: Layout
    multiplier: Multiplier
    weights: Storage

    @property
    def simd(self) -> int:
        """Terms of a dot product per trip."""
        return self.window.source.lanes * self.window.taps

    @property
    def multipliers(self) -> int:
        """Products per trip."""
        return self.target.word_bytes * self.simd

    @property
    def weight_words(self) -> int:
        """Words of PE x SIMD weights."""
        return self.window.passes * self.window.steps


@dataclass(frozen=True)
class Lanes:
    """A depthwise convolution, or a pooling: every lane sums up, or compares, its own channel."""

    kind: LaneKind
    window: Window
    target: Layout
    weights: Storage

    @property
    def multipliers(self) -> int:
        """Products per trip."""
        return self.target.word_bytes * self.window.taps if self.kind == "depthwise" else 0

    @property
    def weight_words(self) -> int:
        """Words of weights, one per lane and tap."""
        return self.window.passes * self.window.steps if self.kind == "depthwise" else 0


@dataclass(frozen=True)
class Reduce:
    """The average of a whole map: words are added up as they arrive."""

    source: Layout

    @property
    def target(self) -> Layout:
        """What is written."""
        return Layout((self.source.shape[0], 1, 1), self.source.lanes)


@dataclass(frozen=True)
class Join:
    """The sum, or the product, of two tensors of one shape, word by word."""

    kind: JoinKind
    target: Layout


@dataclass(frozen=True)
class Scale:
    """A tensor times one value per channel, which come first."""

    target: Layout


@dataclass(frozen=True)
class Table:
    """A function of each value."""

    target: Layout


@dataclass(frozen=True)
class Concat:
    """Tensors one behind the other along an axis (0 channels, 1 rows, 2 columns)."""

    sources: tuple[Layout, ...]
    target: Layout
    axis: int


Windowed = Matrix | Lanes
Unit = Source | Sink | Fork | Gearbox | Regroup | Windowed | Reduce | Join | Scale | Table | Concat


def sources_of(unit: Unit) -> tuple[Layout, ...]:
    """What a unit reads."""
    match unit:
        case Source():
            return ()
        case Sink() | Fork() | Gearbox() | Regroup() | Reduce():
            return (unit.source,)
        case Matrix() | Lanes():
            return (unit.window.source,)
        case Join():
            return (unit.target, unit.target)
        case Scale():
            channels = unit.target.shape[0]
            return (unit.target, Layout((channels, 1, 1), unit.target.lanes))
        case Table():
            return (unit.target,)
        case Concat():
            return unit.sources
        case _:
            assert_never(unit)


def targets_of(unit: Unit) -> tuple[Layout, ...]:
    """What a unit writes."""
    match unit:
        case Sink():
            return ()
        case Fork():
            return (unit.source,) * unit.copies
        case Source() | Gearbox() | Regroup() | Matrix() | Lanes() | Reduce():
            return (unit.target,)
        case Join() | Scale() | Table() | Concat():
            return (unit.target,)
        case _:
            assert_never(unit)


def requant_lanes(unit: Unit) -> int:
    """How many results are requantized per trip: as many as come in the time of a word."""
    match unit:
        case Lanes(kind="max"):
            return 0
        case Matrix() | Lanes():
            return ceil(unit.target.word_bytes / unit.window.steps)
        case Reduce():
            pixels = unit.source.words // unit.source.pixel_words
            return ceil(unit.source.lanes / pixels)
        case Join() | Scale() | Concat():
            return unit.target.word_bytes
        case Source() | Sink() | Fork() | Gearbox() | Regroup() | Table():
            return 0
        case _:
            assert_never(unit)


def drain_trips(unit: Windowed | Reduce) -> int:
    """Trips from the last term of a word's results to the word."""
    return ceil(unit.target.word_bytes / (requant_lanes(unit) or unit.target.word_bytes))


REDUCE_WORDS = 8
"""Sums of so many words per pixel are in a memory, which is read again after as many trips; fewer
are in registers."""

LEAST_DEPTH = 2
"""Words of a FIFO. With one place only, a word would pass every second cycle: a place is free on
the cycle after its word was read."""

# Stages of pipelines (judgement, until a synthesis report says better): one each for a FIFO or a
# memory to be read and to be written, two for an address, and so on. A cascade of DSP slices has a
# stage per slice.
MOVE_STAGES = 3
REQUANTIZE_STAGES = 8
WINDOW_STAGES = 9
MULTIPLY_STAGES = 4
MOST_CASCADE = 8


def depth_of(unit: Unit) -> int:
    """Stages of the pipeline of a unit, cycles from a trip's start to what it writes."""
    match unit:
        case Source() | Sink() | Fork() | Gearbox() | Regroup() | Table():
            return MOVE_STAGES
        case Matrix():
            cascades = ceil(unit.simd / MOST_CASCADE)
            tree = MULTIPLY_STAGES + min(unit.simd, MOST_CASCADE) + ceil(log2(cascades))
            return WINDOW_STAGES + tree + REQUANTIZE_STAGES
        case Lanes():
            return WINDOW_STAGES + MULTIPLY_STAGES + unit.window.taps + REQUANTIZE_STAGES
        case Reduce() | Join() | Scale() | Concat():
            return MOVE_STAGES + MULTIPLY_STAGES + REQUANTIZE_STAGES
        case _:
            assert_never(unit)


def schedule_of(unit: Unit) -> Schedule:
    """When a unit reads and writes."""
    depth = depth_of(unit)
    match unit:
        case Source(target=layout):
            return even((), (layout.words,), depth)
        case Sink(source=layout):
            return even((layout.words,), (), depth)
        case Fork(source=layout, copies=copies):
            return even((layout.words,), (layout.words,) * copies, depth)
        case Join(target=layout):
            return even((layout.words,) * 2, (layout.words,), depth)
        case Table(target=layout):
            return even((layout.words,), (layout.words,), depth)
        case Matrix() | Lanes():
            return _windowed(unit, depth)
        case Gearbox():
            return _gearbox(unit, depth)
        case Regroup():
            return _regroup(unit, depth)
        case Reduce(source=layout):
            trips, drain = layout.words, drain_trips(unit)
            left = np.arange(1, layout.pixel_words + 1) * drain
            return Schedule(trips, (np.arange(trips),), (trips + left - 1,), depth, int(left[-1]))
        case Scale(target=layout):
            held = layout.pixel_words
            later = np.arange(held, held + layout.words)
            return Schedule(held + layout.words, (later, np.arange(held)), (later,), depth)
        case Concat():
            return _concat(unit, depth)
        case _:
            assert_never(unit)


def _windowed(unit: Windowed, depth: int) -> Schedule:
    window = unit.window
    drain = drain_trips(unit)
    ends = np.arange(window.steps - 1, window.computing, window.steps)
    return Schedule(
        window.trips,
        (pace(window.source.words, window.trips),),
        (window.lead + window.at(ends) + drain,),
        depth,
        window.lead + drain,
    )


@dataclass(frozen=True)
class GearboxPattern:
    """What a gearbox does in the trips of one group of pixels: whether it reads, and whether it
    writes. It moves `unit_lanes` at a time."""

    unit_lanes: int
    reads: tuple[bool, ...]
    writes: tuple[bool, ...]


def gearbox_pattern(unit: Gearbox) -> GearboxPattern:
    """The trips of one group of pixels. A word is read when the next word that is written needs
    it, which is written on the same trip if that was all."""
    own = int(np.gcd(unit.source.lanes, unit.lanes))
    total = -(-unit.source.shape[0] // own)
    reading, writing = unit.source.lanes // own, unit.lanes // own
    reads, writes = [], []
    read = written = 0
    while written * writing < total:
        wanted = min((written + 1) * writing, total)
        take = read < wanted
        read += reading * take
        give = read >= wanted
        written += give
        reads.append(take)
        writes.append(give)
    return GearboxPattern(own, tuple(reads), tuple(writes))


def _repeated(pattern: tuple[bool, ...], count: int) -> Integers:
    """The trips of a pattern that is repeated `count` times."""
    once = np.flatnonzero(pattern)
    return (np.arange(count)[:, None] * len(pattern) + once).reshape(-1)


def _gearbox(unit: Gearbox, depth: int) -> Schedule:
    pattern = gearbox_pattern(unit)
    count = unit.source.words // unit.source.pixel_words
    return Schedule(
        count * len(pattern.reads),
        (_repeated(pattern.reads, count),),
        (_repeated(pattern.writes, count),),
        depth,
    )


def regroup_pattern(unit: Regroup) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    """In the trips of one row: whether each reads, and whether it writes.

    To more pixels: a trip for each word that is read; what is complete is written at once. To
    fewer: a trip for each word that is written; those of the first pixels are read just then.
    """
    source, target = unit.source, unit.target
    words = source.pixel_words
    groups_in, groups_out = source.row_words // words, target.row_words // words
    if target.pixels > source.pixels:
        ratio = target.pixels // source.pixels
        complete = [g % ratio == ratio - 1 or g == groups_in - 1 for g in range(groups_in)]
        return (True,) * (groups_in * words), tuple(np.repeat(complete, words).tolist())
    ratio = source.pixels // target.pixels
    first = [g % ratio == 0 for g in range(groups_out)]
    return tuple(np.repeat(first, words).tolist()), (True,) * (groups_out * words)


def _regroup(unit: Regroup, depth: int) -> Schedule:
    reads, writes = regroup_pattern(unit)
    rows = unit.source.shape[1]
    return Schedule(rows * len(reads), (_repeated(reads, rows),), (_repeated(writes, rows),), depth)


def concat_turns(unit: Concat) -> tuple[int, ...]:
    """The words of each source that follow one another before the next source has its turn."""
    match unit.axis:
        case 0:
            return tuple(layout.pixel_words for layout in unit.sources)
        case 1:
            return tuple(layout.words for layout in unit.sources)
        case _:
            return tuple(layout.row_words for layout in unit.sources)


def _concat(unit: Concat, depth: int) -> Schedule:
    turns = concat_turns(unit)
    starts = np.cumsum((0, *turns))
    trips = np.arange(unit.target.words)
    place = trips % starts[-1]
    reads = tuple(trips[(place >= start) & (place < end)] for start, end in pairwise(starts))
    return Schedule(len(trips), reads, (trips,), depth)
