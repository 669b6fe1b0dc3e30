"""The foldings of an op that are worth choosing, and what each costs."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from hwmap.ir.graph import Graph
from hwmap.ir.ops import AveragePool, Conv, HardwareOp, MaxPool, is_depthwise
from hwmap.solve.choices import unbeaten
from hwmap.streaming import cost
from hwmap.streaming.bits import sum_bits_of
from hwmap.streaming.cost import Part, Target
from hwmap.streaming.folding import Folding
from hwmap.streaming.network import bank_count, unit_of
from hwmap.streaming.solve.between import Forms
from hwmap.streaming.solve.legal import STORAGES, legal_foldings
from hwmap.streaming.timetable import schedule_of
from hwmap.streaming.units import (
    LEAST_DEPTH,
    Windowed,
    sources_of,
    targets_of,
)
from hwmap.streaming.window import Window, columns_of, leaves

Columns = NDArray[np.int64]
COSTS = 6
FED = 6
"""Columns of costs: those of a `Cost`, and the bytes that come from DRAM for an image."""
FEW = 2000
"""Of so few foldings all are known exactly at once."""


class Foldings:
    """Every folding of an op of one shape that no other one beats that has the same words at both
    ends: its `trips`, what it takes at least (foldings, 7), and the codes of the words that it
    reads and writes. What one takes exactly, its row memory included, is found when it is asked
    for.
    """

    def __init__(self, op: HardwareOp, graph: Graph, target: Target) -> None:
        self._op, self._graph, self._target = op, graph, target
        every = list(legal_foldings(op, graph, target.dram_bytes))
        self.inputs = len(op.inputs)
        self.shapes = tuple(graph.shape(name) for name in op.inputs)
        rough = _rough_costs(op, graph, every, target)
        sources, targets = _ends(op, graph, every)
        kept = _unbeaten_of_each(rough, sources[:, 0], targets)
        self.foldings = tuple(every[row] for row in kept)
        self.trips, self.costs = rough[kept, 0], rough[kept, 1:]
        self.sources, self.targets = sources[kept], targets[kept]
        self._known: set[int] = set()
        self._windows: dict[Window, Window] = {}
        if not _has_windows(op, graph, self.foldings[0]):
            self._known.update(range(len(kept)))
        elif len(kept) <= FEW:
            self._learn(range(len(kept)))

    def exact(self, row: int) -> Columns:
        """What a folding takes: known from now on."""
        if row not in self._known:
            self._learn([row])
        found: Columns = self.costs[row]
        return found

    def _learn(self, rows: Sequence[int]) -> None:
        """Costs of these foldings, with their row memories."""
        words = np.array([self._window(row).memory_words for row in rows])
        foldings = [self.foldings[row] for row in rows]
        costs = _window_costs(self._op, self._graph, foldings, self._target, words)
        self.costs[list(rows)] = costs[:, 1:]
        self._known.update(rows)

    def _window(self, row: int) -> Window:
        """The window of a folding; one finds out only once how large its row memory is."""
        unit = unit_of(self._op, self._graph, self.foldings[row])
        assert isinstance(unit, Windowed)
        return self._windows.setdefault(unit.window, unit.window)


def _ends(op: HardwareOp, graph: Graph, foldings: Sequence[Folding]) -> tuple[Columns, Columns]:
    """The codes of what each folding reads (foldings, inputs) and writes."""
    known: dict[tuple[int, int, int, int], tuple[list[int], int]] = {}
    sources, targets = [], []
    for folding in foldings:
        key = (folding.pe, folding.simd, folding.pixels, folding.taps)
        if key not in known:
            unit = unit_of(op, graph, folding)
            # Weights that come from DRAM have no other end to agree with.
            read, written = sources_of(unit)[: len(op.inputs)], targets_of(unit)[0]
            forms = Forms(
                np.array([layout.lanes for layout in (*read, written)]),
                np.array([layout.pixels for layout in (*read, written)]),
            )
            *first, last = forms.codes.tolist()
            known[key] = first, last
        sources.append(known[key][0])
        targets.append(known[key][1])
    return np.array(sources, np.int64), np.array(targets, np.int64)


def _unbeaten_of_each(costs: Columns, sources: Columns, targets: Columns) -> list[int]:
    """The rows that no other one with the same ends beats."""
    order = np.lexsort((targets, sources))
    changes = (np.diff(sources[order]) != 0) | (np.diff(targets[order]) != 0)
    groups = np.split(order, np.flatnonzero(changes) + 1)
    kept = [int(group[row]) for group in groups for row in unbeaten(costs[group])]
    return sorted(kept)


def _rough_costs(
    op: HardwareOp, graph: Graph, foldings: Sequence[Folding], target: Target
) -> Columns:
    """Trips, what each folding takes at least with the FIFOs that it reads (exact but for row
    memories), and its bytes from DRAM."""
    if _has_windows(op, graph, foldings[0]):
        return _window_costs(op, graph, foldings, target)
    found = []
    for folding in foldings:
        unit = unit_of(op, graph, folding)
        price = cost.unit_cost(unit, sum_bits_of(op, graph), target)
        for layout in sources_of(unit):
            price += cost.fifo_cost(layout, LEAST_DEPTH, target)
        found.append((schedule_of(unit).trips, *astuple(price), 0))
    return np.array(found, np.int64)


def _has_windows(op: HardwareOp, graph: Graph, folding: Folding) -> bool:
    return isinstance(unit_of(op, graph, folding), Windowed)


@dataclass(frozen=True, eq=False)
class _Table:
    """The numbers of many foldings, an array each; of ops with windows."""

    pe: Columns
    simd: Columns
    pixels: Columns
    taps: Columns
    banks: Columns
    rows: Columns

    @property
    def trip_taps(self) -> Columns:
        """Taps of a trip."""
        return self.rows * self.taps


def _table(op: Conv | MaxPool | AveragePool, foldings: Sequence[Folding]) -> _Table:
    dilation = 1 if isinstance(op, AveragePool) else op.dilations[1]
    rows = [
        (f.pe, f.simd, f.pixels, f.taps, bank_count(f, op.strides[1], dilation), f.rows)
        for f in foldings
    ]
    return _Table(*np.array(rows, np.int64).T)


def _up(count: int | Columns, by: int | Columns) -> Columns:
    return np.asarray(-(-count // by), np.int64)


def _window_costs(
    op: HardwareOp,
    graph: Graph,
    foldings: Sequence[Folding],
    target: Target,
    memory_words: Columns | None = None,
) -> Columns:
    """Trips, what a kernel takes with the FIFOs that it reads, and its bytes from DRAM, all at
    once: with row memories of so many words, or (None) of as many as a window reaches over."""
    assert isinstance(op, Conv | MaxPool | AveragePool)
    table = _table(op, foldings)
    channels, height, width = graph.shape(op.inputs[0])
    out, rows, columns = graph.shape(op.output)
    bits = sum_bits_of(op, graph)
    matrix = isinstance(op, Conv) and not is_depthwise(op, channels, out)
    groups = op.groups if isinstance(op, Conv) and matrix else 1
    lanes = table.simd if matrix else table.pe
    kernel = graph.constants[op.weight].values.shape[2:] if isinstance(op, Conv) else op.kernel
    passes = groups * _up(out // groups, table.pe)
    words = _up(channels // groups, lanes) if matrix else 1
    steps = kernel[0] // table.rows * _up(kernel[1], table.taps) * words
    pixel_words = _up(channels, lanes)
    row_words = _up(width, table.banks) * pixel_words
    trips = np.maximum(rows * _up(columns, table.pixels) * passes * steps, height * row_words)
    down, along = (1, 1) if isinstance(op, AveragePool) else op.dilations
    span = (table.pixels - 1) * op.strides[1] + (kernel[1] - 1) * along
    lines = (kernel[0] - 1) * down * row_words + columns_of(span, table.banks) * pixel_words
    padded = leaves(
        height, rows, kernel=kernel[0], stride=op.strides[0], dilation=down, pad=op.pads[0]
    ) | leaves(
        width,
        _up(columns, table.pixels) * table.pixels,
        kernel=kernel[1],
        stride=op.strides[1],
        dilation=along,
        pad=op.pads[1],
    )
    block = table.pe * table.pixels
    results = _up(block, steps)
    found = cost.window(
        table.banks,
        table.rows,
        lanes,
        table.pixels * table.trip_taps,
        lines if memory_words is None else memory_words,
        lines,
        padded,
        target,
    ) + cost.least_fifo(lanes * table.banks)
    if isinstance(op, MaxPool):
        found += Part(lut=16 * block * table.trip_taps, ff=8 * block * (table.trip_taps + 1))
    else:
        average = isinstance(op, AveragePool)
        found += cost.sums(block, results, bits)
        found += cost.requantizers(results, bits, target, average=average)
        found += cost.averages(block, table.trip_taps) if average else Part()
    if isinstance(op, Conv):
        found += _rough_constants(foldings, results, passes * _up(block, results), target)
        found += _rough_weights(table, foldings, passes * steps, target, matrix=matrix)
        found += _rough_products(table, foldings, bits, target, matrix=matrix)
        found += cost.loader(table.pe * table.trip_taps * (table.simd if matrix else 1), results)
    fed = np.array([folding.weights == "dram" for folding in foldings])
    word = table.pe * table.simd * table.trip_taps
    found += (cost.feed(word) + cost.least_fifo(word)).times(fed)
    costs, fed_bytes = cost.as_array(found, len(foldings)), fed * passes * steps * word
    return np.concatenate([trips[:, None], costs, fed_bytes[:, None]], axis=1)


def _rough_weights(
    table: _Table, foldings: Sequence[Folding], depth: Columns, target: Target, *, matrix: bool
) -> Part:
    width = 8 * table.pe * table.trip_taps * (table.simd if matrix else 1)
    found = Part()
    for storage in STORAGES:
        chosen = np.array([folding.weights == storage for folding in foldings])
        held = cost.memory(width, depth, storage, target)
        found += held.times(chosen)
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
        ff=np.where(in_luts, luts.ff, 0),
    )


def _rough_products(
    table: _Table, foldings: Sequence[Folding], bits: int, target: Target, *, matrix: bool
) -> Part:
    if not matrix:
        block = table.pe * table.pixels
        adders = 18 * block * (table.trip_taps - 1)
        return Part(dsp=block * table.trip_taps, lut=adders, ff=adders)
    terms = table.simd * table.trip_taps
    slices = cost.multipliers(table.pe, table.pixels, terms, bits, in_dsp=True, target=target)
    luts = cost.multipliers(table.pe, table.pixels, terms, bits, in_dsp=False, target=target)
    in_dsp = np.array([folding.multiplier == "dsp" for folding in foldings])
    return slices.times(in_dsp) + luts.times(~in_dsp)
