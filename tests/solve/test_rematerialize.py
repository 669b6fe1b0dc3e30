"""Schedules that recompute, against code that shares nothing with the search."""

import heapq
from itertools import pairwise

import numpy as np
import pytest

from hwmap.errors import BudgetError, InfeasibleError, ScheduleError
from hwmap.solve import Rematerialization, rematerialize
from hwmap.solve.remat.bound import fixed_order_bound
from hwmap.solve.remat.exact import best_schedule
from hwmap.solve.remat.rounds import MOVE_SECONDS, search
from tests.bench.layered import shared_graph
from tests.graphs import footprint, problem, random_graph, tight
from tests.networks import SHARED
from tests.replay import read_again, replayed


def least_duration(graph: dict, budget: int, *, fixed: bool = False) -> int | None:
    """Dijkstra over (live values, nodes that ran): exact."""
    sizes, durations = graph["sizes"], graph["durations"]
    reads = [sum(1 << u for u, w in graph["edges"] if w == v) for v in range(len(sizes))]
    every = (1 << len(sizes)) - 1
    goal = every if fixed else every & ~sum({1 << u for u, _ in graph["edges"]})
    queue, best = [(0, 0, 0)], {(0, 0): 0}
    while queue:
        time, live, done = heapq.heappop(queue)
        if done == goal:
            return time
        if time > best[live, done]:
            continue
        steps = [(time, live & ~(1 << v), done) for v in range(len(sizes)) if live >> v & 1]
        for v in range(len(sizes)):
            here = live | 1 << v
            fits = sum(s for u, s in enumerate(sizes) if here >> u & 1) <= budget
            in_order = not fixed or done + 1 >= 1 << v
            if fits and in_order and reads[v] & ~live == 0 and not live >> v & 1:
                steps.append((time + durations[v], here, done | (goal & 1 << v)))
        for step in steps:
            if step[0] < best.get(step[1:], 1 << 60):
                best[step[1:]] = step[0]
                heapq.heappush(queue, step)
    return None


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_small_graphs_are_scheduled_as_an_exact_search_does(seed: int, fixed: bool):
    graph, budget = tight(seed, nodes=9)

    found = rematerialize(**graph, budget=budget, time_limit=1.0, fixed_order=fixed)
    expected = least_duration(graph, budget, fixed=fixed)

    assert (found.duration or None) == expected
    assert found.status == ("optimal" if expected else "infeasible")
    if found.sequence:
        assert replayed(graph, found.sequence) == (found.peak, found.duration)


@pytest.mark.parametrize("seed", range(40))
def test_the_search_alone_finds_what_the_exact_search_proves(seed: int):
    graph, budget = tight(seed, nodes=9)

    found, _ = search(problem(graph, fixed=False), budget, 0.3, seed=0)
    expected = least_duration(graph, budget)

    assert bool(found) == bool(expected)
    if found:
        assert replayed(graph, tuple(found))[0] <= budget
        assert replayed(graph, tuple(found))[1] == expected


@pytest.mark.parametrize("seed", range(20))
def test_no_schedule_is_shorter_than_a_bound(seed: int):
    graph, budget = tight(seed, nodes=9)
    whole = problem(graph, fixed=True)

    relaxed = fixed_order_bound(whole, budget, 5.0)
    early = best_schedule(whole, budget, most_states=9)
    expected = least_duration(graph, budget, fixed=True)

    assert relaxed is not None or expected is None
    if relaxed is not None:
        bound, sequence = relaxed
        assert bound <= (expected or 1 << 30)
        assert replayed(graph, sequence)[1] >= bound
    assert early.bound <= (expected or 1 << 30)
    assert not early.proved


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared graphs are not here")
def test_a_schedule_in_a_fixed_order_is_proved_optimal():
    layered = shared_graph(100)
    graph, budget = layered.graph, int(0.9 * layered.in_order_peak)

    found = rematerialize(**graph, budget=budget, time_limit=8.0, fixed_order=True)

    assert found.status == "optimal"
    assert found.duration == found.bound > sum(graph["durations"])
    assert replayed(graph, found.sequence) == (found.peak, found.duration)


