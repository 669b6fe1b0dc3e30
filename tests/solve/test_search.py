"""What the search keeps up to date from move to move, against a replay."""

import numpy as np
import pytest

from hwmap.solve.remat.search import anneal
from hwmap.solve.remat.types import TAIL, new_dag, new_sequence
from tests.graphs import problem, tight
from tests.replay import memories

CHARGE = 3


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("nodes", [30, 60, 250])
def test_memory_and_duration_are_those_of_a_replay(nodes: int, fixed: bool):
    graph, budget = tight(0, nodes)
    whole = problem(graph, fixed=fixed)
    dag = new_dag(whole.reads, whole.sizes, whole.durations)
    sequence = new_sequence(nodes, budget, charge=CHARGE, fixed=fixed, most_runs=8 * nodes, seed=1)

    anneal(dag, sequence, np.array(whole.start), 20_000, (9.0, 9.0), (1.0, 1.0))
    filled = sequence.slots > TAIL
    order = sequence.order().tolist()
    found = sequence.memory[filled].tolist()
    now = sequence.now[0]

    assert len(order) > nodes
    assert found == memories(graph, order)
    assert now["excess"] == sum(memory - budget + CHARGE for memory in found if memory > budget)
    assert now["duration"] == sum(graph["durations"][node] for node in order)
