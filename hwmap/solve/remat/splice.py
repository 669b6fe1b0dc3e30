"""Schedules spliced from several: every part from the one that is best there.

Schedules in which the same nodes have run, up to a place in each, can change over there: all that
is read later was made before. What a change costs is the excess that it adds, by values that only
one of the two keeps.
"""

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hwmap.ir.types import Integers
from hwmap.solve.remat.types import Dag


@njit(cache=True, nogil=True)
def excess(dag: Dag, order: Integers, budget: int, charge: int) -> Integers:
    """The memory above the budget, summed over the runs before each place of `order`, with `charge`
    for each such run."""
    last, end = np.full(len(dag.node), -1), np.arange(len(order))
    for place in range(len(order)):
        node = order[place]
        for read in dag.reads[dag.node[node].reads_from : dag.node[node].reads_to]:
            end[last[read]] = place
        last[node] = place
    change, total = np.zeros(len(order) + 1, np.int64), np.zeros(len(order) + 1, np.int64)
    memory = 0
    for place in range(len(order)):
        size = dag.node[order[place]].size
        change[place] += size
        change[end[place] + 1] -= size
        memory += change[place]
        total[place + 1] = total[place] + (memory - budget + charge if memory > budget else 0)
    return total


class _Cut:
    """A schedule and its places where k nodes have run, for k from 0, each right before the next
    node runs first; the excess and the cost up to there."""

    def __init__(self, dag: Dag, order: Integers, budget: int, charge: int, price: float) -> None:
        _, first = np.unique(order, return_index=True)
        self.order, self.rank = order, np.argsort(np.argsort(first))
        self.places = np.append(np.sort(first), len(order))
        self.excess = excess(dag, order, budget, charge)[self.places]
        durations = np.append(0, np.cumsum(dag.node["duration"][order]))[self.places]
        self.cost = durations + price * self.excess

    def meets(self, other: "_Cut") -> NDArray[np.bool_]:
        """Whether the first k nodes of both are the same, for k from 1."""
        ranks = other.rank[self.order[self.places[:-1]]]
        return np.equal(np.maximum.accumulate(ranks), np.arange(len(ranks)))

    def part(self, first: int, last: int) -> Integers:
        return self.order[self.places[first] : self.places[last]]


def splice(
    dag: Dag, orders: Sequence[Integers], budget: int, charge: int, price: float
) -> Integers:
    """The best of `orders` and of what they give together, by duration + `price` * excess.

    Exact but for what two changes add together: from the last place to the first, the best that
    can follow each schedule there.
    """
    cuts = [_Cut(dag, order, budget, charge, price) for order in orders]
    nodes, numbers = len(dag.node), range(len(cuts))
    meet = [[one.meets(other) for other in cuts] for one in cuts]
    rest = [cut.cost[nodes] - cut.cost[nodes - 1] for cut in cuts]
    then = np.zeros((nodes, len(cuts)), np.int64)
    for k in range(nodes - 1, 0, -1):
        least = list(rest)
        for a in numbers:
            then[k, a] = a
            for b in numbers:
                if rest[b] < least[a] and meet[a][b][k - 1]:
                    joined = np.concatenate((cuts[a].part(0, k), cuts[b].part(k, nodes)))
                    added = excess(dag, joined, budget, charge)[-1] - cuts[a].excess[k]
                    added -= cuts[b].excess[nodes] - cuts[b].excess[k]
                    if rest[b] + price * added < least[a]:
                        least[a], then[k, a] = rest[b] + price * added, b
        rest = [cost + cut.cost[k] - cut.cost[k - 1] for cost, cut in zip(least, cuts, strict=True)]
    parts, at = [], int(np.argmin(rest))
    for k in range(1, nodes):
        parts.append(cuts[at].part(k - 1, k))
        at = then[k, at]
    parts.append(cuts[at].part(nodes - 1, nodes))
    cuts.append(_Cut(dag, np.concatenate(parts), budget, charge, price))
    return min(cuts, key=lambda cut: float(cut.cost[nodes])).order
