"""Rematerialization of the graphs of Moccasin's paper (arXiv 2304.14463), beside its results.

Budgets are shares of the peak in order, rounded up. The columns of the paper are its own figures
(extra duration, seconds; "-": not published), from other machines. Ours: an order that is fixed, as
in the paper, with a proved bound, and one that is free, on two cores; limits of 30 s, 60 s from 500
nodes on, spent in moves. Every schedule is replayed by code of its own.
"""

import json
from collections.abc import Iterator
from math import ceil

from tests.bench.layered import Layered
from tests.bench.rematerialization import load_search, percent, scheduled
from tests.networks import SHARED

FOLDER = SHARED / "data" / "remat" / "published"
PAPER = {
    ("rlg2_250", 0.9): ("0.9 %, 55 s", "0.9 %, 685 s"),
    ("rlg2_250", 0.8): ("4.9 %, 640 s", "none"),
    ("rlg4_1000", 0.9): ("0.7 %, 3,613 s", "none"),
    ("rlg4_1000", 0.8): ("3.4 %, 3,612 s", "none"),
    ("cm1_fcn8_train", 0.9): ("0.0 %, 3 s", "0.0 %, 6 s"),
    ("cm1_fcn8_train", 0.8): ("0.1 %, 3 s", "-"),
    ("cm2_resnet50_train", 0.9): ("0.2 %, 65 s", "0.1 %, 434 s"),
    ("cm2_resnet50_train", 0.8): ("0.3 %, 69 s", "0.3 %, 485 s"),
}
"""By graph and share of the peak: Moccasin, and Checkmate's MILP as the paper ran it."""
SHARES = (0.9, 0.8)
SECONDS, SECONDS_LARGE, LARGE = 30.0, 60.0, 500


def run() -> Iterator[dict[str, object]]:
    """A row per graph and budget."""
    graphs = [_read(path.stem) for path in sorted(FOLDER.glob("*.json"))]
    if graphs:
        load_search(graphs[0])
    for graph in graphs:
        nodes = len(graph.graph["sizes"])
        limit = SECONDS_LARGE if nodes >= LARGE else SECONDS
        for share in SHARES:
            moccasin, checkmate = PAPER.get((graph.name, share), ("-", "-"))
            budget = ceil(share * graph.in_order_peak)
            fixed, least, fixed_seconds = scheduled(graph, budget, limit, fixed=True)
            free, _, free_seconds = scheduled(graph, budget, limit)
            yield {
                "graph": graph.name,
                "nodes": nodes,
                "budget": f"{share:.0%}",
                "Moccasin (paper)": moccasin,
                "Checkmate (paper)": checkmate,
                "fixed": percent(fixed),
                "at least": percent(least),
                "fixed s": f"{fixed_seconds:.1f}",
                "free": percent(free),
                "free s": f"{free_seconds:.1f}",
            }


def _read(name: str) -> Layered:
    data = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return Layered(name, {key: data[key] for key in ("edges", "sizes", "durations")})
