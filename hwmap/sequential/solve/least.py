"""The least memory: what any plan needs, and the least with which one was found."""

from dataclasses import replace

import numpy as np

from hwmap.board import Board, Budget
from hwmap.ir.graph import hardware_ops
from hwmap.ir.rows import rows_read
from hwmap.sequential.engine import Engine
from hwmap.sequential.memory import memories
from hwmap.sequential.solve.assemble import assemble
from hwmap.sequential.solve.engines import Grid
from hwmap.sequential.solve.nodes import Costs, Network
from hwmap.sequential.solve.shapes import Shape, least_constants, shapes_of, with_costs

ENGINES = 3
"""Engines, of those that need least, on which plans are tried."""
STEP_BYTES = 1024


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


def least_memory(network: Network, board: Board, budget: Budget, grid: Grid) -> int | None:
    """The least bytes, in steps of a KiB, with which a plan was found on the whole board; None if
    none was."""
    blocks = least_constants(network, grid) * grid.port
    order = np.lexsort((np.arange(len(blocks)), blocks))
    best: int | None = None
    shapes = shapes_of(network, Costs(network, grid.engines[int(order[0])]))
    for index in order[:ENGINES]:
        engine = grid.engines[int(index)]
        low, high = 0, best or board.memory_bytes
        if not _fits(network, board, replace(budget, memory_bytes=high), engine, shapes):
            continue
        while high - low > STEP_BYTES:
            middle = (low + high) // 2
            if _fits(network, board, replace(budget, memory_bytes=middle), engine, shapes):
                high = middle
            else:
                low = middle
        best = high
    return best


def _fits(
    network: Network, board: Board, budget: Budget, engine: Engine, shapes: list[Shape]
) -> bool:
    for shape in sorted(shapes, key=lambda shape: shape.arena_words)[:2]:
        costs = with_costs(shape, network, Costs(network, engine))
        plan = assemble(network, board, budget, engine, costs.nodes, costs.order,
                        addresses=costs.addresses)  # fmt: skip
        if plan is not None:
            return True
    return False
