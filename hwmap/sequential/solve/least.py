"""The least memory: what any plan needs, and the least with which one was found."""

from dataclasses import replace

import numpy as np

from hwmap.board import Board, Budget
from hwmap.ir.graph import hardware_ops
from hwmap.ir.rows import rows_read
from hwmap.sequential.layout import WORD_BYTES
from hwmap.sequential.memory import memories
from hwmap.sequential.plan import Plan
from hwmap.sequential.solve.again import run_again
from hwmap.sequential.solve.assemble import assemble
from hwmap.sequential.solve.engines import Grid
from hwmap.sequential.solve.nodes import Costs, Network
from hwmap.sequential.solve.parts import largest_block
from hwmap.sequential.solve.shapes import least_constants, shapes_of, with_costs

ENGINES = 3
"""Engines, of those that need least, on which plans are tried, and ways to cut the network."""
SHAPES = 2
STEP_BYTES = 64


def least_bytes(network: Network, grid: Grid) -> int:
    """Bytes that any plan needs on any engine: the rows of one row of the hungriest op, a block of
    constants, and the FIFOs."""
    graph = network.graph
    words = 0
    for op in hardware_ops(graph):
        height = graph.shape(op.output)[1]
        for row in {0, height // 2, height - 1}:
            own = network.row_words(op.output)
            for name in dict.fromkeys(op.inputs):
                read = rows_read(op, graph, op.inputs.index(name), range(row, row + 1))
                own += len(read) * network.row_words(name)
            words = max(words, own)
    blocks = least_constants(network, grid)
    sizes = (
        sum(memory.size_bytes for memory in memories(engine, words, int(block)))
        for engine, block in zip(grid.engines, blocks, strict=True)
    )
    return min(sizes)


def smallest_plan(
    network: Network, board: Board, budget: Budget, grid: Grid, seconds: float
) -> Plan | None:
    """A plan on one of the engines that need least, whatever its speed; with recomputation, for
    which there are `seconds`, if there is none without."""
    smallest = _Smallest(network, board, grid)
    return smallest.plan(budget) or smallest.again(budget, seconds)


def least_memory(network: Network, board: Board, budget: Budget, grid: Grid) -> int | None:
    """The least bytes, within STEP_BYTES or 2 %, with which a plan was found on the whole board;
    None if none was."""
    smallest = _Smallest(network, board, grid)
    low, high = 0, board.memory_bytes
    found = smallest.plan(replace(budget, memory_bytes=high))
    if found is None:
        return None
    while high - low > max(STEP_BYTES, high // 64):
        middle = (low + high) // 2
        if smallest.plan(replace(budget, memory_bytes=middle)) is None:
            low = middle
        else:
            high = middle
    return high


class _Smallest:
    """The engines that need least, and the shapes with the smallest arenas."""

    def __init__(self, network: Network, board: Board, grid: Grid) -> None:
        self.network, self.board = network, board
        blocks = least_constants(network, grid) * grid.port
        order = np.lexsort((np.arange(len(blocks)), grid.port, blocks))
        self.engines = [grid.engines[int(index)] for index in order[:ENGINES]]
        shapes = shapes_of(network, Costs(network, self.engines[0]))
        self.shapes = sorted(shapes, key=lambda shape: shape.arena_words)[:SHAPES]

    def plan(self, budget: Budget) -> Plan | None:
        """A plan within a budget."""
        for engine in self.engines:
            costs = Costs(self.network, engine)
            for shape in self.shapes:
                own = with_costs(shape, self.network, costs)
                plan = assemble(self.network, self.board, budget, engine, own.nodes, own.order,
                                addresses=own.addresses)  # fmt: skip
                if plan is not None:
                    return plan
        return None

    def again(self, budget: Budget, seconds: float) -> Plan | None:
        """A plan with strips that run again, in what a block of constants and the next one leave
        for the arena."""
        for engine in self.engines:
            costs = Costs(self.network, engine)
            constants = 2 * largest_block(self.network, engine)
            fixed = sum(m.size_bytes for m in memories(engine, 0, constants))
            room = (budget.memory_bytes - fixed) // (WORD_BYTES * engine.banks) * engine.banks
            for shape in self.shapes:
                if not 0 < room < shape.arena_words:
                    continue
                own = with_costs(shape, self.network, costs)
                found = run_again(own, room, seconds / (ENGINES * SHAPES))
                if found is None:
                    continue
                plan = assemble(self.network, self.board, budget, engine, found.nodes,
                                found.order, addresses=found.addresses)  # fmt: skip
                if plan is not None:
                    return plan
        return None
