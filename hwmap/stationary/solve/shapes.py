"""Ways to cut a network into strips, and what each costs on many engines at once.

Large tensors are cut into strips of at most so many words, small ones stay whole: with many words
all are whole, with few the first layers run depth first, a few rows of each at a time.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from hwmap.board import Budget
from hwmap.ir.types import Integers
from hwmap.solve.addresses import Item, pack_low, top
from hwmap.stationary.engine import Engine
from hwmap.stationary.geometry import Sweep
from hwmap.stationary.layout import WORD_BYTES
from hwmap.stationary.program import row_bus_words
from hwmap.stationary.program_time import sweep_size
from hwmap.stationary.solve.assemble import arena_items, most_constants
from hwmap.stationary.solve.engines import Grid
from hwmap.stationary.solve.nodes import Costs, Network, Node, depth_first, nodes_of

STEP = 2.0 ** (-1 / 2)
LEAST_ROWS = 1


@dataclass(frozen=True)
class Shape:
    """Strips, an order in which each runs once, where they lie, and the size of the arena."""

    heights: Mapping[str, int]
    nodes: tuple[Node, ...]
    order: tuple[int, ...]
    addresses: tuple[int, ...]
    arena_words: int


def shapes_of(network: Network, costs: Costs) -> list[Shape]:
    """From whole tensors to strips of one row, each with a smaller arena than all before."""
    graph = network.graph
    rows = {name: network.row_words(name) for name in graph.tensors}
    largest = max(graph.shape(name)[1] * words for name, words in rows.items())
    found: list[Shape] = []
    words = float(largest)
    seen: set[tuple[int, ...]] = set()
    while True:
        heights = {
            name: max(min(int(words) // row, graph.shape(name)[1]), LEAST_ROWS)
            for name, row in rows.items()
        }
        key = tuple(heights.values())
        if key not in seen:
            seen.add(key)
            shape = _shape(network, costs, heights)
            if not found or shape.arena_words < found[-1].arena_words:
                found.append(shape)
        if words < min(rows.values()) or set(key) == {LEAST_ROWS}:
            return found
        words *= STEP


def _shape(network: Network, costs: Costs, heights: Mapping[str, int]) -> Shape:
    nodes = nodes_of(network, costs, heights)
    order = depth_first(nodes)
    items = [Item(nodes[n].words, start, end) for n, start, end in arena_items(nodes, order)]
    addresses = pack_low(items, 0, 0.0)
    return Shape(heights, nodes, tuple(order), addresses, top(items, addresses))


def with_costs(shape: Shape, network: Network, costs: Costs) -> Shape:
    """The same shape on another engine."""
    return replace(shape, nodes=nodes_of(network, costs, shape.heights))


@dataclass(frozen=True, eq=False)
class Estimate:
    """Of a shape on every engine of a grid: no plan of its order has fewer cycles. Where it cannot
    fit, the cycles are -1."""

    cycles: Integers


def estimate(shape: Shape, network: Network, grid: Grid, budget: Budget) -> Estimate:
    """What a shape takes at least: its engine's cycles, or those of the bus if the constants that
    find no room take longer."""
    fixed, trips = _cycles(shape, network, grid)
    words = sum(
        grid.constant_words(sweep) for sweeps in network.sweeps.values() for sweep in sweeps
    )
    rooms = {
        sizes: most_constants(engine, shape.arena_words, budget)
        for sizes, engine in _by_memory(grid).items()
    }
    room = np.array([rooms[_memory_sizes(engine)] for engine in grid.engines])
    buses = np.array([engine.bus_bytes for engine in grid.engines])
    fetched = np.maximum(words - np.maximum(room, 0), 0) * (grid.port // buses)
    cycles = fixed + np.maximum(trips, fetched)
    return Estimate(np.where(room < 1, -1, cycles))


def _memory_sizes(engine: Engine) -> tuple[int, int, int]:
    return engine.banks, engine.port_bytes, engine.bus_bytes


def _by_memory(grid: Grid) -> dict[tuple[int, int, int], Engine]:
    return {_memory_sizes(engine): engine for engine in grid.engines}


def _cycles(shape: Shape, network: Network, grid: Grid) -> tuple[Integers, Integers]:
    """Overheads and trips of all strips, on every engine."""
    counted: Counter[Sweep] = Counter()
    bus = grid.engines[0].bus_bytes
    rows = steps = streamed = 0
    for node in shape.nodes:
        height = node.last_row - node.first_row
        if node.kind != "run":
            pointers = (0, height) if node.kind == "load" else (height, 0)
            rows += row_bus_words(*pointers, 0, bus)
            streamed += height * -(-network.row_words(node.name) * WORD_BYTES // bus)
            steps += 1
            continue
        for sweep in network.sweeps[node.name]:
            part = sweep.rows.within(range(node.first_row, node.last_row))
            if part is not None:
                counted[replace(sweep, rows=replace(part, first=0, pad=0, size=1))] += 1
    trips = np.full(len(grid.engines), streamed)
    for sweep, count in counted.items():
        size = sweep_size(sweep, grid.engines[0])
        rows += count * row_bus_words(size.source_rows, size.target_rows, 0, bus)
        steps += count
        trips = trips + count * grid.trips(sweep)
    return rows + steps * grid.overhead, trips


def least_constants(network: Network, grid: Grid) -> Integers:
    """Port words of the largest block of constants, on every engine."""
    found = np.zeros(len(grid.engines), np.int64)
    for sweeps in network.sweeps.values():
        for sweep in sweeps:
            found = np.maximum(found, grid.block_words(sweep))
    return found
