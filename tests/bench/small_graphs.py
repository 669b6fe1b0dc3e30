"""The schedule search alone against the exact one: 200 random graphs of 8 to 18 nodes.

Budgets lie between what the largest node needs and what all need in order.
"""

from collections.abc import Iterator

from hwmap.solve.remat.exact import best_schedule
from hwmap.solve.remat.rounds import search
from tests.graphs import problem, tight
from tests.replay import replayed

GRAPHS = 200
SECONDS = 1.0
MOST_STATES = 1_000_000


def run() -> Iterator[dict[str, object]]:
    """One row per order."""
    for fixed in (False, True):
        best = worse = missed = none = 0
        for seed in range(GRAPHS):
            graph, budget = tight(seed, nodes=8 + seed % 11)
            whole = problem(graph, fixed=fixed)
            exact = best_schedule(whole, budget, MOST_STATES)
            assert exact.proved
            found, _ = search(whole, budget, SECONDS, seed=0)
            assert not found or replayed(graph, found)[0] <= budget
            assert exact.sequence or not found
            none += exact.sequence is None
            missed += exact.sequence is not None and not found
            best += bool(found) and whole.duration(found) == exact.bound
            worse += bool(found) and whole.duration(found) > exact.bound
        yield {
            "order": "fixed" if fixed else "free",
            "graphs": GRAPHS,
            "have no schedule": none,
            "found at its best": best,
            "found, longer": worse,
            "not found": missed,
        }
