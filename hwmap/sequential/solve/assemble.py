"""A schedule -> a plan: steps, retention intervals, addresses."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from hwmap.blocks import place
from hwmap.board import Board
from hwmap.decompose.apply import apply_parts
from hwmap.decompose.candidates import Candidate
from hwmap.decompose.method import DENSE
from hwmap.ir.given import least_weight
from hwmap.ir.graph import Graph
from hwmap.sequential.logic import engine_logic
from hwmap.sequential.memory import EngineMemory
from hwmap.sequential.plan import Kind, Plan, Retention, Step
from hwmap.sequential.solve.problem import Problem, WordKind
from hwmap.sequential.solve.space import Run, Schedule
from hwmap.solve.addresses import Item, lifetimes, pack
from hwmap.solve.answer import Choice, Status

PACK_SECONDS = 10.0


def chosen_candidates(
    problem: Problem, runs: Sequence[Run], candidates: Mapping[str, Sequence[Candidate]]
) -> tuple[Candidate, ...]:
    """The candidate of every op, in the order of the tasks."""
    options = {run.task: run.option for run in runs}
    return tuple(
        candidates[task.name][task.options[options[index]].candidate]
        for index, task in enumerate(problem.tasks)
        if task.kind == "run"
    )


def assemble(
    graph: Graph,
    board: Board,
    problem: Problem,
    found: Schedule,
    candidates: Mapping[str, Sequence[Candidate]],
    *,
    limit_bytes: int,
) -> Plan | None:
    """The plan of a schedule, with no bound yet; None if its tensors cannot be packed within
    `limit_bytes`, or the memories do not fit the blocks."""
    chosen = chosen_candidates(problem, found.runs, candidates)
    rewritten = apply_parts(graph, [candidate.graph for candidate in chosen])
    steps = _steps(problem, found.runs, chosen)
    items = lifetimes(_touched(step, rewritten) for step in steps)
    sizes = {name: rewritten.tensors[name].elements for name in rewritten.tensors}
    engine = problem.engine
    constants = constant_memory(problem, found.runs)
    room = arena_room(problem, constants, limit_bytes)
    blocks = [Item(sizes[name], start, end) for name, start, end in items]
    addresses = pack(blocks, room, PACK_SECONDS)
    if addresses is None:
        return None
    arena = max(a + block.size_bytes for a, block in zip(addresses, blocks, strict=True))
    memory = replace(constants, arena_bytes=arena)
    memories = memory.memories(engine, problem.tables)
    use = place(memories, bram18=problem.bram18, uram=problem.uram)
    if use is None:
        return None
    logic = engine_logic(engine, board.dsp_slice, least_weight(graph))
    options = {run.task: problem.tasks[run.task].options[run.option] for run in found.runs}
    resident = {
        name
        for index, option in options.items()
        for name, part in zip(_part_names(problem, index, chosen), option.parts, strict=True)
        if part.kept("weight_words")
    }
    return Plan(
        network=graph.name,
        board=board.name,
        status="feasible",
        cycles=found.cycles,
        bound_cycles=0,
        engine=engine,
        choices=tuple(
            Choice(candidate.op, candidate.method, candidate.error, candidate.loss)
            for candidate in chosen
            if candidate.method != DENSE
        ),
        resident=tuple(op.name for op in rewritten.ops if op.name in resident),
        steps=steps,
        retentions=tuple(
            Retention(name, start, end, address)
            for (name, start, end), address in zip(items, addresses, strict=True)
        ),
        memory=memory,
        memory_bytes=sum(memory.size_bytes for memory in memories),
        in_uram=use.in_uram,
        dsp=engine.dsp,
        lut=logic.lut,
        ff=logic.ff,
        loss=sum(candidate.loss for candidate in chosen if candidate.method != DENSE),
    )


def arena_room(problem: Problem, constants: EngineMemory, limit_bytes: int) -> int:
    """The bytes that the other memories, and the two rows beside the arena, leave for it."""
    others = constants.memories(problem.engine, problem.tables)
    room = limit_bytes - sum(memory.size_bytes for memory in others)
    return room - room % problem.engine.arena_lanes


def with_bound(plan: Plan, bound_cycles: int) -> Plan:
    """`plan` with a proved lower bound on the cycles of all plans."""
    bound = min(bound_cycles, plan.cycles)
    status: Status = "optimal" if bound == plan.cycles else "feasible"
    return replace(plan, bound_cycles=bound, status=status)


def _part_names(problem: Problem, index: int, chosen: Sequence[Candidate]) -> tuple[str, ...]:
    """The names of the ops that task `index` became."""
    task = problem.tasks[index]
    if task.kind != "run":
        return (task.name,)
    candidate = next(candidate for candidate in chosen if candidate.op == task.name)
    return tuple(op.name for op in candidate.graph.ops)


def _steps(problem: Problem, runs: Sequence[Run], chosen: Sequence[Candidate]) -> tuple[Step, ...]:
    steps: list[Step] = []
    count: dict[tuple[Kind, str], int] = {}
    for run in runs:
        kind = problem.tasks[run.task].kind
        for name in _part_names(problem, run.task, chosen)[run.first : run.last]:
            instance = count.get((kind, name), 0)
            count[kind, name] = instance + 1
            steps.append(Step(kind, name, instance))
    return tuple(steps)


def _touched(step: Step, graph: Graph) -> tuple[tuple[str, ...], str | None]:
    if step.kind == "load":
        return (), step.name
    if step.kind == "store":
        return (step.name,), None
    op = graph.op(step.name)
    return op.inputs, op.output


def constant_memory(problem: Problem, runs: Sequence[Run]) -> EngineMemory:
    """What the constants of these runs take, without an arena: the resident words, and the most
    that two neighbouring steps fetch."""
    options = {run.task: problem.tasks[run.task].options[run.option] for run in runs}
    parts = [part for run in runs for part in options[run.task].parts[run.first : run.last]]
    kinds: tuple[WordKind, WordKind] = ("weight_words", "channel_words")
    weights, channels = (
        sum(option.kept(kind) for option in options.values())
        + max(a.fetched(kind) + b.fetched(kind) for a, b in pairwise([*parts, parts[-1]]))
        for kind in kinds
    )
    return EngineMemory(0, weights, channels)
