"""The memory constraints that both models share."""

from dataclasses import dataclass

from ortools.sat.python import cp_model

from hwmap.solve.sequential.problem import MemoryUnit, Problem

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

    lanes * (ceil(arena / lanes) + 2) + weights * word + channels * word + FIFO  <=  limit

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
        + problem.fixed_bytes
    )
    model.add(total <= limit_bytes)
    _add_blocks(
        model,
        problem,
        ((rows, problem.arena), (weights, problem.weights), (channels, problem.channels)),
    )
    return MemoryVariables(arena, weights, channels, total)


def _add_blocks(
    model: cp_model.CpModel,
    problem: Problem,
    memories: tuple[tuple[cp_model.IntVar, MemoryUnit], ...],
) -> None:
    """sum over memories of ceil(depth / block depth) * blocks  <=  the board's, per kind."""
    bram18: list[cp_model.LinearExprT] = [problem.fixed_bram18]
    uram: list[cp_model.LinearExprT] = [0]
    for index, (depth, unit) in enumerate(memories):
        in_bram = model.new_int_var(0, problem.bram18, f"bram{index}")
        in_uram = model.new_int_var(0, problem.uram, f"uram{index}")
        moved = model.new_bool_var(f"moved{index}")
        model.add(depth <= unit.bram18_depth * in_bram).only_enforce_if(~moved)
        model.add(depth <= 4096 * in_uram).only_enforce_if(moved)
        bram18.append(unit.bram18 * in_bram)
        uram.append(unit.uram * in_uram)
    model.add(sum(bram18) <= problem.bram18)
    model.add(sum(uram) <= problem.uram)
