"""The cycles of a program: what its rows compute, and what they fetch meanwhile.

A step's rows run one after the other. A row is read at a bus word per cycle, and the pipeline
fills; then every trip of its loop can take a word of the constants that come next:

    cycles = sum over rows of  bus words of the row + overhead + max(trips, fetched words)

A row that moves rows of a tensor to DRAM or back has the bus for itself, once it has answered:

    cycles = bus words of the row + overhead + DRAM latency + trips + fetched words
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hwmap.sequential.engine import Engine, SweepCost, part_of
from hwmap.sequential.geometry import Sweep
from hwmap.sequential.network import Network
from hwmap.sequential.plan import THROUGH_DRAM, Moving, Step
from hwmap.sequential.program import Segment, row_bus_words

DRAM_LATENCY_CYCLES = 60
"""From the first request to the first word. An assumption of the simulation (a read of a DDR
controller behind an AXI port takes 30-60 cycles at 100-300 MHz); seen once per image,
which begins when the first word is there."""


@dataclass(frozen=True)
class RowSize:
    """What a row of the program takes without the constants that it fetches."""

    trips: int
    source_rows: int
    target_rows: int
    spilled: bool = False

    @property
    def hidden_trips(self) -> int:
        """Trips in which constants can arrive: none while DRAM moves rows."""
        return 0 if self.spilled else self.trips

    @property
    def shown_cycles(self) -> int:
        """Cycles in which they cannot, besides those that every row takes."""
        return self.trips + DRAM_LATENCY_CYCLES if self.spilled else 0

    def bus_words(self, bus_bytes: int, segments: int = 0) -> int:
        """Bus words of the row itself."""
        return row_bus_words(self.source_rows, self.target_rows, segments, bus_bytes)


@dataclass(frozen=True)
class Timed:
    """A row with what it fetches."""

    size: RowSize
    fetched: tuple[Segment, ...]

    @property
    def fetch_words(self) -> int:
        """Bus words of constants."""
        return sum(segment.words for segment in self.fetched)

    def cycles(self, engine: Engine) -> int:
        """All cycles of the row."""
        words = self.size.bus_words(engine.bus_bytes, len(self.fetched))
        computing = max(self.size.hidden_trips, self.fetch_words)
        return words + engine.overhead_cycles + self.size.shown_cycles + computing


def step_sweeps(step: Step, network: Network) -> list[tuple[int, Sweep]]:
    """The sweeps of a run, cut to its rows and words, with their numbers among those of the op."""
    found = []
    for number, sweep in enumerate(network.sweeps[step.name]):
        rows = sweep.rows.within(range(step.first_row, step.last_row))
        if rows is None:
            continue
        part = part_of(replace(sweep, rows=rows), step.first_word, step.last_word)
        if part is not None:
            found.append((number, part))
    return found


def sweep_size(sweep: Sweep, engine: Engine) -> RowSize:
    """The row of a sweep."""
    rows = sweep.rows
    sources = (rows.count - 1) * rows.stride + (rows.taps - 1) * rows.tap_step + 1
    if len(sweep.sources) > 1:
        sources = rows.count + (1 if sweep.fixed else rows.count)
    return RowSize(SweepCost(sweep, engine).trips, sources, rows.count)


def stream_size(kind: Moving, rows: int, row_beats: int) -> RowSize:
    """The row of a step that moves rows of so many words of the bus in or out."""
    trips = rows * row_beats
    pointers = (0, rows) if kind in ("load", "reload") else (rows, 0)
    return RowSize(trips, *pointers, spilled=kind in THROUGH_DRAM)


def step_sizes(step: Step, network: Network, engine: Engine) -> list[RowSize]:
    """The rows of a step of a plan."""
    if step.kind != "run":
        beats = network.row_beats(step.name, step.kind, engine)
        return [stream_size(step.kind, step.last_row - step.first_row, beats)]
    return [sweep_size(sweep, engine) for _, sweep in step_sweeps(step, network)]


def constant_words(
    network: Network, name: str, first_word: int, last_word: int, engine: Engine
) -> int:
    """Port words of the constants of a part of an op."""
    parts = (part_of(sweep, first_word, last_word) for sweep in network.sweeps[name])
    return sum(SweepCost(part, engine).constant_words for part in parts if part is not None)


def timed_rows(
    sizes: Sequence[Sequence[RowSize]],
    fetched_words: Sequence[int],
    arriving: Sequence[Segment],
) -> list[list[Timed]]:
    """Every step's rows with what they fetch: `fetched_words` of `arriving`, which come in that
    order. The rows of a step take as many as they have trips, the last one what is left."""
    queue = _Queue(arriving)
    return [
        list(_step_rows(rows, words, queue))
        for rows, words in zip(sizes, fetched_words, strict=True)
    ]


def _step_rows(rows: Sequence[RowSize], words: int, queue: "_Queue") -> Iterator[Timed]:
    for number, size in enumerate(rows):
        taken = words if number == len(rows) - 1 else min(words, size.hidden_trips)
        words -= taken
        yield Timed(size, queue.take(taken))


class _Queue:
    """The constants that are still to come."""

    def __init__(self, arriving: Sequence[Segment]) -> None:
        self.left = list(reversed(arriving))

    def take(self, words: int) -> tuple[Segment, ...]:
        found: list[Segment] = []
        while words and self.left:
            segment = self.left.pop()
            count = min(words, segment.words)
            last = found[-1] if found else None
            if last is not None and last.address + last.words == segment.address:
                found[-1] = Segment(last.address, last.words + count)
            else:
                found.append(Segment(segment.address, count))
            if count < segment.words:
                self.left.append(Segment(segment.address + count, segment.words - count))
            words -= count
        assert not words, "no more is fetched than is held"
        return tuple(found)
