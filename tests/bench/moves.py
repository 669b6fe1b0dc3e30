"""Microseconds per move of the rematerialization search, by the number of nodes.

Of one search, where no schedule is found and none ends it early.
"""

from collections.abc import Iterator
from time import perf_counter

from hwmap.solve.remat.rounds import WAYS, anneal_from
from hwmap.solve.remat.types import new_dag
from tests.bench.layered import generated
from tests.graphs import problem

NODES = (100, 250, 500, 1000, 2000, 4000)
MOVES = 1_000_000


def run() -> Iterator[dict[str, object]]:
    """A row per size; one search alone."""
    first = 0.0
    for nodes in (NODES[0], *NODES):
        layered = generated(nodes, seed=1)
        whole = problem(layered.graph, fixed=False)
        dag = new_dag(whole.reads, whole.sizes, whole.durations)
        # So little that no schedule ends the search early.
        budget = max(whole.needs())
        start = perf_counter()
        anneal_from(dag, whole, budget, WAYS[0], whole.start, MOVES, seed=0)
        micros = (perf_counter() - start) / MOVES * 1e6
        # The first time compiles.
        if first:
            ratio = f"{micros / first if nodes > NODES[0] else 1:.1f}"
            yield {"nodes": nodes, "us per move": f"{micros:.2f}", "of 100 nodes": ratio}
        if not first or nodes == NODES[0]:
            first = micros
