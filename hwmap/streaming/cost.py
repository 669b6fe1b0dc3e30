"""What kernels and streams cost: DSP slices, LUTs, LUTs that are memory, BRAM18, URAM, flip-flops.

The functions take numbers or arrays of numbers, so that a solver can weigh thousands of foldings at
once. LUTs and flip-flops come from the models of `hwmap/streaming/logic.py` where there is one, and
else from what the parts are: a selection of two bits is half a LUT (LUT6_2), an addition one LUT
per bit, with a register behind each.
"""

from dataclasses import astuple, dataclass
from typing import Any, assert_never

import numpy as np

from hwmap.blocks import BRAM18_SHAPES, URAM_SHAPE
from hwmap.dsp import MULTIPLIER_BITS, DspSlice, Packing, packing
from hwmap.ir.types import Array
from hwmap.streaming import logic, units
from hwmap.streaming.buffered import SMALL_WORDS
from hwmap.streaming.layout import Layout
from hwmap.streaming.pick import Pick, word_tables
from hwmap.streaming.units import Storage, Unit, drain_trips, requant_lanes

LUTRAM_WORDS = 64
SHIFT_REGISTER_WORDS = 32
FEW_WORDS = 128
"""A LUT is 64 bits of RAM (seven such columns take eight LUTs on UltraScale, three take four on the
7 series: UG574, UG474), or a shift register of 32; FIFOs of few words are such registers."""
LUTRAM_LUTS: dict[DspSlice, float] = {"DSP48E1": 4 / 3, "DSP48E2": 8 / 7}
LUTRAM_SHARE = 0.32
"""The share of LUTs that can be memory: 17,400 of 53,200 on an XC7Z020 (DS190), half on
UltraScale+."""
LUT_MULTIPLIER = 72
"""LUTs of an 8 x 8 multiplication (yosys 0.70, `synth_xilinx`: 69 to 72), and of its addition."""
LUT_MULTIPLIER_FF = 40
"""Registers of such a multiplication: partial sums and the product (judgement)."""
KERNEL_LUT = 60
KERNEL_FF = 60
"""Control of a process and of its pipeline (judgement)."""
ADD_DSP = 2
CHANNEL_BITS = 56
"""What a channel is requantized with: a bias, a multiplier of 17 bits and a shift."""
SHIFT_BITS = 24
"""Bits of the shifts of requantizers, before they are known."""
SHIFTED_PLACES = 8
"""The places by which the tensors of an addition are shifted, before they are known (judgement)."""


@dataclass(frozen=True)
class Cost:
    """What something takes; `lutram` are LUTs that are memory, and count among `lut` too."""

    dsp: int
    lut: int
    lutram: int
    bram18: int
    uram: int
    ff: int

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class Target:
    """What costs depend on: the DSP slice, the least weight of the network, the bytes that come
    from DRAM in a cycle, and whether all scales are powers of two: what they scale is shifted."""

    dsp_slice: DspSlice
    least_weight: int
    dram_bytes: int = 0
    by_shifts: bool = False

    @property
    def packing(self) -> Packing:
        """How weights share a multiplier."""
        return packing(self.dsp_slice, self.least_weight)


@dataclass(frozen=True)
class Part:
    """Numbers or arrays: the fields of a `Cost`, not rounded."""

    dsp: Any = 0
    lut: Any = 0
    lutram: Any = 0
    bram18: Any = 0
    uram: Any = 0
    ff: Any = 0

    def __add__(self, other: "Part") -> "Part":
        return Part(*(a + b for a, b in zip(self.fields, other.fields, strict=True)))

    def times(self, count: Any) -> "Part":
        """`count` of them."""
        return Part(*(value * count for value in self.fields))

    @property
    def fields(self) -> tuple[Any, ...]:
        """In their order."""
        return self.dsp, self.lut, self.lutram, self.bram18, self.uram, self.ff

    def rounded(self) -> Cost:
        """As whole numbers."""
        return Cost(*(int(np.ceil(value)) for value in self.fields))


