"""Replays a plan and refuses one that lies. It shares no code with the solver.

Memory is replayed as bytes: every step paints what it writes into an arena, and finds what it reads
there untouched. Cycles, constants, memory and DSP slices are counted again, step by step.
"""

from collections.abc import Sequence
from dataclasses import astuple
from itertools import pairwise

import numpy as np

from hwmap.blocks import blocks_used
from hwmap.board import Board, Budget
from hwmap.errors import PlanError
from hwmap.ir.given import least_weight
from hwmap.ir.graph import Graph
from hwmap.ir.ops import HardwareOp, Weighted
from hwmap.sequential.engine import DRAM_LATENCY_CYCLES, engine_problem, op_cost
from hwmap.sequential.logic import engine_logic
from hwmap.sequential.memory import count_tables
from hwmap.sequential.plan import Plan, Retention, Step
from hwmap.solve.answer import claim_problem, loss_problem


def check_plan(plan: Plan, graph: Graph, board: Board, budget: Budget, max_loss: float) -> None:
    """Pass if `plan` runs `graph` (rewritten with the plan's choices) within the budget, in the
    cycles it states.

    Raises:
        PlanError: the first promise that it breaks.
    """
    problem = (
        engine_problem(plan.engine, board.bus_bytes)
        or _resource_problem(plan, graph, board, budget)
        or _steps_problem(plan, graph)
        or _arena_problem(plan, graph)
        or _constants_problem(plan, graph)
        or _number_problem(plan, graph, max_loss)
    )
    if problem:
        raise PlanError(f"plan of '{plan.network}' for '{plan.board}': {problem}")


def _steps_problem(plan: Plan, graph: Graph) -> str | None:
    """Every step is known, numbered, and loads and stores happen once."""
    runs: dict[tuple[str, str], int] = {}
    for index, step in enumerate(plan.steps):
        known = {"load": graph.inputs, "store": graph.outputs, "run": graph.by_name}[step.kind]
        if step.name not in known:
            return (
                f"step {index} is a {step.kind} of '{step.name}', which the network does not have"
            )
        if step.instance != runs.get((step.kind, step.name), 0):
            return f"step {index} ('{step.name}') is numbered {step.instance}"
        runs[step.kind, step.name] = step.instance + 1
    for kind, names in (("load", graph.inputs), ("store", graph.outputs)):
        for name in names:
            if runs.get((kind, name)) != 1:
                return f"'{name}' has {runs.get((kind, name), 0)} {kind} steps, expected 1"
    return None


def _reads(step: Step, graph: Graph) -> Sequence[str]:
    if step.kind == "run":
        return graph.op(step.name).inputs
    return (step.name,) if step.kind == "store" else ()


def _writes(step: Step, graph: Graph) -> str | None:
    if step.kind == "run":
        return graph.op(step.name).output
    return step.name if step.kind == "load" else None


def _arena_problem(plan: Plan, graph: Graph) -> str | None:
    """Every step finds its inputs where they were written, and overwrites nothing that is kept."""
    unknown = [item.tensor for item in plan.retentions if item.tensor not in graph.tensors]
    if unknown:
        return f"keeps '{unknown[0]}', which the network does not have"
    content = np.full(plan.memory.arena_bytes, -1, np.int64)
    for index, step in enumerate(plan.steps):
        kept = [
            (number, item)
            for number, item in enumerate(plan.retentions)
            if item.start_step <= index < item.end_step
        ]
        copies = [item.tensor for _, item in kept]
        if len(set(copies)) != len(copies):
            return f"step {index} ('{step.name}'): two copies of a tensor are kept at once"
        taken = np.zeros(plan.memory.arena_bytes, bool)
        for _, item in kept:
            space = _space(item, graph)
            if item.address_bytes < 0 or space.stop > plan.memory.arena_bytes:
                return f"'{item.tensor}' at {space.start}..{space.stop} is outside the arena"
            if taken[space].any():
                return f"step {index} ('{step.name}'): '{item.tensor}' overlaps another tensor"
            taken[space] = True
        for name in _reads(step, graph):
            if not any(
                item.tensor == name and (content[_space(item, graph)] == number).all()
                for number, item in kept
            ):
                return f"step {index} ('{step.name}') reads '{name}', which is not on chip"
        written = _writes(step, graph)
        begun = [(number, item) for number, item in kept if item.start_step == index]
        if [item.tensor for _, item in begun] != ([] if written is None else [written]):
            return f"step {index} ('{step.name}') does not write what begins to be kept there"
        for number, item in begun:
            content[_space(item, graph)] = number
    return None


