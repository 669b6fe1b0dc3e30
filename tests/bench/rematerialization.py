"""Rematerialization on layered graphs: extra duration, and seconds of search.

Budgets are shares of the peak in order. `free` chooses the order too (three seeds on the shared
graphs, one on our own); `fixed` keeps the order of first runs, with a proved bound. Every schedule
is replayed by code of its own. On two cores alone; limits of 30 s for a free order, 60 s from 500
nodes on, and of 5, 20, 30 and 60 s for a fixed one. A limit is spent in moves, for the same answer
on every machine, so that the seconds are near it. At 70 % of 500 and 1000 nodes there is neither a
schedule nor a proof that there is none.
"""

from collections.abc import Iterator
from math import inf
from time import perf_counter

from hwmap.solve import rematerialize
from tests.bench.layered import Layered, layered_graphs
from tests.replay import replayed

FIXED_SECONDS = {100: 5.0, 250: 20.0, 500: 30.0, 1000: 60.0}
FIXED_SECONDS_EASY = 30.0
"""The most at 90 %, in a fixed order."""
FREE_SECONDS = {100: 30.0, 250: 30.0, 500: 60.0, 1000: 60.0}
FIXED_SHARES = {100: 0.7, 250: 0.8, 500: 0.8, 1000: 0.8}
SHARES = (0.9, 0.8, 0.7)
SEEDS = (0, 1, 2)
SHORTEST = 0.05
"""Seconds of the shortest search."""


def run() -> Iterator[dict[str, object]]:
    """A row per graph and budget."""
    graphs = layered_graphs()
    load_search(graphs[0])
    for layered in graphs:
        seeds = SEEDS if layered.name.startswith("shared") else SEEDS[:1]
        nodes = len(layered.graph["sizes"])
        for share in SHARES:
            budget = int(share * layered.in_order_peak)
            found = [scheduled(layered, budget, FREE_SECONDS[nodes], seed=seed) for seed in seeds]
            row = {
                "graph": layered.name,
                "budget": f"{share:.0%}",
                "free, best": percent(min(extra for extra, *_ in found)),
                "free, worst": percent(max(extra for extra, *_ in found)),
                "free s": f"{max(seconds for *_, seconds in found):.1f}",
                "fixed": "not tried",
                "at least": "",
                "fixed s": "",
            }
            if share >= FIXED_SHARES[nodes]:
                limit = FIXED_SECONDS[nodes]
                if share == SHARES[0]:
                    limit = min(limit, FIXED_SECONDS_EASY)
                extra, least, seconds = scheduled(layered, budget, limit, fixed=True)
                row |= {
                    "fixed": percent(extra),
                    "at least": percent(least),
                    "fixed s": f"{seconds:.1f}",
                }
            yield row


def load_search(layered: Layered) -> None:
    """Compile the search, so that no row's seconds have that in them."""
    for fixed in (False, True):
        budget = int(SHARES[0] * layered.in_order_peak)
        scheduled(layered, budget, SHORTEST, fixed=fixed)


def scheduled(
    layered: Layered, budget: int, limit: float, *, seed: int = 0, fixed: bool = False
) -> tuple[float, float, float]:
    """Extra duration and its bound as parts (infinite: no schedule), and seconds."""
    start = perf_counter()
    found = rematerialize(
        **layered.graph, budget=budget, time_limit=limit, seed=seed, fixed_order=fixed
    )
    seconds = perf_counter() - start
    least = sum(layered.graph["durations"])
    if found.status == "infeasible":
        return inf, inf, seconds
    if not found.sequence:
        return inf, found.bound / least - 1, seconds
    peak, duration = replayed(layered.graph, found.sequence)
    assert (peak, duration) == (found.peak, found.duration)
    assert peak <= budget
    return duration / least - 1, found.bound / least - 1, seconds


def percent(extra: float) -> str:
    """A part as text."""
    return "none" if extra == inf else f"{100 * extra:.2f} %"
