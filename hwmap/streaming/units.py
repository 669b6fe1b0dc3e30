"""What a kernel does: a closed union of frozen dataclasses.

All numbers that depend on trained values (weights, scales, zero points) are elsewhere: these say
what the hardware is.
"""

from dataclasses import dataclass
from math import ceil
from typing import Literal, assert_never

from hwmap.streaming.layout import Layout
from hwmap.streaming.pick import Pick
from hwmap.streaming.window import Window

Multiplier = Literal["dsp", "lut"]
Storage = Literal["lutram", "bram", "uram", "dram"]
"""What holds weights; from DRAM they come again for every image."""
LaneKind = Literal["depthwise", "max", "average"]
JoinKind = Literal["add", "mul"]


@dataclass(frozen=True)
class Source:
    """Words from a port of the accelerator."""

    target: Layout


@dataclass(frozen=True)
class Feed:
    """The weights of a layer from DRAM, `words` of them for every image."""

    word_bytes: int
    words: int

    @property
    def target(self) -> Layout:
        """What is written."""
        return Layout((self.word_bytes, 1, self.words), self.word_bytes)


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
    constants: Storage = "lutram"

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

    @property
    def feed(self) -> Feed | None:
        """Where its weights come from, if not from a memory of its own."""
        fed = self.weights == "dram"
        return Feed(self.target.lanes * self.simd, self.weight_words) if fed else None


@dataclass(frozen=True)
class Lanes:
    """A depthwise convolution, or a pooling: every lane sums up, or compares, its own channel."""

    kind: LaneKind
    window: Window
    target: Layout
    weights: Storage = "lutram"
    constants: Storage = "lutram"

    @property
    def multipliers(self) -> int:
        """Products per trip."""
        return self.target.word_bytes * self.window.trip_taps if self.kind == "depthwise" else 0

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


@dataclass(frozen=True)
class Relabel:
    """The same words, as those of another shape."""

    source: Layout
    target: Layout


Windowed = Matrix | Lanes
Movement = Source | Feed | Sink | Fork | Gearbox | Regroup | Relabel
Unit = Movement | Windowed | Reduce | Join | Scale | Table | Concat | Pick


def sources_of(unit: Unit) -> tuple[Layout, ...]:
    """What a unit reads."""
    match unit:
        case Source() | Feed():
            return ()
        case Sink() | Fork() | Gearbox() | Regroup() | Reduce() | Relabel() | Pick():
            return (unit.source,)
        case Matrix():
            fed = () if unit.feed is None else (unit.feed.target,)
            return (unit.window.source, *fed)
        case Lanes():
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
        case Source() | Feed() | Gearbox() | Regroup() | Matrix() | Lanes() | Reduce():
            return (unit.target,)
        case Join() | Scale() | Table() | Concat() | Relabel() | Pick():
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
        case Pick():
            return unit.target.word_bytes if unit.picked.factors else 0
        case Source() | Feed() | Sink() | Fork() | Gearbox() | Regroup() | Relabel() | Table():
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
