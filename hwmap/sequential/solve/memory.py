"""The memory constraints that both models share."""

from dataclasses import dataclass

from ortools.sat.python import cp_model

from hwmap.sequential.solve.problem import BlockShape, Problem

WORDS = 1 << 26
"""More words than any board has."""


@dataclass(frozen=True)
class MemoryVariables:
    """Sizes of the three memories, and their sum in bytes."""

    arena_bytes: cp_model.IntVar
    weight_words: cp_model.IntVar
    channel_words: cp_model.IntVar
    total_bytes: cp_model.LinearExpr


def add_memory(model: cp_model.CpModel, problem: Problem, *, limit_bytes: int) -> MemoryVariables:
    """All memories are held all the time, so the budget is one sum:

    lanes * (ceil(arena / lanes) + 2) + weights * word + channels * word + FIFO + tables <= limit

    and their blocks must be there, each memory in BRAM18 or in URAM.
    """
    engine = problem.engine
    arena = model.new_int_var(0, limit_bytes, "arena_bytes")
    rows = model.new_int_var(0, WORDS, "arena_rows")
    weights = model.new_int_var(0, WORDS, "weight_words")
    channels = model.new_int_var(0, WORDS, "channel_words")
    model.add(engine.arena_lanes * (rows - 2) >= arena)
    total = (
        engine.arena_lanes * rows
        + engine.weight_word_bytes * weights
        + engine.channel_word_bytes * channels
        + problem.fifo_bytes
        + problem.table_bytes
    )
    model.add(total <= limit_bytes)
    fifo = model.new_constant(problem.fifo_words)
    tables = model.new_constant(problem.table_words)
    memories = ((rows, problem.arena), (weights, problem.weights), (channels, problem.channels))
    _add_blocks(model, problem, (*memories, (fifo, problem.fifo), (tables, problem.table_blocks)))
    return MemoryVariables(arena, weights, channels, total)


def _add_blocks(
    model: cp_model.CpModel,
    problem: Problem,
    memories: tuple[tuple[cp_model.IntVar, tuple[BlockShape, ...]], ...],
) -> None:
    """Each memory has one shape of block, and the blocks are there:

    sum over memories of ceil(depth / block depth) * blocks  <=  the board's, per kind
    """
    bram18: list[cp_model.LinearExprT] = []
    uram: list[cp_model.LinearExprT] = []
    for depth, shapes in memories:
        chosen = []
        for shape in shapes:
            most = problem.uram // shape.uram if shape.uram else problem.bram18 // shape.bram18
            if not most:
                continue
            count = model.new_int_var(0, most, "count")
            chosen.append(model.new_bool_var("chosen"))
            model.add(depth <= shape.depth * count).only_enforce_if(chosen[-1])
            bram18.append(shape.bram18 * count)
            uram.append(shape.uram * count)
        # A memory of no words needs no block.
        empty = model.new_bool_var("empty")
        model.add(depth == 0).only_enforce_if(empty)
        model.add_exactly_one([*chosen, empty])
    model.add(cp_model.LinearExpr.sum(bram18) <= problem.bram18)
    model.add(cp_model.LinearExpr.sum(uram) <= problem.uram)