def _up(value: Any, by: Any) -> Any:
    return -(-value // by)


def gates(found: logic.Gates, count: Any = 1) -> Part:
    """Blocks of logic."""
    return Part(lut=found.lut, ff=found.ff).times(count)


KERNEL = Part(lut=KERNEL_LUT, ff=KERNEL_FF)


def lutram(width_bits: Any, words: Any, target: Target) -> Part:
    """A memory of LUTs; deeper ones select from several."""
    banks = _up(words, LUTRAM_WORDS)
    luts = np.ceil(width_bits * banks * LUTRAM_LUTS[target.dsp_slice])
    return Part(lut=luts + width_bits * _up(banks - 1, 3), lutram=luts, ff=width_bits)


def block_ram(width_bits: Any, words: Any) -> Any:
    """BRAM18 of a memory, in the best of their shapes."""
    shapes = [_up(words, depth) * _up(width_bits, width) for depth, width in BRAM18_SHAPES]
    return np.minimum.reduce(shapes)


def memory(width_bits: Any, words: Any, storage: Storage, target: Target) -> Part:
    """A memory of words."""
    match storage:
        case "lutram":
            return lutram(width_bits, words, target)
        case "bram":
            return Part(bram18=block_ram(width_bits, words))
        case "dram":
            return Part()
        case "uram":
            depth, width = URAM_SHAPE
            return Part(uram=_up(words, depth) * _up(width_bits, width))
        case _:
            assert_never(storage)


def row_memory(width_bits: Any, words: Any, reach: Any, target: Target) -> Part:
    """A bank of a row memory, made of LUTs or of block RAM: see `Window.storage`."""
    luts, few = lutram(width_bits, words, target), np.asarray(reach) <= SMALL_WORDS
    return Part(
        lut=np.where(few, luts.lut, 0),
        lutram=np.where(few, luts.lutram, 0),
        bram18=np.where(few, 0, block_ram(width_bits, words)),
        ff=np.where(few, luts.ff, 0),
    )


def requantizers(count: Any, sum_bits: Any, target: Target, *, average: bool = False) -> Part:
    """Requantizers: a multiplication of the sum and 17 bits each, in one slice if the sum fits;
    only a shift if scales are powers of two, but for an average, which divides."""
    if target.by_shifts and not average:
        return gates(logic.shifter(sum_bits, SHIFT_BITS), count)
    slices = np.where(np.asarray(sum_bits) <= MULTIPLIER_BITS[target.dsp_slice], 1, 2)
    return Part(dsp=slices * count) + gates(logic.requantizer(sum_bits, SHIFT_BITS), count)


def additions(count: Any, sum_bits: Any, target: Target) -> Part:
    """Sums of two values, each times the factor of its tensor; they are only shifted."""
    if target.by_shifts:
        places = SHIFTED_PLACES
        sums = gates(logic.shifted_sum(places), count)
        return sums + gates(logic.shifter(places + 9, places), count)
    return Part(dsp=ADD_DSP * count) + gates(logic.requantizer(sum_bits, SHIFT_BITS), count)


def multipliers(
    pe: Any, pixels: Any, simd: Any, sum_bits: Any, *, in_dsp: bool, target: Target
) -> Part:
    """PE x pixels dot products of `simd` terms, without their sums: two share a slice."""
    products = pe * pixels
    if not in_dsp:
        terms = products * simd
        return Part(lut=terms * LUT_MULTIPLIER, ff=terms * LUT_MULTIPLIER_FF)
    pack = target.packing
    terms = np.minimum(simd, pack.terms)
    cascades = _up(simd, terms)
    pairs = _up(products, 2)
    # The operands of later slices of a cascade wait for the sum: in shift registers beyond two.
    operands = 8 * cascades * (products + pixels)
    delayed = np.maximum(terms - 3, 0) * operands
    tree = 2 * pairs * (cascades - 1) * (pack.shift_bits + np.log2(cascades) / 2)
    split = pairs * cascades * pack.shift_bits
    registers = np.minimum(terms * (terms - 1) // 2, 3) * operands + tree + 2 * split
    return Part(dsp=pairs * simd, lut=delayed + tree + split, ff=registers)


def window(
    banks: Any,
    copies: Any,
    lanes: Any,
    values: Any,
    words: Any,
    reach: Any,
    padded: Any,
    target: Target,
) -> Part:
    """The loops of windows, `copies` of the row memory (of `words` in each bank), and the selection
    of `values` words of `lanes`."""
    control = KERNEL + gates(logic.window(banks * copies, words, padded))
    selected = gates(logic.rotation(banks, 8 * values * lanes, padded))
    return control + selected + row_memory(8 * lanes, words, reach, target).times(banks * copies)


def loader(weight_bytes: Any, results: Any) -> Part:
    """What takes the numbers of a kernel from the chain."""
    return gates(logic.loader(weight_bytes, results))


def sums(block: Any, results: Any, sum_bits: Any) -> Part:
    """Sums, and the selection of those that are complete and leave a few at a time."""
    return Part(lut=(2 * block - results) * sum_bits, ff=block * (2 * sum_bits + 8))


def averages(block: Any, taps: Any) -> Part:
    """The additions of an average, and what it is divided by."""
    adders = 9 * block * taps + 100
    return Part(lut=adders, ff=adders) + loader(0, 1)


def port(word_bytes: Any) -> Part:
    """A source or a sink: the registers of an AXI stream."""
    return KERNEL + Part(lut=60 + 8 * word_bytes, ff=60 + 16 * word_bytes)


def feed(word_bytes: Any) -> Part:
    """A burst master with its buffer (judgement)."""
    return KERNEL + Part(lut=500 + 8 * word_bytes, bram18=2, ff=600 + 16 * word_bytes)


def fork(word_bytes: Any, copies: Any) -> Part:
    """A fork."""
    return KERNEL + Part(lut=10 * copies, ff=8 * word_bytes)


def gearbox(lanes_in: Any, lanes_out: Any, pixels: Any) -> Part:
    """A change of lanes."""
    own = np.gcd(lanes_in, lanes_out)
    return KERNEL + gates(logic.gearbox(lanes_in // own, lanes_out // own, 8 * own * pixels))


def regroup(lanes: Any, pixels_in: Any, pixels_out: Any, pixel_words: Any, target: Target) -> Part:
    """A change of pixels: those of the wider words are held."""
    width = lanes * np.maximum(pixels_in, pixels_out)
    held = lutram(8 * width, pixel_words, target)
    return KERNEL + Part(lut=60 + 4 * width, ff=60 + 8 * width) + held


def least_fifo(word_bytes: Any) -> Part:
    """A FIFO of a few words."""
    return Part(lut=8 * word_bytes + 16, lutram=8 * word_bytes, ff=8 * word_bytes + 6)


def unit_cost(unit: Unit, sum_bits: int, target: Target) -> Cost:
    """What a kernel takes; sums have at most `sum_bits`."""
    base = KERNEL
    match unit:
        case units.Source() | units.Sink():
            layout = unit.target if isinstance(unit, units.Source) else unit.source
            return port(layout.word_bytes).rounded()
        case units.Feed():
            return feed(unit.word_bytes).rounded()
        case units.Fork():
            return fork(unit.source.word_bytes, unit.copies).rounded()
        case units.Relabel():
            return base.rounded()
        case units.Table(target=layout):
            tables = lutram(8, 256, target).times(layout.word_bytes)
            return (base + loader(1, 0) + tables).rounded()
        case units.Gearbox(source=source):
            return gearbox(source.lanes, unit.lanes, source.pixels).rounded()
        case units.Regroup(source=source):
            words = source.pixel_words
            return regroup(source.lanes, source.pixels, unit.pixels, words, target).rounded()
        case units.Matrix() | units.Lanes():
            return _windowed(unit, sum_bits, target).rounded()
        case units.Reduce(source=layout):
            bits, words = layout.lanes * sum_bits, layout.pixel_words
            if words >= units.REDUCE_WORDS:
                held = lutram(2 * bits, words, target)
            else:
                held = Part(lut=bits * words, ff=2 * bits * words)
            work = held + Part(lut=2 * bits, ff=2 * bits) + loader(0, 0)
            work += requantizers(requant_lanes(unit), sum_bits, target, average=True)
            return (base + work).rounded()
        case units.Join(kind=kind, target=layout):
            lanes = layout.word_bytes
            if kind == "add":
                return (base + additions(lanes, sum_bits, target) + loader(0, 0)).rounded()
            products = Part(dsp=lanes, lut=18 * lanes, ff=18 * lanes) + loader(0, 0)
            return (base + products + requantizers(lanes, sum_bits, target)).rounded()
        case units.Scale(target=layout):
            lanes = layout.word_bytes
            held = lutram(8 * layout.lanes, layout.pixel_words, target)
            products = Part(dsp=lanes, lut=18 * lanes + 60, ff=18 * lanes + 60) + loader(0, 0)
            return (base + held + products + requantizers(lanes, sum_bits, target)).rounded()
        case units.Concat(target=layout):
            lanes = layout.word_bytes
            select = Part(lut=4 * lanes * len(unit.sources) + 60, ff=8 * lanes + 60)
            select += loader(0, len(unit.sources))
            return (base + select + requantizers(lanes, sum_bits, target)).rounded()
        case Pick():
            return _pick(unit, sum_bits, target).rounded()
        case _:
            assert_never(unit)


def _windowed(unit: units.Windowed, sum_bits: int, target: Target) -> Part:
    shape = unit.window
    results, block = requant_lanes(unit), unit.target.word_bytes
    values = shape.pixels * shape.trip_taps
    lanes = shape.source.lanes
    found = window(
        shape.source.pixels,
        shape.tap_rows,
        lanes,
        values,
        shape.memory_words,
        shape.reach,
        shape.padded,
        target,
    )
    if isinstance(unit, units.Matrix):
        found += multipliers(
            unit.target.lanes,
            unit.target.pixels,
            unit.simd,
            sum_bits,
            in_dsp=unit.multiplier == "dsp",
            target=target,
        )
        weight_bytes = unit.target.lanes * unit.simd
        found += memory(8 * weight_bytes, unit.weight_words, unit.weights, target)
    elif unit.kind == "depthwise":
        found += Part(
            dsp=unit.multipliers,
            lut=18 * block * (shape.trip_taps - 1),
            ff=18 * block * (shape.trip_taps - 1),
        )
        weight_bytes = lanes * shape.trip_taps
        found += memory(8 * weight_bytes, unit.weight_words, unit.weights, target)
    elif unit.kind == "max":
        return found + Part(lut=16 * block * shape.trip_taps, ff=8 * block * (shape.trip_taps + 1))
    average = isinstance(unit, units.Lanes) and unit.kind == "average"
    found += sums(block, results, sum_bits)
    found += requantizers(results, sum_bits, target, average=average)
    if average:
        return found + averages(block, shape.trip_taps)
    words = shape.passes * drain_trips(unit)
    found += loader(weight_bytes, results)
    return found + memory(CHANNEL_BITS * results, words, unit.constants, target)


def _pick(unit: Pick, sum_bits: int, target: Target) -> Part:
    """The loops, copies of the row memory, tables of places, and the selection of lanes or the
    blending of taps."""
    words, lanes = unit.memory_words, unit.target.lanes
    found = window(1, 1, lanes, 0, words, words, padded=False, target=target)
    found += row_memory(8 * lanes, words, words, target).times(unit.copies - 1)
    for table in word_tables(unit).values():
        bits = max(int(np.max(table)).bit_length(), 1) * len(table)
        found += lutram(bits, len(table[0]), target)
    if not unit.straight:
        found += Part(lut=8 * lanes * _up(lanes - 1, 3) * unit.taps, ff=8 * lanes)
    if unit.picked.factors:
        blended = (18 * unit.taps + sum_bits) * lanes
        found += Part(dsp=lanes * unit.taps, lut=blended, ff=blended) + loader(0, 0)
        found += requantizers(lanes, sum_bits, target)
    return found


def fifo_cost(layout: Layout, depth: int, target: Target) -> Cost:
    """A FIFO: shift registers, or block RAM if that is less than so many LUTs."""
    if depth <= FEW_WORDS:
        return least_fifo(layout.word_bytes * _up(depth, SHIFT_REGISTER_WORDS)).rounded()
    blocks = block_ram(8 * layout.word_bytes, depth)
    return Cost(0, 50, 0, int(blocks), 0, 50)


def as_array(part: Part, shape: int | tuple[int, ...]) -> Array:
    """(*shape, 6) whole numbers: the fields of a `Cost`."""
    columns = [np.broadcast_to(np.ceil(value), shape) for value in part.fields]
    return np.stack(columns, axis=-1).astype(np.int64)
