"""The foldings of an op that are worth choosing, and what each costs."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hwmap.ir.graph import Graph
from hwmap.ir.ops import AveragePool, Conv, HardwareOp, MaxPool, is_depthwise
from hwmap.solve.choices import unbeaten
from hwmap.streaming import cost
from hwmap.streaming.bits import sum_bits_of
from hwmap.streaming.cost import Part, Target
from hwmap.streaming.folding import Folding
from hwmap.streaming.layout import Layout
from hwmap.streaming.network import bank_count, unit_of
from hwmap.streaming.solve.legal import STORAGES, legal_foldings
from hwmap.streaming.timetable import schedule_of
from hwmap.streaming.units import (
    LEAST_DEPTH,
    Matrix,
    Reduce,
    Unit,
    Windowed,
    sources_of,
    targets_of,
)

Columns = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Options:
    """Foldings of one op; for each (trips, DSP, LUT, LUTRAM, BRAM18, URAM), and the words that it
    reads and writes; the bytes that it takes from DRAM for an image."""

    foldings: tuple[Folding, ...]
    costs: Columns
    fed_bytes: Columns
    sources: tuple[tuple[Layout, ...], ...]
    targets: tuple[Layout, ...]

    def named(self, op: str) -> "Options":
        """The same for another op of the same shape."""
        foldings = tuple(replace(folding, op=op) for folding in self.foldings)
        return replace(self, foldings=foldings)


class Foldings:
    """Every folding of an op of one shape. What one costs is found when it is asked for: roughly of
    all at once, exactly of those that then are worth it."""

    def __init__(self, op: HardwareOp, graph: Graph, target: Target) -> None:
        self._op, self._graph, self._target = op, graph, target
        self._all = list(legal_foldings(op, graph, target.dram_bytes))
        self._rough = _rough_costs(op, graph, self._all, target)
        self._exact: dict[int, tuple[int, ...]] = {}

    @property
    def trips(self) -> Columns:
        """The different trips that there are."""
        return np.unique(self._rough[:, 0])

    def within(self, trips: int) -> Options:
        """The foldings of at most so many trips that no other beats in what it takes."""
        fast = np.flatnonzero(self._rough[:, 0] <= trips)
        chosen = [int(fast[index]) for index in _worth(self._rough[fast])]
        for index in chosen:
            if index not in self._exact:
                unit = unit_of(self._op, self._graph, self._all[index])
                self._exact[index] = _exact_costs(unit, self._op, self._graph, self._target)
        exact = np.array([self._exact[index] for index in chosen], np.int64).reshape(-1, 6)
        kept = _worth(exact)
        foldings = tuple(self._all[chosen[index]] for index in kept)
        units = [unit_of(self._op, self._graph, folding) for folding in foldings]
        return Options(
            foldings,
            exact[kept],
            np.array([_fed_bytes(unit) for unit in units], np.int64),
            # Weights that come from DRAM have no other end to agree with.
            tuple(sources_of(unit)[: len(self._op.inputs)] for unit in units),
            tuple(targets_of(unit)[0] for unit in units),
        )


def _worth(costs: Columns) -> list[int]:
    """The rows that no other beats, where the last digits of LUTs do not count."""
    found = costs[:, 1:].copy()
    for column in (1, 2):
        digits = np.log2(np.maximum(found[:, column], 1)).astype(np.int64)
        step = np.int64(1) << np.maximum(digits - 3, 4)
        found[:, column] = -(-found[:, column] // step) * step
    return unbeaten(found) if len(found) else []


def trips_of(unit: Unit) -> int:
    """The trips of one image."""
    return unit.window.trips if isinstance(unit, Windowed) else schedule_of(unit).trips


def _fed_bytes(unit: Unit) -> int:
    feed = unit.feed if isinstance(unit, Matrix) else None
    return 0 if feed is None else feed.words * feed.word_bytes


def _exact_costs(unit: Unit, op: HardwareOp, graph: Graph, target: Target) -> tuple[int, ...]:
    """Trips, and what a kernel takes with the FIFOs that it reads."""
    price = cost.unit_cost(unit, sum_bits_of(op, graph), target)
    for layout in sources_of(unit):
        price += cost.fifo_cost(layout, LEAST_DEPTH, target)
    if isinstance(unit, Matrix) and unit.feed is not None:
        price += cost.unit_cost(unit.feed, 8, target)
    return (trips_of(unit), *astuple(price))


def _rough_costs(
    op: HardwareOp, graph: Graph, foldings: Sequence[Folding], target: Target
) -> Columns:
    """About what each folding costs, all at once: exact but for row memories."""
    first = unit_of(op, graph, foldings[0])
    if isinstance(op, Conv | MaxPool | AveragePool) and not isinstance(first, Reduce):
        return _rough_windows(op, graph, foldings, target)
    units = (unit_of(op, graph, folding) for folding in foldings)
    return np.array([_exact_costs(unit, op, graph, target) for unit in units], np.int64)


@dataclass(frozen=True, eq=False)
class _Table:
    """The numbers of many foldings, an array each; of ops with windows."""

    pe: Columns
    simd: Columns
    pixels: Columns
    taps: Columns
    banks: Columns


def _table(op: Conv | MaxPool | AveragePool, foldings: Sequence[Folding]) -> _Table:
    dilation = 1 if isinstance(op, AveragePool) else op.dilations[1]
    rows = [
        (f.pe, f.simd, f.pixels, f.taps, bank_count(f, op.strides[1], dilation)) for f in foldings
    ]
    return _Table(*np.array(rows, np.int64).T)


def _up(count: int | Columns, by: int | Columns) -> Columns:
    return np.asarray(-(-count // by), np.int64)


def _rough_windows(
    op: Conv | MaxPool | AveragePool, graph: Graph, foldings: Sequence[Folding], target: Target
) -> Columns:
    table = _table(op, foldings)
    channels, height, width = graph.shape(op.inputs[0])
    out, rows, columns = graph.shape(op.output)
    bits = sum_bits_of(op, graph)
    matrix = isinstance(op, Conv) and not is_depthwise(op, channels, out)
    groups = op.groups if isinstance(op, Conv) and matrix else 1
    lanes = table.simd if matrix else table.pe
    kernel = graph.constants[op.weight].values.shape[2:] if isinstance(op, Conv) else op.kernel
    dilation = 1 if isinstance(op, AveragePool) else op.dilations[0]
    passes = groups * _up(out // groups, table.pe)
    words = _up(channels // groups, lanes) if matrix else 1
    steps = kernel[0] * _up(kernel[1], table.taps) * words
    pixel_words = _up(channels, lanes)
    row_words = _up(width, table.banks) * pixel_words
    trips = np.maximum(rows * _up(columns, table.pixels) * passes * steps, height * row_words)
    lines = (kernel[0] - 1) * dilation * row_words + kernel[1] * pixel_words
    block = table.pe * table.pixels
    results = _up(block, steps)
    found = cost.window(
        table.banks, lanes, table.pixels * table.taps, lines, target, padded=True
    ) + Part(lut=8 * lanes * table.banks + 16, lutram=8 * lanes * table.banks)
    if isinstance(op, MaxPool):
        found += Part(lut=16 * block * table.taps)
    else:
        found += cost.sums(block, results, bits) + cost.requantizers(results, bits, target)
    if isinstance(op, Conv):
        found += _rough_constants(foldings, results, passes * _up(block, results), target)
        found += _rough_weights(table, foldings, passes * steps, target, matrix=matrix)
        found += _rough_products(table, foldings, bits, target, matrix=matrix)
    return np.concatenate([trips[:, None], cost.as_array(found, len(foldings))], axis=1)


def _rough_weights(
    table: _Table, foldings: Sequence[Folding], depth: Columns, target: Target, *, matrix: bool
) -> Part:
    width = 8 * table.pe * table.taps * (table.simd if matrix else 1)
    found = Part()
    for storage in STORAGES:
        chosen = np.array([folding.weights == storage for folding in foldings])
        held = cost.memory(width, depth, storage, target)
        found += Part(*(chosen * part for part in astuple(held)))
    return found


def _rough_constants(
    foldings: Sequence[Folding], results: Columns, words: Columns, target: Target
) -> Part:
    in_luts = np.array([folding.constants == "lutram" for folding in foldings])
    luts = cost.memory(cost.CHANNEL_BITS * results, words, "lutram", target)
    blocks = cost.memory(cost.CHANNEL_BITS * results, words, "bram", target)
    return Part(
        lut=np.where(in_luts, luts.lut, 0),
        lutram=np.where(in_luts, luts.lutram, 0),
        bram18=np.where(in_luts, 0, blocks.bram18),
    )


def _rough_products(
    table: _Table, foldings: Sequence[Folding], bits: int, target: Target, *, matrix: bool
) -> Part:
    if not matrix:
        block = table.pe * table.pixels
        return Part(dsp=block * table.taps, lut=18 * block * (table.taps - 1))
    terms = table.simd * table.taps
    slices = cost.multipliers(table.pe, table.pixels, terms, bits, in_dsp=True, target=target)
    luts = cost.multipliers(table.pe, table.pixels, terms, bits, in_dsp=False, target=target)
    in_dsp = np.array([folding.multiplier == "dsp" for folding in foldings])
    return Part(dsp=np.where(in_dsp, slices.dsp, 0), lut=np.where(in_dsp, slices.lut, luts.lut))
