"""The least memory: what any plan needs, and the least with which one was found."""

from dataclasses import replace

import numpy as np

from hwmap.ir.graph import hardware_ops
from hwmap.ir.rows import rows_read
from hwmap.sequential.engine import Engine
from hwmap.sequential.layout import WORD_BYTES
from hwmap.sequential.memory import memories
from hwmap.sequential.network import Network
from hwmap.sequential.plan import Plan
from hwmap.sequential.solve.again import run_again
from hwmap.sequential.solve.assemble import assemble
from hwmap.sequential.solve.engines import Grid
from hwmap.sequential.solve.nodes import Costs
from hwmap.sequential.solve.parts import largest_block
from hwmap.sequential.solve.shapes import Shape, least_constants, shapes_of, with_costs, with_spills
from hwmap.sequential.solve.target import Target

ENGINES = 3
"""Engines, of those that need least, on which plans are tried, and ways to cut the network."""
SHAPES = 2
STEP_BYTES = 64


def least_words(network: Network) -> int:
    """Words of the arena that any plan needs: what a row of the hungriest op reads and writes."""
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
    return words


def least_bytes(network: Network, grid: Grid) -> int:
    """Bytes that any plan needs on any engine: its arena, and a block of constants."""
    words, blocks = least_words(network), least_constants(network, grid)
    sizes = (
        sum(memory.size_bytes for memory in memories(engine, words, int(block)))
        for engine, block in zip(grid.engines, blocks, strict=True)
    )
    return min(sizes)


class Smallest:
    """Plans on the engines that need least, in the shapes with the smallest arenas, whatever their
    speed."""

    def __init__(self, network: Network, target: Target, grid: Grid) -> None:
        self.network, self.target = network, target
        blocks = least_constants(network, grid) * grid.port
        order = np.lexsort((np.arange(len(blocks)), grid.port, blocks))
        self.engines = [grid.engines[int(index)] for index in order[:ENGINES]]
        costs = Costs(network, self.engines[0])
        shapes = shapes_of(network, costs)
        if target.spills(self.engines[0]):
            shapes += with_spills(shapes, network, costs)
        self.shapes = sorted(shapes, key=lambda shape: shape.arena_words)[:SHAPES]

    def plan(self, memory_bytes: int | None = None) -> Plan | None:
        """A plan within the budget, or in so much memory."""
        target = self.target
        if memory_bytes is not None:
            budget = replace(target.budget, memory_bytes=memory_bytes)
            target = replace(target, budget=budget)
        for engine in self.engines:
            for shape in self.shapes:
                plan = self._assembled(with_costs(shape, self.network, engine), engine, target)
                if plan is not None:
                    return plan
        return None

    def _assembled(self, shape: Shape, engine: Engine, target: Target) -> Plan | None:
        return assemble(self.network, target, engine, shape.nodes, shape.order,
                        addresses=shape.addresses)  # fmt: skip

    def least_memory(self) -> int | None:
        """The least bytes, within STEP_BYTES or 2 %, with which a plan was found on the whole
        board; None if none was."""
        low, high = 0, self.target.board.memory_bytes
        if self.plan(high) is None:
            return None
        while high - low > max(STEP_BYTES, high // 64):
            middle = (low + high) // 2
            if self.plan(middle) is None:
                low = middle
            else:
                high = middle
        return high

    def again(self, seconds: float) -> Plan | None:
        """A plan with strips that run again, in what a block of constants and the next one leave
        for the arena."""
        for engine in self.engines:
            constants = 2 * largest_block(self.network, engine)
            fixed = sum(m.size_bytes for m in memories(engine, 0, constants))
            left = self.target.budget.memory_bytes - fixed
            room = left // (WORD_BYTES * engine.banks) * engine.banks
            if self.target.built is not None:
                room = self.target.built.arena_words
            for shape in self.shapes:
                if not 0 < room < shape.arena_words:
                    continue
                own = with_costs(shape, self.network, engine)
                found = run_again(own, room, seconds / (ENGINES * SHAPES))
                plan = found and self._assembled(found, engine, self.target)
                if plan:
                    return plan
        return None
