"""Which node runs when, and which runs again, so that a graph fits a memory in the least time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import networkx as nx
import numpy as np

from hwmap.errors import BudgetError, InfeasibleError, ScheduleError
from hwmap.solve.addresses import Item, live_peak, pack, pack_low, top
from hwmap.solve.remat.bound import build_seconds, fixed_order_bound
from hwmap.solve.remat.exact import best_schedule
from hwmap.solve.remat.rounds import KEEPING, search
from hwmap.solve.remat.types import SchedulingProblem

EXACT_NODES = 24
EXACT_SHARE = 0.5
"""Up to here the best schedule is proved by A*, if a part of the time is enough for its states."""
SECONDS_PER_STATE = 5e-5
"""Measured with 22 nodes."""
PROOF_NODES = 200
PROOF_SHARE = 0.7
REPAIR_SHARE = 0.15
"""In a fixed order, graphs up to this size get a part of the time for a lower bound, and one for a
search from the schedule that came with it."""
PACK_ROUNDS = 8
ROUND_SHARE = 0.3
PACK_SHARE = 0.3
"""Searches for values that can be packed, the part of the remaining time that each takes, and the
part of that for packing."""
START_PACK_SECONDS = 0.3
"""For packing the start, whatever the limit: what was packed before is not to be lost."""
EXACT_ITEMS = 100
"""Values up to which CP-SAT packs what first fit cannot."""

MOST_TOTAL = 1 << 44
"""Of sizes, and of durations: sums over all runs are 64-bit integers."""
MOST_SEED = 1 << 32
MOST_SECONDS = 1e9

SearchStatus = Literal["optimal", "feasible", "infeasible", "unknown"]


@dataclass(frozen=True)
class Rematerialization:
    """A schedule: `sequence` names a node per run. `peak` is the largest sum of live sizes, or the
    end of the arena if there are `addresses`: one for the value of each run. `duration` is in the
    unit of durations; no schedule is shorter than `bound`.

    "optimal" and "infeasible" are proved. Without a schedule, `sequence` is empty, `peak` and
    `duration` are 0; "unknown": there may be one.
    """

    sequence: tuple[int, ...]
    peak: int
    duration: int
    status: SearchStatus
    bound: int
    addresses: tuple[int, ...] = ()


def rematerialize(
    *,
    edges: Sequence[tuple[int, int]],
    sizes: Sequence[int],
    durations: Sequence[int],
    budget: int,
    time_limit: float = 10.0,
    seed: int = 0,
    fixed_order: bool = False,
    addresses: bool = False,
    start: Sequence[int] = (),
) -> Rematerialization:
    """A short schedule of the graph whose live values never take more than `budget`.

    Edge (u, v): v reads the value of u. A value is live from the run that makes it to its last
    reader before it is made again; a run has its inputs and its output. With `fixed_order`, first
    runs come in the order of the nodes (Moccasin, arXiv 2304.14463). With `addresses`, values are
    placed in one arena, and its size is what must fit. `time_limit` is in seconds. `start` is a
    schedule to begin with, of any size: that of another budget, for example.

    Raises:
        ScheduleError: a list, the graph, a size, a duration or `start` is not legal.
        BudgetError: the budget or the time limit is not legal.
        InfeasibleError: proved: one node alone, with what it reads, takes more than the budget.
    """
    graph = _checked_graph(edges, sizes, durations, fixed_order=fixed_order)
    if not _is_whole(budget):
        raise BudgetError(f"budget is {budget!r}; expected a whole number from 0")
    if not _is_number(time_limit) or not 0 < time_limit <= MOST_SECONDS:
        raise BudgetError(
            f"time_limit is {time_limit!r}; expected seconds above 0, {MOST_SECONDS:g} at most"
        )
    if not _is_whole(seed) or seed > MOST_SEED:
        raise BudgetError(f"seed is {seed!r}; expected a whole number from 0 to {MOST_SEED}")
    reads = [list(graph.predecessors(node)) for node in graph]
    order = list(nx.lexicographical_topological_sort(graph))
    problem = SchedulingProblem(
        reads,
        [int(size) for size in sizes],
        [int(duration) for duration in durations],
        _checked_start(start, reads, fixed_order=fixed_order) or order,
        fixed_order,
    )
    needs = problem.needs()
    if max(needs) > budget:
        raise InfeasibleError(
            f"node {needs.index(max(needs))} with the values it reads takes {max(needs):,}, the"
            f" budget is {budget:,}; give {max(needs):,} or more"
        )
    enough = min(int(budget), sum(problem.sizes))
    if not addresses:
        return _solve(problem, enough, time_limit, seed)[0]
    return _solve_packed(problem, enough, time_limit, seed)


def _solve(
    problem: SchedulingProblem, budget: int, seconds: float, seed: int, *, proves: bool = True
) -> tuple[Rematerialization, float]:
    """The best schedule that was found, what is proved about it, and the seconds that are left."""
    bound = sum(problem.durations)
    if len(problem.sizes) <= EXACT_NODES:
        states = int(seconds * EXACT_SHARE / SECONDS_PER_STATE)
        exact = best_schedule(problem, budget, states)
        if exact.proved:
            return _result(problem, exact.sequence, exact.bound, proved=True), seconds
        bound, seconds = exact.bound, seconds * (1 - EXACT_SHARE)
    proves = proves and problem.fixed and len(problem.sizes) <= PROOF_NODES
    if not proves or seconds * PROOF_SHARE < build_seconds(len(problem.sizes)):
        found, left = search(problem, budget, seconds, seed)
        return _result(problem, found or None, bound, proved=False), left
    found, left = search(problem, budget, seconds * (1 - PROOF_SHARE - REPAIR_SHARE), seed)
    if not found or problem.duration(found) > bound:
        relaxed = fixed_order_bound(problem, budget, seconds * PROOF_SHARE, found)
        if relaxed is None:
            return _result(problem, None, bound, proved=True), left
        bound, good = max(bound, relaxed[0]), relaxed[1]
        if good and not (found and problem.duration(found) == bound):
            # It may take more than the budget: the search keeps most of it.
            near = replace(problem, start=good)
            other, _ = search(near, budget, seconds * REPAIR_SHARE, seed, KEEPING)
            found = min(filter(None, (found, other)), key=problem.duration, default=[])
    return _result(problem, found or None, bound, proved=False), left


def _result(
    problem: SchedulingProblem, sequence: Sequence[int] | None, bound: int, *, proved: bool
) -> Rematerialization:
    if sequence is None:
        return Rematerialization((), 0, 0, "infeasible" if proved else "unknown", bound)
    duration = problem.duration(sequence)
    status: SearchStatus = "optimal" if duration == bound else "feasible"
    peak = live_peak(problem.items(sequence))
    return Rematerialization(tuple(sequence), peak, duration, status, bound)


def _solve_packed(
    problem: SchedulingProblem, budget: int, seconds: float, seed: int
) -> Rematerialization:
    """The shortest schedule found whose values can be packed.

    An arena is larger than its live values, so they get a lower limit: as much lower as the arena
    was too large, then halfway between limits that were too high and too low.
    """
    footprint = max(problem.needs())
    limit, low, high = budget, 0, budget
    first: Rematerialization | None = None
    best = _packed_start(problem, budget)
    for turn in range(PACK_ROUNDS):
        share = seconds * ROUND_SHARE
        part = share * (1 - PACK_SHARE)
        found, left = _solve(problem, limit, part, seed + turn, proves=turn == 0)
        seconds -= share - left
        first = first or found
        items = problem.items(found.sequence)
        places = _places(items, budget, share * PACK_SHARE)
        arena = top(items, places)
        if arena > budget:
            high = limit
            low = low if low < high else 0
            limit = (low + high) // 2 if low else max(limit * budget // arena, footprint)
        else:
            low = limit
            limit = (low + high + 1) // 2
            if found.sequence and (best is None or found.duration < best.duration):
                best = replace(found, peak=arena, addresses=places)
        if first.status == "infeasible" or (best is not None and best.duration == first.bound):
            break
    assert first is not None
    # What is proved of the first limit, the budget, holds with addresses too.
    if best is None:
        status: SearchStatus = "infeasible" if first.status == "infeasible" else "unknown"
        return Rematerialization((), 0, 0, status, first.bound)
    status = "optimal" if best.duration == first.bound else "feasible"
    return replace(best, status=status, bound=first.bound)


def _packed_start(problem: SchedulingProblem, budget: int) -> Rematerialization | None:
    """The schedule that was given, if its values can be packed."""
    items = problem.items(problem.start)
    if live_peak(items) > budget:
        return None
    places = _places(items, budget, START_PACK_SECONDS)
    if top(items, places) > budget:
        return None
    found = _result(problem, problem.start, sum(problem.durations), proved=False)
    return replace(found, peak=top(items, places), addresses=places)


def _places(items: Sequence[Item], budget: int, seconds: float) -> tuple[int, ...]:
    """Low addresses; within the budget, if that was found."""
    places = pack_low(items, budget, seconds)
    if top(items, places) > budget and len(items) <= EXACT_ITEMS:
        places = pack(items, budget, seconds) or places
    return places


def _is_whole(value: object) -> bool:
    """Whether `value` is a whole number from 0."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        return False
    return bool(value >= 0)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _check_list(name: str, values: object) -> None:
    if not isinstance(values, Sequence | np.ndarray):
        raise ScheduleError(f"{name} is {values!r}; expected a list")


