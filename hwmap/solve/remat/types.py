"""The problem, and what the search works on: arrays, because compiled code works on them."""

from collections.abc import Sequence as Items
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwmap.solve.addresses import Item, lifetimes

Integers = NDArray[np.int64]

HEAD, TAIL = 0, 1
"""Runs before and after all others, of no node."""
NONE = -1
EXCESS, DURATION, FREE, MANY, RUNS, CHANGES, MARK = range(7)
"""Places in `totals`: the sum over runs of memory above the budget, the sum of durations, the
number of free run numbers, of nodes that run more than once, of runs, of changes that can be
undone, and the last mark given."""

MOST_CHANGES = 300
"""Changes in one move of the search."""


@dataclass(frozen=True)
class Problem:
    """What is to be scheduled, in whatever memory: node v reads the nodes `reads[v]`; `start` is a
    schedule of any size; `fixed`: first runs come in the order of the nodes."""

    reads: list[list[int]]
    sizes: list[int]
    durations: list[int]
    start: list[int]
    fixed: bool

    def duration(self, sequence: Items[int]) -> int:
        """Of all runs."""
        return sum(self.durations[node] for node in sequence)

    def needs(self) -> list[int]:
        """What each node takes alone: its value and those that it reads."""
        return [
            self.sizes[node] + sum(self.sizes[read] for read in reads)
            for node, reads in enumerate(self.reads)
        ]

    def items(self, sequence: Items[int]) -> list[Item]:
        """The value of each run while it is live, in the order of the runs."""
        kept = lifetimes((self.reads[node], node) for node in sequence)
        return [Item(self.sizes[node], first, last) for node, first, last in kept]


class Dag(NamedTuple):
    """Nodes with sizes and durations; what they read and what reads them as ranges of one array
    each: node v reads `reads[reads_from[v]:reads_from[v + 1]]`."""

    sizes: Integers
    durations: Integers
    reads_from: Integers
    reads: Integers
    readers_from: Integers
    readers: Integers


class Sequence(NamedTuple):
    """A schedule that changes: a linked list of runs. Per run: `node`, `previous` and `following`
    in the order, `label` (it grows along the order, so that two runs are compared at once),
    `memory` while it runs, `end` (the last run that reads its value before it is made again), and
    the runs of the same node `before` and `after` it. Per node: its `first` and `last` run, how
    many there are (`times`), its place among the `many` with more than one, and a `mark`.
    `changes` has a row (1 for put, node, run or place) per change; `random` the generator's state.
    """

    budget: int
    fixed: bool
    node: Integers
    previous: Integers
    following: Integers
    label: Integers
    memory: Integers
    end: Integers
    before: Integers
    after: Integers
    first: Integers
    last: Integers
    times: Integers
    many: Integers
    place: Integers
    mark: Integers
    free: Integers
    totals: Integers
    changes: Integers
    random: NDArray[np.uint64]


def new_dag(reads: Items[Items[int]], sizes: Items[int], durations: Items[int]) -> Dag:
    """The nodes, of which node v reads the nodes `reads[v]`."""
    readers: list[list[int]] = [[] for _ in reads]
    for node, sources in enumerate(reads):
        for source in sources:
            readers[source].append(node)
    return Dag(_array(sizes), _array(durations), *_ranges(reads), *_ranges(readers))


def _array(values: Items[int]) -> Integers:
    return np.array(values, np.int64)


def _ranges(lists: Items[Items[int]]) -> tuple[Integers, Integers]:
    starts = _array([0, *accumulate(len(items) for items in lists)])
    return starts, _array([item for items in lists for item in items])


def new_sequence(nodes: int, budget: int, *, fixed: bool, most_runs: int, seed: int) -> Sequence:
    """No runs yet, and room for `most_runs`."""
    node, previous, following, end, before, after = np.full((6, most_runs + 2), -1)
    first, last, place = np.full((3, nodes), -1)
    label, memory = np.zeros((2, most_runs + 2), np.int64)
    times, many, mark = np.zeros((3, nodes), np.int64)
    return Sequence(
        budget,
        fixed,
        *(node, previous, following, label, memory, end, before, after),
        *(first, last, times, many, place, mark),
        free=np.arange(most_runs + 1, 1, -1),
        totals=np.zeros(7, np.int64),
        changes=np.zeros((MOST_CHANGES, 3), np.int64),
        random=np.array([88172645463325252 + 7919 * seed], np.uint64),
    )
