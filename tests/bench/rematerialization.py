"""Rematerialization on the shared layered graphs: extra duration, and seconds of search.

Budgets are shares of the peak in order. `free` chooses the order too (three seeds, best and worst);
`fixed` keeps the order of first runs. `at` is the time limit given.
"""

import json
from collections.abc import Iterator
from math import inf
from time import perf_counter

from hwmap.solve import rematerialize
from tests.networks import SHARED

LIMITS = {100: 5.0, 250: 20.0, 500: 30.0, 1000: 60.0}
SHARES = (0.9, 0.8, 0.7)
SEEDS = (0, 1, 2)


def run() -> Iterator[dict[str, object]]:
    """A row per graph and budget."""
    for nodes, seconds in LIMITS.items() if SHARED.is_dir() else ():
        path = SHARED / "data" / "remat" / f"layered_{nodes}.json"
        data = json.loads(path.read_text("utf-8"))
        for share in SHARES:
            free = [_one(data, share, seconds, seed=seed, fixed=False) for seed in SEEDS]
            fixed = _one(data, share, seconds, seed=0, fixed=True)
            yield {
                "nodes": nodes,
                "budget": f"{share:.0%}",
                "at s": seconds,
                "free, best": _percent(min(extra for extra, _ in free)),
                "free, worst": _percent(max(extra for extra, _ in free)),
                "free s": f"{max(time for _, time in free):.1f}",
                "fixed": _percent(fixed[0]),
                "fixed s": f"{fixed[1]:.1f}",
            }


def _one(
    data: dict[str, list[int]], share: float, seconds: float, *, seed: int, fixed: bool
) -> tuple[float, float]:
    """Extra duration as a part (infinite if no schedule was found), and seconds."""
    start = perf_counter()
    found = rematerialize(
        edges=data["edges"],
        sizes=data["sizes"],
        durations=data["durations"],
        budget=int(share * data["in_order_peak"]),
        time_limit=seconds,
        seed=seed,
        fixed_order=fixed,
    )
    extra = found.duration / found.bound - 1 if found.sequence else inf
    return extra, perf_counter() - start


def _percent(extra: float) -> str:
    return "none" if extra == inf else f"{100 * extra:.2f} %"
