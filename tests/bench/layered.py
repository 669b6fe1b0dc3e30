"""Random layered graphs: the shared ones, and our own with published seeds."""

import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tests.networks import SHARED
from tests.replay import replayed

EDGES = {100: 236, 250: 944, 500: 2461, 1000: 5875}
"""Nodes and edges of the graphs in the rematerialization literature (arXiv 2304.14463)."""
OWN_SEEDS = {100: 11, 250: 12, 500: 13, 1000: 14}


@dataclass(frozen=True)
class Layered:
    """A graph, and its peak in order."""

    name: str
    graph: dict[str, list]

    @cached_property
    def in_order_peak(self) -> int:
        return replayed(self.graph, range(len(self.graph["sizes"])))[0]


def layered_graphs() -> list[Layered]:
    """All graphs, the shared ones first."""
    found = [shared_graph(nodes) for nodes in EDGES if SHARED.is_dir()]
    return found + [generated(nodes, seed) for nodes, seed in OWN_SEEDS.items()]


def shared_graph(nodes: int) -> Layered:
    """The shared graph of so many nodes."""
    path = SHARED / "data" / "remat" / f"layered_{nodes}.json"
    data = json.loads(path.read_text("utf-8"))
    graph = {key: data[key] for key in ("edges", "sizes", "durations")}
    return Layered(f"shared {nodes}", graph)


def generated(nodes: int, seed: int) -> Layered:
    """Layers of about sqrt(nodes) nodes; every node reads one of the layer before, and is read; a
    quarter of the other edges skip layers. Sizes: a mixture of four normals (weights .3 .3 .3 .1,
    means 5 10 30 50, deviations a fifth of that); durations: uniform in 1..100."""
    rng = np.random.default_rng(seed)
    width = round(nodes**0.5)
    layer = [node // width for node in range(nodes)]
    levels = [range(first, min(first + width, nodes)) for first in range(0, nodes, width)]
    edges: set[tuple[int, int]] = set()

    def some(level: int) -> int:
        return int(rng.choice(levels[level]))

    for node in range(width, nodes):
        edges.add((some(layer[node] - 1), node))
    read = {node for node, _ in edges}
    for node in range(nodes - width):
        if layer[node] < layer[-1] and node not in read:
            edges.add((node, some(layer[node] + 1)))
    while len(edges) < EDGES.get(nodes, 6 * nodes):
        level = int(rng.integers(1, layer[-1] + 1))
        back = int(rng.integers(2, level + 1)) if level > 1 and rng.random() < 0.25 else 1
        edges.add((some(level - back), some(level)))
    means = rng.choice([5, 10, 30, 50], nodes, p=[0.3, 0.3, 0.3, 0.1])
    sizes = np.maximum(rng.normal(means, means / 5).round(), 1).astype(int).tolist()
    durations = rng.integers(1, 101, nodes).tolist()
    graph = {"edges": sorted(edges), "sizes": sizes, "durations": durations}
    return Layered(f"seed {seed}, {nodes}", graph)
