"""Schedules that recompute, against code that shares nothing with the search."""

import heapq
import json
from itertools import pairwise

import numpy as np
import pytest

from hwmap.errors import BudgetError, InfeasibleError, ScheduleError
from hwmap.solve import rematerialize
from tests.networks import SHARED

LAYERED = SHARED / "data" / "remat"


def random_graph(seed: int, nodes: int) -> dict:
    rng = np.random.default_rng(seed)
    edges = [
        (int(u), v)
        for v in range(1, nodes)
        for u in rng.choice(v, min(v, int(rng.integers(1, 4))), replace=False)
    ]
    sizes = [int(size) for size in rng.integers(1, 20, nodes)]
    return {
        "edges": edges,
        "sizes": sizes,
        "durations": [int(d) for d in rng.integers(1, 9, nodes)],
    }


def replayed(graph: dict, sequence: tuple[int, ...]) -> tuple[int, int]:
    """Peak and duration, by keeping at each run what is read later before it is made again."""
    reads = {v: {u for u, w in graph["edges"] if w == v} for v in range(len(graph["sizes"]))}
    assert set(sequence) == set(reads)
    peak, live = 0, set()
    for index, node in enumerate(sequence):
        assert reads[node] <= live
        live |= {node}
        peak = max(peak, sum(graph["sizes"][v] for v in live))
        live = {v for v in live if read_again(v, sequence[index + 1 :], reads)}
    return peak, sum(graph["durations"][v] for v in sequence)


def read_again(value: int, rest: tuple[int, ...], reads: dict[int, set[int]]) -> bool:
    return next((value in reads[v] for v in rest if v == value or value in reads[v]), False)


def least_duration(graph: dict, budget: int) -> int | None:
    """Dijkstra over (live values, nodes that ran): exact."""
    sizes, durations = graph["sizes"], graph["durations"]
    reads = [sum(1 << u for u, w in graph["edges"] if w == v) for v in range(len(sizes))]
    read = sum({1 << u for u, _ in graph["edges"]})
    goal = sum(1 << v for v in range(len(sizes))) & ~read
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
            if fits and reads[v] & ~live == 0 and not live >> v & 1:
                sink = 0 if read >> v & 1 else 1 << v
                steps.append((time + durations[v], here & ~sink, done | sink))
        for step in steps:
            if step[0] < best.get(step[1:], 1 << 60):
                best[step[1:]] = step[0]
                heapq.heappush(queue, step)
    return None


def footprint(graph: dict) -> int:
    sources = [{v} | {u for u, w in graph["edges"] if w == v} for v in range(len(graph["sizes"]))]
    return max(sum(graph["sizes"][u] for u in values) for values in sources)


@pytest.mark.parametrize("seed", range(40))
def test_small_graphs_are_scheduled_as_an_exact_search_does(seed: int):
    graph = random_graph(seed, nodes=9)
    low, high = footprint(graph), replayed(graph, tuple(range(9)))[0]
    budget = low + (high - low) * (seed % 4) // 4

    found = rematerialize(**graph, budget=budget, time_limit=0.3)
    expected = least_duration(graph, budget)

    assert (found.duration or None) == expected
    if found.sequence:
        assert replayed(graph, found.sequence) == (found.peak, found.duration)


@pytest.mark.parametrize("seed", range(10))
def test_a_fixed_order_of_first_runs_is_kept(seed: int):
    graph = random_graph(seed, nodes=30)
    budget = max(footprint(graph), replayed(graph, tuple(range(30)))[0] * 9 // 10)

    found = rematerialize(**graph, budget=budget, time_limit=0.5, fixed_order=True)

    firsts = list(dict.fromkeys(found.sequence))
    assert firsts == sorted(firsts)
    assert replayed(graph, found.sequence) == (found.peak, found.duration)
    assert found.peak <= budget


@pytest.mark.skipif(not LAYERED.is_dir(), reason="the shared graphs are not here")
@pytest.mark.parametrize(
    ("nodes", "share", "most"), [(100, 0.9, 0), (100, 0.7, 0.03), (250, 0.8, 0.01)]
)
def test_layered_graphs_fit_with_little_recomputation(nodes: int, share: float, most: float):
    data = json.loads((LAYERED / f"layered_{nodes}.json").read_text("utf-8"))
    graph = {key: data[key] for key in ("edges", "sizes", "durations")}
    budget = int(share * data["in_order_peak"])

    found = rematerialize(**graph, budget=budget, time_limit=6.0)

    assert replayed(graph, found.sequence) == (found.peak, found.duration)
    assert found.peak <= budget
    assert found.duration <= (1 + most) * data["total_duration"]


def test_the_same_seed_gives_the_same_schedule():
    graph = random_graph(3, nodes=40)
    budget = replayed(graph, tuple(range(40)))[0] * 8 // 10

    first, second = (rematerialize(**graph, budget=budget, time_limit=0.3, seed=5) for _ in "ab")

    assert first == second


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
        ({"time_limit": 0}, BudgetError, "time_limit is 0"),
        ({"edges": [(2, 1)], "fixed_order": True}, ScheduleError, "goes backwards"),
    ],
)
def test_a_wrong_problem_is_one_clear_line(change: dict, error: type, message: str):
    with pytest.raises(error, match=message):
        rematerialize(**{**CHAIN, "budget": 9, **change})