def _space(item: Retention, graph: Graph) -> slice:
    return slice(item.address_bytes, item.address_bytes + graph.tensors[item.tensor].elements)


def _fetches(plan: Plan, graph: Graph) -> list[tuple[int, int, int]]:
    """(weight words, channel words, bus words) that must be fetched for each step."""
    found = []
    for step in plan.steps:
        op = graph.by_name.get(step.name) if step.kind == "run" else None
        if op is None or step.name in plan.resident:
            found.append((0, 0, 0))
            continue
        assert isinstance(op, HardwareOp)
        cost = op_cost(op, graph, plan.engine)
        found.append((cost.weight_words, cost.channel_words, cost.fetch_words))
    return found


def _constants_problem(plan: Plan, graph: Graph) -> str | None:
    """Resident constants and those of two neighbouring steps fit their memories."""
    weights = channels = 0
    for name in plan.resident:
        op = graph.by_name.get(name)
        if not isinstance(op, Weighted) or plan.resident.count(name) > 1:
            return f"'{name}' is resident, but is no op with constants, or is named twice"
        cost = op_cost(op, graph, plan.engine)
        weights += cost.weight_words
        channels += cost.channel_words
    fetches = [*_fetches(plan, graph), (0, 0, 0)]
    for index, (now, following) in enumerate(pairwise(fetches)):
        if weights + now[0] + following[0] > plan.memory.weight_words:
            return f"step {index}: weights need more than {plan.memory.weight_words} words"
        if channels + now[1] + following[1] > plan.memory.channel_words:
            return (
                f"step {index}: channel constants need more than {plan.memory.channel_words} words"
            )
    if fetches[0] != (0, 0, 0):
        return "the first step needs constants that no step before it can fetch"
    return None


def _resource_problem(plan: Plan, graph: Graph, board: Board, budget: Budget) -> str | None:
    sizes = plan.memory
    if min(*astuple(sizes), plan.bound_cycles) < 0:
        return "a memory or a bound is negative"
    memories = sizes.memories(plan.engine, count_tables(graph))
    size = sum(memory.size_bytes for memory in memories)
    if size != plan.memory_bytes or size > budget.memory_bytes:
        return (
            f"memories take {size:,} bytes; the plan says {plan.memory_bytes:,}, the budget is"
            f" {budget.memory_bytes:,}"
        )
    logic = engine_logic(plan.engine, board.dsp_slice, least_weight(graph))
    for what, taken, said, most in (
        ("DSP slices", plan.engine.dsp, plan.dsp, budget.dsp),
        ("LUTs", logic.lut, plan.lut, budget.lut),
        ("flip-flops", logic.ff, plan.ff, budget.ff),
    ):
        if taken > said or said > most:
            return (
                f"the engine takes {taken:,} {what}; the plan says {said:,}, the budget is {most:,}"
            )
    movable = [memory.name for memory in memories if not memory.block_ram_only]
    wrong = [name for name in plan.in_uram if name not in movable]
    if wrong or len(set(plan.in_uram)) != len(plan.in_uram):
        return f"'{(wrong or plan.in_uram)[0]}' cannot be in URAM, or is named twice"
    use = blocks_used(memories, plan.in_uram)
    if use.bram18 > budget.bram18 or use.uram > budget.uram:
        return f"memories do not fit {budget.bram18} BRAM18 and {budget.uram} URAM"
    return None


def _number_problem(plan: Plan, graph: Graph, max_loss: float) -> str | None:
    """Cycles and loss are what the steps and choices add up to."""
    cycles = 0
    fetches = [*_fetches(plan, graph), (0, 0, 0)]
    for index, step in enumerate(plan.steps):
        op = graph.by_name.get(step.name)
        if step.kind == "run":
            assert isinstance(op, HardwareOp)
            cost = op_cost(op, graph, plan.engine)
            trips = cost.trips
            cycles += cost.lead_cycles
        else:
            trips = -(-graph.tensors[step.name].elements // plan.engine.bus_bytes)
        cycles += plan.engine.step_overhead_cycles + max(trips, fetches[index + 1][2])
    if any(fetch[2] for fetch in fetches):
        cycles += DRAM_LATENCY_CYCLES + 1
    if cycles != plan.cycles:
        return f"the steps take {cycles:,} cycles; the plan says {plan.cycles:,}"
    return claim_problem(plan.status, plan.cycles, plan.bound_cycles) or loss_problem(
        plan.choices, plan.loss, max_loss
    )
