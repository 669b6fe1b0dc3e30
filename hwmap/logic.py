"""LUTs and flip-flops of the blocks that accelerators are made of.

Each model says what yosys counts (`synth_xilinx`, 7 series) for the block in Verilog, with a
register behind every operation as an HLS tool would schedule it; `python -m tests.bench luts`
synthesizes the blocks again and compares. Vivado packs two small functions into one LUT where yosys
counts two: these are not too few. A block of the 7 series and of UltraScale+ takes the same LUTs,
but for the DSP slices.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, log2

SHIFT_REGISTER_CYCLES = 3
"""A delay that is so long is one LUT per bit, not flip-flops."""


@dataclass(frozen=True)
class Logic:
    """What a block takes."""

    lut: int
    ff: int

    def __add__(self, other: "Logic") -> "Logic":
        return Logic(self.lut + other.lut, self.ff + other.ff)

    def times(self, count: int) -> "Logic":
        """`count` such blocks."""
        return Logic(self.lut * count, self.ff * count)


def _logic(luts: float, ff: float) -> Logic:
    return Logic(ceil(luts), ceil(ff))


def matrix(pe: int, simd: int, terms: int, shift_bits: int, sum_bits: int) -> Logic:
    """PE x SIMD multipliers without their slices: the delays of the operands along cascades of
    `terms` slices, the split of their sums, the tree of adders behind several cascades, and PE
    sums."""
    cascades = ceil(simd / terms)
    pairs = ceil(pe / 2)
    delays = range(terms)
    operands = (pe + 1) * cascades
    registers = sum(delay for delay in delays if delay < SHIFT_REGISTER_CYCLES)
    long = sum(delay >= SHIFT_REGISTER_CYCLES for delay in delays)
    tree = 2 * pairs * (cascades - 1) * (shift_bits + log2(cascades) / 2)
    split = 2 * pairs * cascades * shift_bits
    sums = pe * sum_bits
    return _logic(8 * operands * long + tree + sums, 8 * operands * registers + split + tree + sums)


def requantizer(sum_bits: int, most_shift: int) -> Logic:
    """A requantizer (`hls/hwmap/requantize.hpp`) and the selection of its constants."""
    return _logic(71 + 5.6 * sum_bits + 2.9 * most_shift, 45 if sum_bits <= 25 else 110)


def fifo(bits: int) -> Logic:
    """A FIFO of up to 16 words, in shift registers."""
    return _logic(bits + 7, 6)


def sums(words: int) -> Logic:
    """The two sums of a channel of a block, in memories of 32 or 64 `words`, and what a term does
    to one of them."""
    memories = 48 if words <= 32 else 88
    return _logic(163 + memories, 96)


def selection(channels: int, results: int) -> Logic:
    """Sums and constants (96 bits) of `results` of a block's channels."""
    slices = ceil(channels / results)
    return _logic(96 * results * (0.65 * slices - 0.3 if slices > 1 else 0), 96 * results)


def lane(taps: int) -> Logic:
    """A vector lane without its `taps` multipliers, which are slices."""
    return _logic(83 * taps, 76 * taps)


def rotator(banks: int) -> Logic:
    """As many words of 64 bits, some places further."""
    per_bit = 0 if banks < 2 else 1 if banks < 8 else 2.5
    return _logic(64 * banks * per_bit, 64 * banks)


def unpacker(banks: int, bus_bytes: int) -> Logic:
    """Words of a stream as words of as many banks, or pixels of few channels."""
    return _logic(11.5 * bus_bytes, min(banks, bus_bytes) * 8 + 12 * bus_bytes)


MODELS: Mapping[str, Callable[..., Logic]] = {
    "matrix": matrix,
    "requantizer": requantizer,
    "fifo": fifo,
    "sums": sums,
    "selection": selection,
    "lane": lane,
    "rotator": rotator,
    "unpacker": unpacker,
}
"""The model of each block by its name in Verilog; their sizes have the same names too."""


@dataclass(frozen=True)
class Block:
    """`count` blocks of these sizes."""

    name: str
    sizes: Mapping[str, int]
    count: int = 1

    @property
    def logic(self) -> Logic:
        """What the model says of all of them."""
        return MODELS[self.name](**self.sizes).times(self.count)
