"""Every folding of an op that hardware can be built for."""

from collections.abc import Iterator, Sequence
from itertools import product
from math import gcd

from hwmap.ir.graph import Graph
from hwmap.ir.ops import (
    AveragePool,
    Concat,
    Conv,
    HardwareOp,
    MaxPool,
    Pair,
    Resize,
    Select,
    average_counts,
    is_depthwise,
)
from hwmap.streaming.folding import Folding
from hwmap.streaming.network import is_global
from hwmap.streaming.pick import picked_of
from hwmap.streaming.units import Multiplier, Storage

PIXELS = (1, 2, 4)
MOST_PRODUCTS = 4096
"""Products per trip of one kernel: more do not get through a compiler (judgement)."""
STORAGES: tuple[Storage, ...] = ("lutram", "bram", "uram", "dram")
ON_CHIP = STORAGES[:3]
FEW_PASSES = 32
"""With so few words of constants LUTs are never worse than block RAM."""
MULTIPLIERS: tuple[Multiplier, ...] = ("dsp", "lut")


def legal_foldings(op: HardwareOp, graph: Graph, dram_bytes: int = 0) -> Iterator[Folding]:
    """The foldings of `op`: with parts of its channels that fill their trips. Weights can come from
    DRAM, `dram_bytes` per cycle, if each is used once per image."""
    out, _, width = graph.shape(op.output)
    lanes: Sequence[int] = sizes(out)
    pixels = [count for count in PIXELS if count == 1 or 2 * width > count]
    taps = {(1, 1)}
    match op:
        case Conv():
            yield from _convolutions(op, graph, pixels, dram_bytes)
            return
        case MaxPool(kernel=kernel):
            taps = trip_taps(kernel)
        case AveragePool(kernel=kernel):
            whole = is_global(op, graph)
            counts = set(average_counts(op, graph.shape(op.inputs[0])[2], 1))
            # Windows of different sizes have constants of their own, one at a time.
            pixels = pixels if len(counts) == 1 and not whole else [1]
            taps = taps if whole else trip_taps(kernel)
        case Concat(axis=axis):
            pixels = [1] if axis == 2 else pixels
            if axis == 0:
                lanes = divisors(gcd(*(graph.shape(name)[0] for name in op.inputs)))
        case Select():
            pixels = [1]
            if picked_of(op, graph) is None:
                lanes = divisors(gcd(out, graph.shape(op.inputs[0])[0]))
        case Resize():
            pixels, taps = [1], {(1, 1), (1, 2)}
    for pe, count, (rows, columns) in product(lanes, pixels, sorted(taps)):
        yield Folding(op.name, pe, 1, count, columns, rows=rows)


def trip_taps(kernel: Pair) -> set[Pair]:
    """Rows and columns of taps that a kernel of lanes can have in a trip."""
    return {(1, 1), (1, kernel[1]), kernel}


def _convolutions(
    op: Conv, graph: Graph, pixels: Sequence[int], dram_bytes: int
) -> Iterator[Folding]:
    out, per_group, rows, columns = graph.constants[op.weight].values.shape
    taps = sorted({1, columns})
    if is_depthwise(op, graph.shape(op.inputs[0])[0], out):
        places = sorted(trip_taps((rows, columns)))
        for pe, count, (down, along), storage in product(sizes(out), pixels, places, ON_CHIP):
            for constants in _constants(out, pe):
                yield Folding(op.name, pe, 1, count, along, "dsp", storage, constants, down)
        return
    parts = divisors if op.groups > 1 else sizes
    for pe, simd, count, some in product(parts(out // op.groups), parts(per_group), pixels, taps):
        if pe * simd * count * some <= MOST_PRODUCTS:
            fed = can_be_fed(op, graph, pe * simd * some, dram_bytes)
            memories = product(STORAGES if fed else ON_CHIP, _constants(out, pe))
            for multiplier, (storage, constants) in product(MULTIPLIERS, tuple(memories)):
                yield Folding(op.name, pe, simd, count, some, multiplier, storage, constants)


def _constants(out: int, pe: int) -> Sequence[Storage]:
    """What can hold the constants of channels: block RAM is no better for a few words."""
    return ("lutram", "bram") if out > pe * FEW_PASSES else ("lutram",)


def can_be_fed(op: Conv, graph: Graph, word_bytes: int, dram_bytes: int) -> bool:
    """Whether weights of `op` can come from DRAM, a word per trip: the map has one pixel, so that
    every weight is used once per image, and a port moves powers of two of bytes."""
    one = graph.shape(op.output)[1:] == (1, 1)
    return one and word_bytes <= dram_bytes and word_bytes & (word_bytes - 1) == 0


def sizes(count: int) -> list[int]:
    """The parts of `count` that fill their trips: a smaller part would need more of them."""
    return sorted({-(-count // parts) for parts in range(1, count + 1)})


def divisors(count: int) -> list[int]:
    """The numbers that divide `count`."""
    return [part for part in range(1, count + 1) if count % part == 0]
