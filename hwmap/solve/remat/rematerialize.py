"""Which node runs when, and which runs again, so that a graph fits a memory in the least time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import networkx as nx
import numpy as np

from hwmap.errors import BudgetError, InfeasibleError, ScheduleError
from hwmap.solve.addresses import Item, lifetimes, live_peak
from hwmap.solve.remat.types import Dag, Integers, new_dag, new_sequence

SECONDS_PER_MOVE = 3e-6
"""Measured on layered graphs of 100 to 1000 nodes: 1.0 to 2.6 microseconds. A time limit counts
moves, so that the same seed gives the same answer on every machine."""
MOVES_PER_NODE = 2000
"""Of the first round; each further round has twice as many."""
HEAT = (0.6, 0.015)
"""First and last temperature, in mean durations."""
PRICE = (0.04, 40.0)
"""First and last price of a mean size above the budget during one run, in mean durations."""


@dataclass(frozen=True)
class Rematerialization:
    """A schedule: `sequence` names a node per run. `peak` is the largest sum of live sizes, in the
    unit of sizes; `duration` and `bound` in that of durations: no schedule is shorter than `bound`.
    "unknown": none was found, none is excluded, and `sequence` is empty."""

    sequence: tuple[int, ...]
    peak: int
    duration: int
    status: Literal["optimal", "feasible", "unknown"]
    bound: int


def rematerialize(
    *,
    edges: Sequence[tuple[int, int]],
    sizes: Sequence[int],
    durations: Sequence[int],
    budget: int,
    time_limit: float = 10.0,
    seed: int = 0,
    fixed_order: bool = False,
) -> Rematerialization:
    """A short schedule of the graph whose live values never take more than `budget`.

    Edge (u, v): v reads the value of u. A value is live from the run that makes it to its last
    reader before it is made again; a run has its inputs and its output. With `fixed_order`, first
    runs come in the order of the nodes (Moccasin, arXiv 2304.14463). `time_limit` is in seconds.

    Raises:
        ScheduleError: the graph, a size or a duration is not legal.
        BudgetError: the budget or the time limit is not legal.
        InfeasibleError: proved: one node alone, with what it reads, takes more than the budget.
    """
    graph = _checked_graph(edges, sizes, durations, fixed_order=fixed_order)
    if not _is_whole(budget):
        raise BudgetError(f"budget is {budget!r}; expected a whole number from 0")
    if not time_limit > 0:
        raise BudgetError(f"time_limit is {time_limit!r}; expected seconds above 0")
    reads = [list(graph.predecessors(node)) for node in graph]
    needs = [sizes[node] + sum(sizes[u] for u in reads[node]) for node in graph]
    if max(needs) > budget:
        node = needs.index(max(needs))
        raise InfeasibleError(
            f"node {node} with the values it reads takes {needs[node]:,}, the budget is"
            f" {budget:,}; give {needs[node]:,} or more"
        )
    dag = new_dag(reads, sizes, durations)
    order = list(nx.lexicographical_topological_sort(graph))
    moves = int(time_limit / SECONDS_PER_MOVE)
    found = _search(dag, order, int(budget), moves, seed=seed, fixed=fixed_order).tolist()
    bound = sum(map(int, durations))
    if not found:
        return Rematerialization((), 0, 0, "unknown", bound)
    kept = lifetimes((reads[node], node) for node in found)
    peak = live_peak([Item(int(sizes[node]), start, end) for node, start, end in kept])
    duration = sum(int(durations[node]) for node in found)
    status: Literal["optimal", "feasible"] = "optimal" if duration == bound else "feasible"
    return Rematerialization(tuple(found), peak, duration, status, bound)


def _is_whole(value: object) -> bool:
    """Whether `value` is a whole number from 0."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        return False
    return bool(value >= 0)


def _checked_graph(
    edges: Sequence[tuple[int, int]],
    sizes: Sequence[int],
    durations: Sequence[int],
    *,
    fixed_order: bool,
) -> "nx.DiGraph[int]":
    """The nodes in their order, with an edge from each to what reads it."""
    if not len(sizes) or len(sizes) != len(durations):
        raise ScheduleError(
            f"{len(sizes)} sizes and {len(durations)} durations; expected one each per node"
        )
    for name, values in (("size", sizes), ("duration", durations)):
        for node, value in enumerate(values):
            if not _is_whole(value):
                raise ScheduleError(
                    f"node {node}: {name} is {value!r}; expected a whole number from 0"
                )
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(sizes)))
    for edge in edges:
        if len(edge) != 2 or any(node not in graph for node in edge):
            raise ScheduleError(
                f"edge {tuple(edge)}: expected two nodes from 0 to {len(sizes) - 1}"
            )
        graph.add_edge(*map(int, edge))
        if fixed_order and edge[0] >= edge[1]:
            raise ScheduleError(
                f"edge {tuple(edge)} goes backwards; with fixed_order, number the nodes in their"
                " order"
            )
    if not nx.is_directed_acyclic_graph(graph):
        cycle = " -> ".join(str(u) for u, _ in nx.find_cycle(graph))
        raise ScheduleError(f"the graph has a cycle: {cycle}; expected none")
    return graph


def _search(
    dag: Dag, order: list[int], budget: int, moves: int, *, seed: int, fixed: bool
) -> Integers:
    """The best order of rounds that grow: from the start, and in turn from the best so far; empty
    if none fits."""
    # Here, because numba takes its time to load, and few commands search.
    from hwmap.solve.remat.search import anneal

    start, best = np.array(order), np.empty(0, np.int64)
    shortest, least = np.inf, dag.durations.sum()
    duration, size = max(dag.durations.mean(), 1.0), max(dag.sizes.mean(), 1.0)
    heat = (HEAT[0] * duration, HEAT[1] * duration)
    price = (PRICE[0] * duration / size, PRICE[1] * duration / size)
    length = min(MOVES_PER_NODE * len(order), moves)
    for turn in range(64):
        begin = best if turn % 2 and len(best) else start
        room = 4 * len(order) + len(begin) + 64
        sequence = new_sequence(
            len(order), budget, fixed=fixed, most_runs=room, seed=64 * seed + turn
        )
        found = anneal(dag, sequence, begin, length, heat, price)
        if len(found) and dag.durations[found].sum() < shortest:
            best, shortest = found, dag.durations[found].sum()
        moves -= length
        if moves <= 0 or shortest == least:
            break
        length = min(2 * length, moves)
    return best
