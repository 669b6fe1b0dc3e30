"""Microseconds per move of the rematerialization search, by the number of nodes."""

from collections.abc import Iterator
from time import perf_counter

import numpy as np

from hwmap.solve.remat.rounds import WAYS
from hwmap.solve.remat.search import anneal
from hwmap.solve.remat.types import new_dag, new_sequence
from tests.bench.layered import generated

NODES = (100, 250, 500, 1000, 2000, 4000)
MOVES = 1_000_000


def run() -> Iterator[dict[str, object]]:
    """A row per size; one search alone."""
    first = 0.0
    for nodes in (NODES[0], *NODES):
        layered = generated(nodes, seed=1)
        graph = layered.graph
        reads: list[list[int]] = [[] for _ in range(nodes)]
        for read, node in graph["edges"]:
            reads[node].append(read)
        dag = new_dag(reads, graph["sizes"], graph["durations"])
        # So little that no schedule ends the search early.
        budget = int(0.7 * layered.in_order_peak)
        sequence = new_sequence(nodes, budget, fixed=False, most_runs=8 * nodes, seed=0)
        start = perf_counter()
        heat = tuple(value * dag.durations.mean() for value in WAYS[0].heat)
        unit = dag.durations.mean() / dag.sizes.mean()
        price = tuple(value * unit for value in WAYS[0].price)
        anneal(dag, sequence, np.arange(nodes), MOVES, heat, price)
        micros = (perf_counter() - start) / MOVES * 1e6
        # The first time compiles.
        if first:
            ratio = f"{micros / first if nodes > NODES[0] else 1:.1f}"
            yield {"nodes": nodes, "us per move": f"{micros:.2f}", "of 100 nodes": ratio}
        if not first or nodes == NODES[0]:
            first = micros
