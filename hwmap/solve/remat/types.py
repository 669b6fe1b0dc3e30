"""The problem, and what the search works on: arrays, because compiled code works on them."""

from collections.abc import Sequence as Items
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwmap.ir.types import Integers
from hwmap.solve.addresses import Item, lifetimes

Records = NDArray[np.void]
"""Of whole numbers, with names."""
Ends = tuple[float, float]
"""First and last value."""

HEAD, TAIL = 0, 1
"""Runs before and after all others, of no node."""
NONE = -1
FAR = 1 << 60
"""Above every memory."""
MOST_CHANGES = 300
"""Changes in one move of the search."""


@dataclass(frozen=True)
class SchedulingProblem:
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
    """Per `node` its size and duration, and which ranges of `reads` and `readers` are its own."""

    node: Records
    reads: Integers
    readers: Integers


class Sequence(NamedTuple):
    """A schedule that changes: runs in an array with gaps.

    Per `run`: its node, its `slot` (slots grow along the order, so that two runs are compared at
    once), its `end` (the last run that reads its value before it is made again), and the run of
    the same node `before` it. Per `node`: its `last` run, how many there are (`times`), and a
    `mark`. Per slot: its run or NONE (`slots`), and the `memory` of the values that are live there,
    less FAR where there is no run. `free` begins with the run numbers that are not in use;
    `changes` has a row (1 for put, node, run or place) per change that can be undone. `now`: the
    memory above the budget, summed over runs, with `charge` for each such run (`excess`), the
    `duration`, how many `runs` and `changes` there are, the last mark given, and the state of the
    generator (`random`).
    """

    budget: int
    charge: int
    fixed: bool
    run: Records
    node: Records
    slots: Integers
    memory: Integers
    free: Integers
    changes: Integers
    now: Records

    def order(self) -> Integers:
        """The nodes in the order of their runs; for use outside of compiled code."""
        nodes: Integers = self.run["node"][self.slots[self.slots > TAIL]]
        return nodes


def _records(count: int, *fields: str) -> Records:
    """Whole numbers under these names, all NONE."""
    return np.full(count, NONE, np.dtype([(field, np.int64) for field in fields]))


def new_dag(reads: Items[Items[int]], sizes: Items[int], durations: Items[int]) -> Dag:
    """The nodes, of which node v reads the nodes `reads[v]`."""
    readers: list[list[int]] = [[] for _ in reads]
    for node, sources in enumerate(reads):
        for source in sources:
            readers[source].append(node)
    records = _records(
        len(sizes), "size", "duration", "reads_from", "reads_to", "readers_from", "readers_to"
    )
    records["size"], records["duration"] = sizes, durations
    for name, lists in (("reads", reads), ("readers", readers)):
        ends = [0, *accumulate(len(items) for items in lists)]
        records[f"{name}_from"], records[f"{name}_to"] = ends[:-1], ends[1:]
    return Dag(records, _array(reads), _array(readers))


def _array(lists: Items[Items[int]]) -> Integers:
    """One after the other."""
    return np.array([item for items in lists for item in items], np.int64)


def new_sequence(
    nodes: int, budget: int, *, charge: int, fixed: bool, most_runs: int, seed: int
) -> Sequence:
    """No runs yet, and room for `most_runs`."""
    runs, slots = most_runs + 2, 2 * (most_runs + 4)
    node = _records(nodes, "last", "times", "mark")
    node["times"] = 0
    run = _records(runs, "node", "slot", "end", "before")
    now = _records(1, "excess", "duration", "runs", "changes", "mark", "random")
    now[0] = (*[0] * 5, 88172645463325252 + 7919 * seed)
    run["slot"][[HEAD, TAIL]] = 0, 1
    return Sequence(
        budget,
        charge,
        fixed,
        run=run,
        node=node,
        slots=np.array([HEAD, TAIL] + [NONE] * slots),
        memory=np.full(2 + slots, -FAR),
        free=np.arange(most_runs + 1, 1, -1),
        changes=np.zeros((MOST_CHANGES, 3), np.int64),
        now=now,
    )
