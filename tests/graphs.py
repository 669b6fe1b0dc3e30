"""Small random graphs for the schedule search."""

import numpy as np

from hwmap.solve.remat.types import SchedulingProblem
from tests.replay import replayed


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


def footprint(graph: dict) -> int:
    sources = [{v} | {u for u, w in graph["edges"] if w == v} for v in range(len(graph["sizes"]))]
    return max(sum(graph["sizes"][u] for u in values) for values in sources)


def tight(seed: int, nodes: int) -> tuple[dict, int]:
    """A graph, and a budget between what its largest node needs and what all need in order."""
    graph = random_graph(seed, nodes)
    low, high = footprint(graph), replayed(graph, tuple(range(nodes)))[0]
    return graph, low + (high - low) * (seed % 4) // 4


def problem(graph: dict, *, fixed: bool) -> SchedulingProblem:
    reads = [[u for u, w in graph["edges"] if w == v] for v in range(len(graph["sizes"]))]
    return SchedulingProblem(
        reads, graph["sizes"], graph["durations"], list(range(len(reads))), fixed
    )
