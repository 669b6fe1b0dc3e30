"""Order and recomputation of a whole network by the schedule search, with its options given.

The schedule model has a variable for everything that may run in every slot; with slots for runs
that are not the first, it grows beyond what CP-SAT solves in a network of dozens of ops. The search
takes the options as they are, and one node per part of a chain.
"""

from collections.abc import Sequence
from itertools import accumulate

from hwmap.errors import InfeasibleError
from hwmap.sequential.solve.assemble import arena_room, constant_memory
from hwmap.sequential.solve.problem import Problem
from hwmap.sequential.solve.space import Run, Schedule, Space, run_cycles
from hwmap.solve.remat.rematerialize import rematerialize


def recompute(
    problem: Problem, choice: Sequence[int], *, limit_bytes: int, seconds: float
) -> Schedule | None:
    """A short schedule of option `choice[t]` of every task t, or None.

    A run's duration is taken as the longer of its trips and its fetch, as if it always had to wait
    for its own constants; the cycles of the schedule are exact.
    """
    runs = [
        Run(task, option, part, part + 1)
        for task, option in enumerate(choice)
        for part in range(len(problem.tasks[task].options[option].parts))
    ]
    room = arena_room(problem, constant_memory(problem, runs), limit_bytes)
    space = Space(problem, 0)
    parts = [space.option(run).parts[run.first] for run in runs]
    durations = [
        problem.overhead_cycles + part.lead_cycles + max(part.trips, part.fetch_words)
        for part in parts
    ]
    loads = [node for node, run in enumerate(runs) if space.task(run).kind == "load"]
    total = sum(durations)
    for node in loads:
        # An input comes once: to load it again costs more than anything else.
        durations[node] += total
    try:
        found = rematerialize(
            edges=_edges(problem, choice),
            sizes=[part.output_bytes for part in parts],
            durations=durations,
            budget=max(room, 0),
            time_limit=seconds,
            addresses=True,
        )
    except InfeasibleError:
        return None
    if not found.sequence or any(found.sequence.count(node) > 1 for node in loads):
        return None
    order = tuple(runs[node] for node in found.sequence)
    return Schedule(order, run_cycles(space, order))


def _edges(problem: Problem, choice: Sequence[int]) -> list[tuple[int, int]]:
    """Which part reads which: the one before it in its chain, or the last one of other tasks."""
    lengths = [
        len(task.options[option].parts) for task, option in zip(problem.tasks, choice, strict=True)
    ]
    starts = [0, *accumulate(lengths)]
    writer = {task.output: starts[index + 1] - 1 for index, task in enumerate(problem.tasks)}
    edges = []
    for index, task in enumerate(problem.tasks):
        edges += [(writer[tensor], starts[index]) for tensor in task.inputs]
        edges += [(node, node + 1) for node in range(starts[index], starts[index + 1] - 1)]
    return edges
