"""All engines that a budget allows, and what sweeps take on each: many engines at once.

The formulas are those of `engine.py`, on arrays; a test holds them equal.
"""

from collections.abc import Iterable
from itertools import product

import numpy as np

from hwmap.board import Board, Budget
from hwmap.files.words import CHANNEL_BYTES
from hwmap.ir.types import Integers
from hwmap.sequential.engine import (
    STRIPES,
    SUM_DISTANCE,
    TABLE_BYTES,
    Engine,
)
from hwmap.sequential.geometry import TAPS, Sweep, passes_of
from hwmap.sequential.layout import WORD_BYTES
from hwmap.sequential.logic import engine_logic
from hwmap.sequential.network import Network
from hwmap.sequential.plan import Moving
from hwmap.sequential.program_time import sweep_size

SIDES = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128)
LANES = (8, 16, 24, 32, 48, 64)
RESULTS = (1, 2, 4, 8, 16, 32)
PORTS = (8, 16, 32, 64, 128, 256)


def engines_of(
    board: Board, budget: Budget, least_weight: int = -127, *, spills: bool = False
) -> tuple[Engine, ...]:
    """Every engine for weights from `least_weight` on within the budgets of slices, LUTs and
    flip-flops, with or without a port for spills, in a fixed order."""
    bus = board.bus_bytes
    found = []
    for pe, simd, lanes, results in product(SIDES, SIDES, LANES, RESULTS):
        small = Engine(pe, simd, lanes, results, bus, bus, STRIPES[0])
        if results > min(pe, lanes) or small.dsp > budget.dsp:
            continue
        for port, stripe in product(PORTS, STRIPES):
            engine = Engine(pe, simd, lanes, results, port, bus, stripe, least_weight, spills)
            if port >= bus and _fits(engine, board, budget):
                found.append(engine)
    return tuple(found)


def _fits(engine: Engine, board: Board, budget: Budget) -> bool:
    logic = engine_logic(engine, board.dsp_slice)
    return logic.lut <= budget.lut and logic.ff <= budget.ff


class Grid:
    """Engines as arrays of their sizes."""

    def __init__(self, engines: Iterable[Engine]) -> None:
        self.engines = tuple(engines)
        # That of the board, for all.
        self.bus_bytes = self.engines[0].bus_bytes

        def sizes(name: str) -> Integers:
            return np.array([getattr(engine, name) for engine in self.engines], np.int64)

        self.pe, self.simd, self.lanes = sizes("pe"), sizes("simd"), sizes("vector_lanes")
        self.results, self.port = sizes("requant_lanes"), sizes("port_bytes")
        self.stripe, self.overhead = sizes("stripe"), sizes("overhead_cycles")

    def row_beats(self, network: Network, tensor: str, kind: Moving) -> Integers:
        """Words of the bus in which a row comes in or goes out."""
        banks = np.array([engine.banks for engine in self.engines])
        found = np.zeros_like(self.pe)
        for count in np.unique(banks):
            first = self.engines[int(np.argmax(banks == count))]
            found[banks == count] = network.row_beats(tensor, kind, first)
        return found

    def _words(self, sweep: Sweep) -> tuple[Integers, Integers, Integers]:
        """Port words of a term's weights, of a block's channels, and of a table."""
        size = self.pe if sweep.matrix else self.lanes
        weights = self.pe * self.simd if sweep.matrix else TAPS * self.lanes
        none = 0 * self.port
        table = _up(TABLE_BYTES, self.port) if sweep.kind == "lookup" else none
        if not sweep.weighted:
            return none, none, table
        return _up(weights, self.port), _up(size * CHANNEL_BYTES, self.port), table

    def block_words(self, sweep: Sweep) -> Integers:
        """Port words of the constants of a block."""
        loads, channels, table = self._words(sweep)
        terms, _, _ = self._window(sweep)
        return np.asarray(terms * loads + channels + table)

    def constant_words(self, sweep: Sweep) -> Integers:
        """Port words of all constants of a sweep."""
        loads, channels, table = self._words(sweep)
        terms, _, _ = self._window(sweep)
        blocks = _up(sweep.words * WORD_BYTES, self.pe if sweep.matrix else self.lanes)
        return np.asarray(sweep.groups * blocks * (terms * loads + channels) + table)

    def cycles(self, sweep: Sweep) -> Integers:
        """The cycles of a whole sweep on each engine, its row included."""
        row = sweep_size(sweep, self.engines[0]).bus_words(self.bus_bytes)
        return self.trips(sweep) + self.overhead + row

    def trips(self, sweep: Sweep) -> Integers:
        """The trips of a whole sweep on each engine."""
        size = self.pe if sweep.matrix else self.lanes
        channels = sweep.words * WORD_BYTES
        blocks = _up(channels, size)
        loads, constants, table = self._words(sweep)
        slices = _up(np.minimum(size, channels), self.results)
        last_slices = _up(channels - (blocks - 1) * size, self.results)
        terms, taps, fresh = self._window(sweep)
        times = 1 if sweep.matrix else sweep.rows.count
        pixels = sweep.columns.count * (sweep.rows.count if sweep.matrix else 1)
        stripe = _up(pixels, _up(pixels, self.stripe))
        full, rest = np.divmod(pixels, stripe)

        def block(n: Integers) -> Integers:
            reads = n * fresh + taps - fresh
            other = np.maximum(np.maximum(reads, loads), SUM_DISTANCE)
            first = np.maximum(np.maximum(reads, loads + constants), SUM_DISTANCE)
            settled = reads if sweep.matrix else reads + SUM_DISTANCE - 1
            before = np.where(terms == 1, 0, first + (terms - 2) * other)
            last = np.where(terms == 1, first, other)
            last = np.maximum(np.maximum(last, settled), stripe * slices - before)
            return np.asarray(before + last)

        trips = full * block(stripe) + np.where(rest > 0, block(rest), 0)
        drained = np.where(rest > 0, rest, stripe) * last_slices
        found = loads + table + sweep.groups * blocks * times * trips + drained
        return np.asarray(found)

    def _window(self, sweep: Sweep) -> tuple[Integers, int, int]:
        """Terms, columns of a pixel, and those of a pixel that is not the first of its row."""
        ones = np.ones_like(self.pe)
        if sweep.matrix:
            columns = sweep.columns.taps if sweep.joined else 1
            runs = 1 if sweep.joined else sweep.columns.taps
            words = _up(columns * sweep.group_words * WORD_BYTES, self.simd)
            return sweep.rows.taps * runs * words, 1, 1
        passes = passes_of(sweep.columns)
        terms = sweep.rows.taps * passes.count * ones
        two = len(sweep.sources) > 1
        taps = 2 if two else passes.taps
        slides = not two and 0 < sweep.columns.stride < taps
        return terms, taps, sweep.columns.stride if slides else taps


def _up(a: Integers | int, b: Integers | int) -> Integers:
    return np.asarray(-(-a // b))
