"""A lower bound that no order and no recomputation can beat.

The relaxation keeps the choice of candidates and residency, and forgets the schedule: every part
runs at least once, whatever the order; it then has its inputs and output on chip, and the
constants it fetches beside all resident ones; and the engine can hide fetching behind computing
completely:

    cycles >= sum of overheads and leads + max(sum of trips, sum of fetched words)
"""

from dataclasses import dataclass

from ortools.sat.python import cp_model

from hwmap.blocks import Memory, place
from hwmap.sequential.memory import EngineMemory
from hwmap.sequential.solve.memory import add_memory
from hwmap.sequential.solve.problem import Option, Problem, Task, WordKind
from hwmap.solve.choices import add_choices, chosen
from hwmap.solve.cpsat import effort_seconds, new_solver

MUCH = 1 << 40


@dataclass(frozen=True)
class Relaxed:
    """`bound`: no plan has fewer cycles (or bytes, if memory was minimised); None: proved that
    there is no plan. `choice` is the option of each task in the relaxed answer, `seconds` about
    what it took."""

    bound: int | None
    choice: tuple[int, ...]
    seconds: float


def relax(
    problem: Problem, *, limit_bytes: int, least_memory: bool = False, seconds: float = 5.0
) -> Relaxed:
    """The bound on cycles, or on memory if `least_memory`."""
    model = cp_model.CpModel()
    memory = add_memory(model, problem, limit_bytes=limit_bytes)
    losses = [[option.loss_ppb for option in task.options] for task in problem.tasks]
    choose = add_choices(model, losses, problem.loss_ppb)
    pairs = [
        (variable, option)
        for task, variables in zip(problem.tasks, choose, strict=True)
        for variable, option in zip(variables, task.options, strict=True)
    ]
    depths: tuple[tuple[cp_model.IntVar, WordKind], ...] = (
        (memory.weight_words, "weight_words"),
        (memory.channel_words, "channel_words"),
    )
    resident = {kind: sum(v * o.kept(kind) for v, o in pairs) for _, kind in depths}
    for task, variables in zip(problem.tasks, choose, strict=True):
        model.add(
            memory.arena_bytes
            >= sum(
                v * footprint_bytes(task, o, problem)
                for v, o in zip(variables, task.options, strict=True)
            )
        )
        for words, kind in depths:
            fetched = [
                v * max(part.fetched(kind) for part in o.parts)
                for v, o in zip(variables, task.options, strict=True)
            ]
            model.add(words >= resident[kind] + sum(fetched))
    cycles = model.new_int_var(0, MUCH, "cycles")
    fetches = [variable for variable, option in pairs if option.fetch_words]
    any_fetch = model.new_bool_var("any_fetch")
    for variable in fetches:
        model.add_implication(variable, any_fetch)
    fixed = sum(v * (len(o.parts) * problem.overhead_cycles + o.lead_cycles) for v, o in pairs)
    fixed = fixed + problem.startup_cycles * any_fetch
    model.add(cycles >= fixed + sum(v * o.trips for v, o in pairs))
    model.add(cycles >= fixed + sum(v * o.fetch_words for v, o in pairs))
    model.minimize(memory.total_bytes if least_memory else cycles)
    solver = new_solver(seconds)
    status = solver.solve(model)
    effort = effort_seconds(model, solver)
    if status == cp_model.INFEASIBLE:
        return Relaxed(None, (), effort)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Relaxed(0, tuple(0 for _ in choose), effort)
    return Relaxed(round(solver.best_objective_bound), chosen(solver, choose), effort)


def least_memories(problem: Problem) -> tuple[Memory, ...]:
    """Memories that any plan needs: the largest footprint of a task, and the largest constants of
    a part, each with the option that needs least (losses ignored)."""
    arena = weights = channels = 0
    for task in problem.tasks:
        arena = max(arena, min(footprint_bytes(task, o, problem) for o in task.options))
        weights = max(weights, min(max(p.weight_words for p in o.parts) for o in task.options))
        channels = max(channels, min(max(p.channel_words for p in o.parts) for o in task.options))
    return EngineMemory(arena, weights, channels).memories(problem.engine, problem.tables)


def least_bytes(problem: Problem) -> int:
    """Bytes that any plan needs."""
    return sum(memory.size_bytes for memory in least_memories(problem))


def cannot_fit(problem: Problem, limit_bytes: int) -> bool:
    """Whether what any plan needs is more than the budget, in bytes or in blocks."""
    memories = least_memories(problem)
    if sum(memory.size_bytes for memory in memories) > limit_bytes:
        return True
    return place(memories, bram18=problem.bram18, uram=problem.uram) is None


def footprint_bytes(task: Task, option: Option, problem: Problem) -> int:
    """The bytes of activations that must be on chip at once for some part of `option`."""
    read = sum(problem.tensor_bytes[tensor] for tensor in task.inputs)
    most = 0
    for part in option.parts:
        most = max(most, read + part.output_bytes)
        read = part.output_bytes
    return most