def _checked_graph(
    edges: Sequence[tuple[int, int]],
    sizes: Sequence[int],
    durations: Sequence[int],
    *,
    fixed_order: bool,
) -> "nx.DiGraph[int]":
    """The nodes in their order, with an edge from each to what reads it."""
    lists = {"edges": edges, "sizes": sizes, "durations": durations}
    for name, values in lists.items():
        _check_list(name, values)
    if not len(sizes) or len(sizes) != len(durations):
        raise ScheduleError(
            f"{len(sizes)} sizes and {len(durations)} durations; expected one each per node, and a"
            " node or more"
        )
    for name, values in (("size", sizes), ("duration", durations)):
        for node, value in enumerate(values):
            if not _is_whole(value):
                raise ScheduleError(
                    f"node {node}: {name} is {value!r}; expected a whole number from 0"
                )
        total = sum(map(int, values))
        if total > MOST_TOTAL:
            raise ScheduleError(
                f"the {name}s add up to {total}; expected at most {MOST_TOTAL}, in a larger unit"
            )
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(sizes)))
    for edge in edges:
        pair = tuple(edge) if isinstance(edge, Sequence | np.ndarray) else (edge,)
        if len(pair) != 2 or not all(_is_whole(node) and node in graph for node in pair):
            raise ScheduleError(
                f"edge {pair}: expected two nodes from 0 to {len(sizes) - 1}, as whole numbers"
            )
        first, second = map(int, pair)
        if fixed_order and first > second:
            raise ScheduleError(
                f"edge ({first}, {second}) goes backwards; with fixed_order, number the nodes in"
                " their order"
            )
        graph.add_edge(first, second)
    if not nx.is_directed_acyclic_graph(graph):
        cycle = [node for node, _ in nx.find_cycle(graph)]
        path = " -> ".join(map(str, [*cycle, cycle[0]]))
        raise ScheduleError(f"the graph has a cycle: {path}; expected none")
    return graph


def _checked_start(start: Sequence[int], reads: list[list[int]], *, fixed_order: bool) -> list[int]:
    """`start`, a schedule of all nodes, or nothing."""
    _check_list("start", start)
    known: dict[int, None] = {}
    for position, node in enumerate(start):
        if not _is_whole(node) or node >= len(reads):
            raise ScheduleError(
                f"start[{position}] is {node!r}; expected a node from 0 to {len(reads) - 1}"
            )
        missing = [read for read in reads[node] if read not in known]
        if missing:
            raise ScheduleError(
                f"start[{position}] is node {node}, before node {missing[0]} that it reads"
            )
        if fixed_order and node not in known and node != len(known):
            raise ScheduleError(
                f"start[{position}] is node {node}; with fixed_order, node {len(known)} comes first"
            )
        known[node] = None
    if known and len(known) < len(reads):
        node = next(node for node in range(len(reads)) if node not in known)
        raise ScheduleError(f"start does not run node {node}; expected all {len(reads)} nodes")
    return [int(node) for node in start]
