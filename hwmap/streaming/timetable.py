"""The schedule of each kernel: on which trips it reads and writes, and how deep its pipeline is."""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, log2
from typing import assert_never

import numpy as np

from hwmap.ir.types import Integers
from hwmap.streaming.pick import Pick
from hwmap.streaming.schedule import Schedule, even, pace
from hwmap.streaming.units import (
    Concat,
    Feed,
    Fork,
    Gearbox,
    Join,
    Lanes,
    Matrix,
    Reduce,
    Regroup,
    Relabel,
    Scale,
    Sink,
    Source,
    Table,
    Unit,
    Windowed,
    drain_trips,
)

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
        case Source() | Feed() | Sink() | Fork() | Gearbox() | Regroup() | Relabel() | Table():
            return MOVE_STAGES
        case Matrix():
            cascades = ceil(unit.simd / MOST_CASCADE)
            tree = MULTIPLY_STAGES + min(unit.simd, MOST_CASCADE) + ceil(log2(cascades))
            return WINDOW_STAGES + tree + REQUANTIZE_STAGES
        case Lanes():
            return WINDOW_STAGES + MULTIPLY_STAGES + unit.window.trip_taps + REQUANTIZE_STAGES
        case Pick(picked=picked):
            blending = MULTIPLY_STAGES + REQUANTIZE_STAGES if picked.factors else 0
            return WINDOW_STAGES + blending
        case Reduce() | Join() | Scale() | Concat():
            return MOVE_STAGES + MULTIPLY_STAGES + REQUANTIZE_STAGES
        case _:
            assert_never(unit)


def schedule_of(unit: Unit) -> Schedule:
    """When a unit reads and writes."""
    depth = depth_of(unit)
    match unit:
        case Source(target=layout) | Feed(target=layout):
            return even((), (layout.words,), depth)
        case Sink(source=layout):
            return even((layout.words,), (), depth)
        case Fork(source=layout, copies=copies):
            return even((layout.words,), (layout.words,) * copies, depth)
        case Join(target=layout):
            return even((layout.words,) * 2, (layout.words,), depth)
        case Table(target=layout) | Relabel(target=layout):
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
        case Pick():
            return _pick(unit, depth)
        case _:
            assert_never(unit)


def _windowed(unit: Windowed, depth: int) -> Schedule:
    window = unit.window
    drain = drain_trips(unit)
    ends = np.arange(window.steps - 1, window.computing, window.steps)
    reads = [pace(window.source.words, window.trips)]
    if isinstance(unit, Matrix) and unit.feed is not None:
        reads.append(window.lead + window.at(np.arange(window.computing)))
    return Schedule(
        window.trips,
        tuple(reads),
        (window.lead + window.at(ends) + drain,),
        depth,
        window.lead + drain,
    )


def _pick(unit: Pick, depth: int) -> Schedule:
    ends = np.arange(unit.steps - 1, unit.computing, unit.steps)
    reads = pace(unit.source.words, unit.trips)
    return Schedule(unit.trips, (reads,), (unit.lead + unit.at(ends),), depth, unit.lead)


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
