"""Rematerialization in a fixed order against re-implementations of Moccasin and Checkmate.

Two cores and the same graphs; each may take LIMIT seconds. `ours at s`: the seconds in which ours
is as good as Moccasin with each of three seeds (time limits of SHORTEST seconds, twice as many ...
are tried; the longest run at the limit that is enough), or LIMIT. Checkmate's MILP has 1.44 % for
the first row, else none.
"""

from collections.abc import Iterator, Sequence
from math import inf

from tests.bench.checkmate import checkmate, checkmate_rounded
from tests.bench.layered import Layered, layered_graphs
from tests.bench.moccasin import moccasin
from tests.bench.rematerialization import SEEDS, SHORTEST, load_search, percent, scheduled
from tests.replay import replayed

LIMIT = 120.0
MOST_NODES = 250
MOST_NODES_CHECKMATE = 100
SHARES = (0.9, 0.8)


def run() -> Iterator[dict[str, object]]:
    """A row per graph and budget."""
    graphs = layered_graphs()
    load_search(graphs[0])
    for layered in graphs:
        nodes = len(layered.graph["sizes"])
        if nodes > MOST_NODES:
            continue
        for share in SHARES:
            budget = int(share * layered.in_order_peak)
            sequence, at = moccasin(layered.graph, budget, LIMIT)
            theirs = _extra(layered, [sequence], budget)
            row: dict[str, object] = {
                "graph": layered.name,
                "budget": f"{share:.0%}",
                "Moccasin": percent(theirs),
                "Moccasin at s": f"{at:.1f}",
                "Checkmate MILP": "not tried",
                "Checkmate LP": "not tried",
            }
            if nodes <= MOST_NODES_CHECKMATE:
                milp = [checkmate(layered.graph, budget, LIMIT)]
                rounded = checkmate_rounded(layered.graph, budget, LIMIT)
                row["Checkmate MILP"] = percent(_extra(layered, milp, budget))
                row["Checkmate LP"] = percent(_extra(layered, rounded, budget))
            ours, seconds = _ours(layered, budget, theirs)
            yield row | {"ours": percent(ours), "ours at s": f"{seconds:.2f}"}


def _extra(layered: Layered, sequences: Sequence[Sequence[int]], budget: int) -> float:
    """The extra duration of the best that fits."""
    least = sum(layered.graph["durations"])
    results = [replayed(layered.graph, sequence) for sequence in sequences if sequence]
    return min((time / least - 1 for peak, time in results if peak <= budget), default=inf)


def _ours(layered: Layered, budget: int, wanted: float) -> tuple[float, float]:
    limit = SHORTEST
    while True:
        found = [scheduled(layered, budget, limit, seed=seed, fixed=True) for seed in SEEDS]
        extra, seconds = (max(values[at] for values in found) for at in (0, 2))
        if (extra <= wanted and extra < inf) or limit >= LIMIT:
            return extra, seconds
        limit = min(2 * limit, LIMIT)
