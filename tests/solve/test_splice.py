"""Schedules spliced from several."""

import numpy as np
import pytest

from hwmap.solve.remat.search import anneal
from hwmap.solve.remat.splice import splice
from hwmap.solve.remat.types import new_dag, new_sequence
from tests.graphs import problem, tight
from tests.replay import memories

CHARGE, PRICE = 2, 3.0


def test_each_part_is_from_the_schedule_that_is_shorter_there():
    # A chain. One schedule runs a node again early on, for nothing, the other late.
    dag = new_dag([[], [0], [1], [2], [3]], sizes=[1] * 5, durations=[7] * 5)
    early, late = np.array([0, 0, 1, 2, 3, 4]), np.array([0, 1, 2, 3, 3, 4])

    assert splice(dag, [early, late], 9, CHARGE, PRICE).tolist() == [0, 1, 2, 3, 4]


def test_a_value_that_is_kept_across_a_change_counts():
    # Node 3 reads 0: one schedule keeps 0 while 1 and 2 run, the other makes it again after them.
    dag = new_dag([[], [0], [1], [0, 2]], sizes=[5, 5, 5, 1], durations=[1, 1, 1, 1])
    keeps, again = np.array([0, 1, 2, 3]), np.array([0, 1, 2, 0, 3])

    assert splice(dag, [keeps, again], 15, CHARGE, PRICE).tolist() == [0, 1, 2, 3]
    assert splice(dag, [keeps, again], 11, CHARGE, PRICE).tolist() == [0, 1, 2, 0, 3]


def test_schedules_change_over_only_where_the_same_nodes_have_run():
    # 0 and 1 are read by 2; the orders meet after both, and after all.
    dag = new_dag([[], [], [0, 1], [2]], sizes=[1] * 4, durations=[3] * 4)
    one, other = np.array([0, 1, 0, 2, 3]), np.array([1, 0, 2, 2, 3])

    assert splice(dag, [one, other], 9, CHARGE, PRICE).tolist() == [1, 0, 2, 3]


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_what_is_spliced_is_a_schedule_that_costs_no_more_than_any(seed: int, fixed: bool):
    nodes = 30
    graph, budget = tight(seed, nodes)
    whole = problem(graph, fixed=fixed)
    dag = new_dag(whole.reads, whole.sizes, whole.durations)
    orders = []
    for number in range(3):
        sequence = new_sequence(
            nodes, budget, charge=CHARGE, fixed=fixed, most_runs=8 * nodes, seed=number
        )
        anneal(dag, sequence, np.array(whole.start), 3_000, (9.0, 5.0), (1.0, PRICE))
        orders.append(sequence.order())

    found = splice(dag, orders, budget, CHARGE, PRICE)

    def cost(order: list[int]) -> float:
        # memories() fails where a value that is read was not made.
        over = [memory - budget for memory in memories(graph, order) if memory > budget]
        return whole.duration(order) + PRICE * (sum(over) + CHARGE * len(over))

    firsts = list(dict.fromkeys(found.tolist()))
    assert sorted(firsts) == list(range(nodes))
    assert not fixed or firsts == list(range(nodes))
    assert cost(found.tolist()) <= min(cost(order.tolist()) for order in orders)