@pytest.mark.parametrize("nodes", [12, 40, 120])
def test_values_at_their_addresses_never_overlap(nodes: int):
    graph = random_graph(7, nodes)
    budget = max(footprint(graph), replayed(graph, tuple(range(nodes)))[0] * 85 // 100)

    found = rematerialize(**graph, budget=budget, time_limit=4.0, addresses=True)

    assert replayed(graph, found.sequence)[0] <= found.peak <= budget
    assert largest_address(graph, found) == found.peak


def largest_address(graph: dict, found: Rematerialization) -> int:
    """Every byte of the arena belongs to one value at a time: fails, or gives how many it has."""
    reads = {v: {u for u, w in graph["edges"] if w == v} for v in range(len(graph["sizes"]))}
    places: dict[int, range] = {}
    most = 0
    for index, node in enumerate(found.sequence):
        first = found.addresses[index]
        places[node] = range(first, first + graph["sizes"][node])
        taken = [byte for place in places.values() for byte in place]
        assert len(set(taken)) == len(taken)
        most = max(most, *taken)
        places = {
            v: place
            for v, place in places.items()
            if read_again(v, found.sequence, index + 1, reads)
        }
    return most + 1


def test_a_search_begins_with_the_schedule_that_it_is_given():
    graph = random_graph(5, nodes=60)
    budget = replayed(graph, tuple(range(60)))[0] * 7 // 10
    good = rematerialize(**graph, budget=budget, time_limit=4.0)

    again = rematerialize(**graph, budget=budget, time_limit=1e-5, start=good.sequence)

    assert again.sequence
    assert again.duration <= good.duration


@pytest.mark.parametrize("seed", range(10))
def test_a_fixed_order_of_first_runs_is_kept(seed: int):
    graph = random_graph(seed, nodes=30)
    budget = max(footprint(graph), replayed(graph, tuple(range(30)))[0] * 9 // 10)

    found = rematerialize(**graph, budget=budget, time_limit=0.5, fixed_order=True)

    firsts = list(dict.fromkeys(found.sequence))
    assert firsts == sorted(firsts)
    assert replayed(graph, found.sequence) == (found.peak, found.duration)
    assert found.peak <= budget


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared graphs are not here")
@pytest.mark.parametrize(
    ("nodes", "share", "most", "fixed"),
    [
        (100, 0.9, 0, False),
        (100, 0.7, 0.03, False),
        (250, 0.8, 0.01, False),
        (100, 0.8, 0.0675, True),
        (250, 0.9, 0.0125, True),
    ],
)
def test_layered_graphs_fit_with_little_recomputation(
    nodes: int, share: float, most: float, fixed: bool
):
    layered = shared_graph(nodes)
    graph, budget = layered.graph, int(share * layered.in_order_peak)

    found = rematerialize(**graph, budget=budget, time_limit=2.0, fixed_order=fixed)

    assert replayed(graph, found.sequence) == (found.peak, found.duration)
    assert found.peak <= budget
    assert found.duration <= (1 + most) * sum(graph["durations"])


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("durations", [[0, 0, 0], [1, 1, 0], [0, 1, 0]])
def test_nodes_that_take_no_time_run_too(durations: list[int], fixed: bool):
    graph = CHAIN | {"durations": durations}

    found = rematerialize(**graph, budget=6, fixed_order=fixed)
    too_little = rematerialize(**graph, budget=5, fixed_order=fixed)

    assert found.sequence == too_little.sequence == (0, 1, 2)
    assert replayed(graph, found.sequence) == (5, sum(durations))


def test_a_start_that_fits_is_never_lost():
    graph = random_graph(5, nodes=60)
    budget = replayed(graph, tuple(range(60)))[0] * 8 // 10
    good = rematerialize(**graph, budget=budget, time_limit=4.0, addresses=True)

    again = rematerialize(
        **graph, budget=good.peak, time_limit=1e-5, addresses=True, start=np.array(good.sequence)
    )

    assert good.sequence
    assert again.sequence
    assert again.duration <= good.duration


def test_a_budget_without_end_is_no_limit():
    graph = random_graph(1, nodes=40)

    found = rematerialize(**graph, budget=1 << 70, time_limit=0.1, addresses=True)

    assert found.status == "optimal"
    assert len(found.sequence) == 40


def test_the_same_seed_gives_the_same_schedule():
    graph = random_graph(3, nodes=40)
    budget = replayed(graph, tuple(range(40)))[0] * 8 // 10

    first, second = (rematerialize(**graph, budget=budget, time_limit=0.3, seed=5) for _ in "ab")

    assert first == second


@pytest.mark.parametrize("seed", range(4))
def test_a_packed_start_is_never_lost(seed: int):
    graph = random_graph(seed, nodes=60)
    budget = replayed(graph, tuple(range(60)))[0] // 2
    packed = rematerialize(**graph, budget=budget, addresses=True, time_limit=0.3)
    assert packed.duration > sum(graph["durations"])

    for limit in (1e-3, 0.05, 0.2):
        again = rematerialize(
            **graph,
            budget=packed.peak,
            addresses=True,
            time_limit=limit,
            seed=1,
            start=packed.sequence,
        )
        assert again.sequence
        assert again.peak <= packed.peak
        assert again.duration <= packed.duration


CHAIN = {"edges": list(pairwise(range(3))), "sizes": [1, 2, 3], "durations": [1, 1, 1]}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"edges": [(0, 1), (1, 2), (2, 0)]}, ScheduleError, "has a cycle"),
        ({"edges": [(0, 7)]}, ScheduleError, r"edge \(0, 7\): expected two nodes from 0 to 2"),
        ({"sizes": [1, -2, 3]}, ScheduleError, "node 1: size is -2; expected a whole number"),
        ({"sizes": [1, 2.5, 3]}, ScheduleError, "node 1: size is 2.5; expected a whole number"),
        ({"durations": [1, 1]}, ScheduleError, "3 sizes and 2 durations"),
        (
            {"budget": 4},
            InfeasibleError,
            "node 2 with the values it reads takes 5, the budget is 4",
        ),
        ({"budget": 4.5}, BudgetError, "budget is 4.5"),
        ({"seed": -1}, BudgetError, "seed is -1; expected a whole number from 0"),
        ({"seed": 1.5}, BudgetError, "seed is 1.5"),
        ({"edges": [3]}, ScheduleError, r"edge \(3,\): expected two nodes"),
        ({"edges": [(0, 1.5)]}, ScheduleError, r"edge \(0, 1.5\): expected two nodes"),
        ({"edges": [(1, 1)]}, ScheduleError, "has a cycle: 1"),
        ({"edges": [(1, 1)], "fixed_order": True}, ScheduleError, "has a cycle: 1 -> 1"),
        ({"edges": [{0, 1}]}, ScheduleError, r"edge \({0, 1},\): expected two nodes"),
        ({"edges": [(False, 1.0)]}, ScheduleError, "from 0 to 2, as whole numbers"),
        ({"edges": 5}, ScheduleError, "edges is 5; expected a list"),
        ({"sizes": None}, ScheduleError, "sizes is None; expected a list"),
        ({"start": None}, ScheduleError, "start is None; expected a list"),
        ({"edges": [], "sizes": [], "durations": []}, ScheduleError, "a node or more"),
        ({"sizes": [1, 1 << 60, 1]}, ScheduleError, "sizes add up to .*, in a larger unit"),
        ({"durations": [1, 1 << 60, 1]}, ScheduleError, "durations add up to"),
        ({"time_limit": "1"}, BudgetError, "time_limit is '1'"),
        ({"time_limit": 0}, BudgetError, "time_limit is 0"),
        ({"time_limit": float("inf")}, BudgetError, "time_limit is inf"),
        ({"time_limit": float("nan")}, BudgetError, "time_limit is nan"),
        ({"time_limit": True}, BudgetError, "time_limit is True"),
        ({"time_limit": 1e305}, BudgetError, r"seconds above 0, 1e\+09 at most"),
        ({"edges": [(2, 1)], "fixed_order": True}, ScheduleError, "goes backwards"),
        ({"start": [0, 9]}, ScheduleError, r"start\[1\] is 9; expected a node from 0 to 2"),
        ({"start": [0, 2, 1]}, ScheduleError, r"start\[1\] is node 2, before node 1 that it reads"),
        ({"start": [0, 1]}, ScheduleError, "does not run node 2"),
        (
            {"edges": [], "start": [0, 2, 1], "fixed_order": True},
            ScheduleError,
            "node 1 comes first",
        ),
    ],
)
def test_a_wrong_problem_is_one_clear_line(change: dict, error: type, message: str):
    with pytest.raises(error, match=message):
        rematerialize(**{**CHAIN, "budget": 9, **change})


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("moves", range(7))
def test_a_search_with_time_for_a_few_moves_ends(moves: int, fixed: bool):
    graph, _ = tight(0, nodes=40)
    whole = problem(graph, fixed=fixed)
    move_seconds = MOVE_SECONDS[0] + MOVE_SECONDS[1] * 40

    found, left = search(whole, max(whole.needs()), (moves + 0.5) * move_seconds, seed=0)

    assert (found, left) == ([], 0.0)
