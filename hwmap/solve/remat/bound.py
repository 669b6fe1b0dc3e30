"""A lower bound on schedules in a fixed order of first runs, however often a node runs again.

Memory is counted only while nodes run for the first time, and what runs again between two first
runs is there at the second, if what it reads was there at the first or runs again with it:

    kept[t, i] <= kept[t-1, i] + again[t, i]            value i while node t runs for the first time
    again[t, i] <= kept[t-1, p] + again[t, p]           for every p that i reads
    sum of size[i] * kept[t, i] + size[t] <= budget     kept[t, p] = 1 for every p that t reads
"""

from math import ceil

from ortools.sat.python import cp_model

from hwmap.solve.cpsat import new_solver


def fixed_order_bound(
    reads: list[list[int]], sizes: list[int], durations: list[int], budget: int, seconds: float
) -> int | None:
    """No schedule that keeps the order of the nodes is shorter; None: there is none."""
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
    solver = new_solver(seconds)
    solver.parameters.linearization_level = 2
    if solver.solve(model) == cp_model.INFEASIBLE:
        return None
    return sum(durations) + max(ceil(solver.best_objective_bound - 1e-6), 0)
