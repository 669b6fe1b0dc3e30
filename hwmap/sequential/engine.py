"""The sizes of the engine, and what a sweep takes on it: cycles and words of constants.

The array is weight-stationary. PE x SIMD weights stay in it for a term, while the pixels of a
stripe go by, one per cycle; the sums of a stripe wait in memories of `stripe` words. The weights of
the next term come meanwhile through a port of `port_bytes`. A block is the part of a pixel's output
channels that is computed together: PE of them, or `vector_lanes` on the vector lanes. The results
of a block leave at `requant_lanes` per cycle while the next one is computed.

For a stripe of n pixels, with w = port words of a term's weights, c = those of a block's channels:

    reads  = n                                               on the array
           = n * min(stride, taps) + taps - min(stride, taps)     on the lanes: they slide along
    term   = max(reads, w, SUM_DISTANCE), the first of a block max(reads, w + c, SUM_DISTANCE)
    block  = max(sum of its terms, stripe * slices)          slices = ceil(channels / requant_lanes)
    trips  = w + sum over stripes and blocks + n * slices    of the last block
"""

from dataclasses import dataclass, replace
from functools import cached_property

from hwmap.files.words import CHANNEL_BYTES
from hwmap.sequential.geometry import TAPS, Passes, Sweep, passes_of
from hwmap.sequential.layout import WORD_BYTES, words_of

TABLE_BYTES = 256

SUM_DISTANCE = 4
"""Cycles from a sum's read to the next read of the same sum: read, add, write, and one to spare."""

CASCADE_TERMS = 8
"""Slices in the longest cascade that is built (`dsp.packing`)."""

DSP_PER_REQUANT = 2
"""A 32 x 17 bit product takes two slices, 25 x 18 (UG479, 7 series) or 27 x 18 (UG579)."""

STRIPES = (32, 64)
"""Words of the memories of sums: what LUTs hold without a multiplexer behind them."""

LEAST_WEIGHTS = (-128, -127)


