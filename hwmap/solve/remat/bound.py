"""A lower bound on schedules in a fixed order of first runs, however often a node runs again.

Memory is counted only while nodes run for the first time, and what runs again between two first
runs is there at the second, if what it reads was there at the first or runs again with it:

    kept[t, i] <= kept[t-1, i] + again[t, i]            value i while node t runs for the first time
    again[t, i] <= kept[t-1, p] + again[t, p]           for every p that i reads
    sum of size[i] * kept[t, i] + size[t] <= budget     kept[t, p] = 1 for every p that t reads
"""

from collections.abc import Iterator, Sequence
from math import ceil

from ortools.sat.python import cp_model

from hwmap.solve.cpsat import SECONDS_PER_VARIABLE, new_solver
from hwmap.solve.remat.types import SchedulingProblem


def build_seconds(nodes: int) -> float:
    """About what it takes to build the model."""
    return SECONDS_PER_VARIABLE * nodes * nodes


def fixed_order_bound(
    problem: SchedulingProblem, budget: int, seconds: float, known: Sequence[int] = ()
) -> tuple[int, list[int]] | None:
    """No schedule that keeps the order of the nodes is shorter; None: there is none. And the best
    schedule of the relaxation that was found, or nothing: it may take more than the budget. `known`
    is a schedule to begin with."""
    reads, sizes, durations = problem.reads, problem.sizes, problem.durations
    model = cp_model.CpModel()
    kept: dict[tuple[int, int], cp_model.IntVar] = {}
    again: dict[tuple[int, int], cp_model.IntVar] = {}
    for time, wanted in enumerate(reads):
        for node in range(time):
            kept[time, node] = model.new_bool_var(f"kept{time}_{node}")
            if node == time - 1:
                continue
            again[time, node] = model.new_bool_var(f"again{time}_{node}")
            model.add_bool_or(kept[time - 1, node], again[time, node], kept[time, node].negated())
            for read in reads[node]:
                there = kept[time - 1, read], again[time, read]
                model.add_bool_or(*there, again[time, node].negated())
        for read in wanted:
            model.add(kept[time, read] == 1)
        held = sum(sizes[node] * kept[time, node] for node in range(time))
        model.add(held + sizes[time] <= budget)
    model.minimize(sum(durations[node] * variable for (_, node), variable in again.items()))
    for (time, node), live, runs in _known(problem, known):
        model.add_hint(kept[time, node], live)
        if node < time - 1:
            model.add_hint(again[time, node], runs)
    solver = new_solver(max(seconds - build_seconds(len(reads)), 0.1))
    solver.parameters.linearization_level = 2
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        return None
    found: list[int] = []
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        for time in range(len(reads)):
            found += [n for n in range(time - 1) if solver.boolean_value(again[time, n])]
            found.append(time)
    return sum(durations) + max(ceil(solver.best_objective_bound - 1e-6), 0), found


def _known(
    problem: SchedulingProblem, sequence: Sequence[int]
) -> Iterator[tuple[tuple[int, int], bool, bool]]:
    """For every (t, i), i < t: whether value i is live while t runs for the first time, and whether
    i runs again between that and the first run before."""
    first = {node: at for at, node in reversed(list(enumerate(sequence)))}
    copies: dict[int, list[range]] = {node: [] for node in first}
    for node, item in zip(sequence, problem.items(sequence), strict=True):
        copies[node].append(range(item.start, item.end))
    for time in range(1, len(first)):
        between = range(first[time - 1] + 1, first[time])
        for node in range(time):
            live = any(first[time] in copy for copy in copies[node])
            yield (time, node), live, any(copy.start in between for copy in copies[node])