@dataclass(frozen=True)
class Engine:
    """The size of the engine.

    `pe` output channels times `simd` terms per cycle on the array, `vector_lanes` channels of TAPS
    columns each on the vector lanes, `requant_lanes` results per cycle, `port_bytes` of constants
    per cycle, `bus_bytes` per cycle from DRAM and on the input and output streams, and `stripe`
    pixels whose sums are held. Weights are `least_weight` or more: -128 is wider than two weights
    that share a multiplier may be otherwise. What `spills` has a port through which rows of tensors
    leave for DRAM and come back.
    """

    pe: int
    simd: int
    vector_lanes: int
    requant_lanes: int
    port_bytes: int
    bus_bytes: int
    stripe: int
    least_weight: int = -127
    spills: bool = False

    @property
    def banks(self) -> int:
        """Words that the arena reads, and writes, per cycle: a power of two."""
        widest = max(self.simd, self.vector_lanes, self.requant_lanes, self.bus_bytes)
        return 1 << (words_of(widest) - 1).bit_length()

    @property
    def block(self) -> int:
        """Sums that are computed together."""
        return max(self.pe, self.vector_lanes)

    @property
    def multipliers(self) -> int:
        """Multipliers of the array and the vector lanes."""
        return self.pe * self.simd + TAPS * self.vector_lanes

    @property
    def dsp(self) -> int:
        """DSP slices: one for two multipliers of the array that share an activation (see
        `hls/hwmap/multiply.hpp`), one for each of the vector lanes', and the requantizers'."""
        matrix = -(-self.pe // 2) * self.simd
        return matrix + TAPS * self.vector_lanes + DSP_PER_REQUANT * self.requant_lanes

    @property
    def overhead_cycles(self) -> int:
        """Cycles of a step besides its trips and the reading of its row: the pipeline fills once.

        A sum of the stages of the datapath, to be replaced by the depth that synthesis reports:
        command 1, arena read 2, rotate 2, multiply 3, cascade min(SIMD, 8), split 1, adder tree
        log2(SIMD / 8), accumulate 2, requantize 5, rotate 1, arena write 1.
        """
        tree = (-(-self.simd // CASCADE_TERMS) - 1).bit_length()
        return 18 + min(self.simd, CASCADE_TERMS) + tree


def engine_problem(engine: Engine, port_bytes: int) -> str | None:
    """Why `engine` is not one that hwmap builds for a board with such a DRAM port, or None."""
    for name in ("pe", "simd", "vector_lanes"):
        size = getattr(engine, name)
        if size < WORD_BYTES or size % WORD_BYTES:
            return f"{name}={size}; expected a multiple of {WORD_BYTES}"
    for name in ("requant_lanes", "port_bytes", "bus_bytes"):
        size = getattr(engine, name)
        if size < 1 or size & (size - 1):
            return f"{name}={size}; expected a power of two"
    if engine.least_weight not in LEAST_WEIGHTS:
        return f"least_weight={engine.least_weight}; expected one of {LEAST_WEIGHTS}"
    if engine.stripe not in STRIPES:
        return f"stripe={engine.stripe}; expected one of {STRIPES}"
    if not WORD_BYTES <= engine.bus_bytes <= engine.port_bytes:
        return f"bus_bytes={engine.bus_bytes}; expected {WORD_BYTES} to port_bytes"
    if engine.bus_bytes > port_bytes:
        return f"bus_bytes={engine.bus_bytes}; the board's port has {port_bytes}"
    if engine.requant_lanes > min(engine.pe, engine.vector_lanes):
        return f"requant_lanes={engine.requant_lanes}; expected at most PE and the vector lanes"
    return None


@dataclass(frozen=True)
class Chunk:
    """A stripe of `pixels`, `count` times: trips that read in a term, trips of the first term of a
    block, of the others but the last, and of the last one (the first, if there is one only)."""

    pixels: int
    count: int
    reads: int
    first: int
    other: int
    last: int

    def block_trips(self, terms: int) -> int:
        """The trips of a block."""
        return self.last if terms == 1 else self.first + (terms - 2) * self.other + self.last


@dataclass(frozen=True)
class SweepCost:
    """A sweep, or a part of one, on an engine: how its loops run.

    Stripes have `stripe` pixels but for the short ones. A pixel takes `terms` for each of `blocks`
    in each of `groups`. `run_trips` are those of a run of words on the array, `passes` those over
    the columns on the lanes. Words of the port: `weight_words` of a term, `channel_words` of a
    block, `table_words` of a table.
    """

    sweep: Sweep
    engine: Engine

    @cached_property
    def passes(self) -> Passes:
        return Passes(1, 1, 1) if self.sweep.matrix else passes_of(self.sweep.columns)

    @cached_property
    def runs(self) -> int:
        """Runs of words in a kernel row: of all its columns, or of one; or passes."""
        if not self.sweep.matrix:
            return self.passes.count
        return 1 if self.sweep.joined else self.sweep.columns.taps

    @cached_property
    def run_words(self) -> int:
        """Words of a run on the array."""
        columns = self.sweep.columns.taps if self.sweep.joined else 1
        return columns * self.sweep.group_words

    @cached_property
    def run_trips(self) -> int:
        if not self.sweep.matrix:
            return 1
        return -(-self.run_words * WORD_BYTES // self.engine.simd)

    @cached_property
    def terms(self) -> int:
        return self.sweep.rows.taps * self.runs * self.run_trips

    @cached_property
    def blocks(self) -> int:
        size = self.engine.pe if self.sweep.matrix else self.engine.vector_lanes
        return -(-self.sweep.words * WORD_BYTES // size)

    @cached_property
    def weight_words(self) -> int:
        engine = self.engine
        size = engine.pe * engine.simd if self.sweep.matrix else TAPS * engine.vector_lanes
        return -(-size // engine.port_bytes) if self.sweep.weighted else 0

    @cached_property
    def channel_words(self) -> int:
        engine = self.engine
        size = engine.pe if self.sweep.matrix else engine.vector_lanes
        return -(-size * CHANNEL_BYTES // engine.port_bytes) if self.sweep.weighted else 0

    @cached_property
    def table_words(self) -> int:
        return -(-TABLE_BYTES // self.engine.port_bytes) if self.sweep.kind == "lookup" else 0

    @property
    def block_words(self) -> int:
        """Port words of the constants of a block."""
        return self.terms * self.weight_words + self.channel_words

    @property
    def constant_words(self) -> int:
        """Port words of all its constants."""
        return self.sweep.groups * self.blocks * self.block_words + self.table_words

    @cached_property
    def taps(self) -> int:
        """Columns that a pixel takes in a term; two sources are two columns."""
        return len(self.sweep.sources) if len(self.sweep.sources) > 1 else self.passes.taps

    @cached_property
    def fresh(self) -> int:
        """Columns that are read for a pixel which is not the first of its row."""
        stride = self.sweep.columns.stride
        slides = len(self.sweep.sources) == 1 and 0 < stride < self.taps
        return stride if slides else self.taps

    @property
    def pixels(self) -> int:
        """Pixels that are cut into stripes: all of them on the array, those of a row on the
        lanes."""
        return self.sweep.columns.count * (self.sweep.rows.count if self.sweep.matrix else 1)

    @cached_property
    def stripe(self) -> int:
        """Pixels of a stripe: as even as they get."""
        return -(-self.pixels // -(-self.pixels // self.engine.stripe))

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """The full stripes, and the short ones if there are any."""
        times = 1 if self.sweep.matrix else self.sweep.rows.count
        full, rest = divmod(self.pixels, self.stripe)
        found = [self._chunk(self.stripe, full * times)]
        return tuple(found + ([self._chunk(rest, times)] if rest else []))

    def _chunk(self, pixels: int, count: int) -> Chunk:
        reads = pixels * self.fresh + self.taps - self.fresh
        loads = self.weight_words + self.channel_words
        other = max(reads, self.weight_words, SUM_DISTANCE)
        first = max(reads, loads, SUM_DISTANCE)
        # The sum of the first pixel is complete only when all its columns were read.
        settled = reads if self.sweep.matrix else reads + SUM_DISTANCE - 1
        alone = self.terms == 1
        before = 0 if alone else first + (self.terms - 2) * other
        # While a block is computed the one before leaves, and that may be of a full stripe.
        last = max(first if alone else other, settled, self.stripe * self.slices - before)
        return Chunk(pixels, count, reads, first, other, last)

    @cached_property
    def slices(self) -> int:
        """Trips in which the results of a pixel leave, for a full block (or the only one)."""
        size = self.engine.pe if self.sweep.matrix else self.engine.vector_lanes
        return self._slices(min(size, self.sweep.words * WORD_BYTES))

    @cached_property
    def last_slices(self) -> int:
        """The same for the last block of a group."""
        size = self.engine.pe if self.sweep.matrix else self.engine.vector_lanes
        return self._slices(self.sweep.words * WORD_BYTES - (self.blocks - 1) * size)

    def _slices(self, channels: int) -> int:
        return -(-channels // self.engine.requant_lanes)

    @property
    def lead(self) -> int:
        """Trips before the first term: the weights of the first block arrive, or a table."""
        return self.weight_words + self.table_words

    @property
    def walk_trips(self) -> int:
        """Trips until the last block is complete."""
        blocks = self.sweep.groups * self.blocks
        stripes = sum(chunk.count * chunk.block_trips(self.terms) for chunk in self.chunks)
        return self.lead + blocks * stripes

    @property
    def drain_trips(self) -> int:
        """Trips in which the results of the last block leave."""
        return self.chunks[-1].pixels * self.last_slices

    @property
    def write_trips(self) -> int:
        """Trips in which results leave."""
        pixels = self.sweep.rows.count * self.sweep.columns.count * self.sweep.groups
        return pixels * ((self.blocks - 1) * self.slices + self.last_slices)

    @property
    def trips(self) -> int:
        """All trips."""
        return self.walk_trips + self.drain_trips


def is_part(sweep: Sweep, start: int, end: int) -> bool:
    """Whether words [start, end) of all that `sweep` writes are whole groups, or in one group."""
    whole = start % sweep.words == end % sweep.words == 0
    return whole or start // sweep.words == (end - 1) // sweep.words


def part_of(sweep: Sweep, first_word: int, last_word: int) -> Sweep | None:
    """The part of `sweep` that writes words [first_word, last_word) of the target's pixels: whole
    groups, or a part of one. None if it writes none of them."""
    start = max(first_word - sweep.target_word, 0)
    end = min(last_word - sweep.target_word, sweep.groups * sweep.words)
    if start >= end:
        return None
    if (start, end) == (0, sweep.groups * sweep.words):
        return sweep
    assert sweep.matrix, "only what has weights is cut"
    if sweep.groups == 1:
        return replace(sweep, words=end - start, target_word=sweep.target_word + start)
    assert is_part(sweep, start, end), "several groups stay whole"
    first = start // sweep.words
    whole = end - start >= sweep.words
    return replace(
        sweep,
        groups=(end - start) // sweep.words if whole else 1,
        words=sweep.words if whole else end - start,
        first_group=first,
        source_word=sweep.source_word + first * sweep.group_words,
        target_word=sweep.target_word + start,
    )
