"""What a schedule is made of: runs, values and slots."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import networkx as nx

from hwmap.sequential.solve.problem import Option, Problem, Task

Written = tuple[int, int, int]
"""(tensor, -1, -1), or (task, option, part): what that part of a chain writes."""


@dataclass(frozen=True)
class Run:
    """Parts [first, last) of option `option` of task `task`, one after the other."""

    task: int
    option: int
    first: int
    last: int


@dataclass(frozen=True)
class Schedule:
    """The runs in order, and their cycles."""

    runs: tuple[Run, ...]
    cycles: int


@dataclass(frozen=True)
class Space:
    """The runs, values and slots of a problem."""

    problem: Problem
    extra: int

    @property
    def slots(self) -> int:
        return len(self.problem.tasks) + self.extra

    @cached_property
    def order(self) -> "nx.DiGraph[int]":
        """Tasks as nodes, an edge from each writer to its readers."""
        writer = {task.output: index for index, task in enumerate(self.problem.tasks)}
        order: nx.DiGraph[int] = nx.DiGraph()
        order.add_nodes_from(range(len(self.problem.tasks)))
        for index, task in enumerate(self.problem.tasks):
            order.add_edges_from((writer[tensor], index) for tensor in task.inputs)
        return order

    @cached_property
    def windows(self) -> tuple[range, ...]:
        """The slots in which each task may run."""
        return tuple(
            range(len(nx.ancestors(self.order, index)), self._last_slot(index) + 1)
            for index in range(len(self.problem.tasks))
        )

    def _last_slot(self, index: int) -> int:
        # With extra slots a task may run again until just before its last reader.
        after = (
            len(nx.descendants(self.order, index))
            if self.extra == 0
            else (0 if self.problem.tasks[index].kind == "store" else 1)
        )
        return self.slots - 1 - after

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        found = []
        for index, task in enumerate(self.problem.tasks):
            for number, option in enumerate(task.options):
                count = len(option.parts)
                found += [
                    Run(index, number, first, last)
                    for first in range(count)
                    for last in range(first + 1, count + 1)
                    if self.extra or (first, last) == (0, count)
                ]
        return tuple(found)

    @property
    def variables(self) -> int:
        """About how many variables the schedule model has."""
        return sum(len(self.windows[run.task]) for run in self.runs)

    def task(self, run: Run) -> Task:
        return self.problem.tasks[run.task]

    def option(self, run: Run) -> Option:
        return self.task(run).options[run.option]

    def reads(self, run: Run) -> tuple[Written, ...]:
        if run.first == 0:
            return tuple((tensor, -1, -1) for tensor in self.task(run).inputs)
        return ((run.task, run.option, run.first - 1),)

    def writes(self, run: Run) -> Written | None:
        if run.last < len(self.option(run).parts):
            return (run.task, run.option, run.last - 1)
        output = self.task(run).output
        return None if output < 0 else (output, -1, -1)

    def size(self, value: Written) -> int:
        index, option, part = value
        if part < 0:
            return self.problem.tensor_bytes[index]
        return self.problem.tasks[index].options[option].parts[part].output_bytes

    def body_cycles(self, run: Run) -> int:
        """Cycles but for the trips of the last part: those overlap with the next run's fetch."""
        parts = self.option(run).parts[run.first : run.last]
        fetched = [part.fetch_words for part in parts[1:]]
        inner = sum(max(part.trips, words) for part, words in zip(parts, fetched, strict=False))
        lead = sum(part.lead_cycles for part in parts)
        return inner + lead + self.problem.overhead_cycles * len(parts)

    def tail_trips(self, run: Run) -> int:
        return self.option(run).parts[run.last - 1].trips

    def head_words(self, run: Run) -> int:
        """Bus words that the run before has to fetch."""
        return self.option(run).parts[run.first].fetch_words

    def inner_bytes(self, run: Run) -> int:
        """The most that two neighbouring inner tensors, or the last one and the output, take."""
        sizes = [part.output_bytes for part in self.option(run).parts[run.first : run.last]]
        return max((a + b for a, b in pairwise(sizes)), default=0)


def run_cycles(space: Space, runs: Sequence[Run]) -> int:
    """The cycles of `runs`, as the schedule model counts them."""
    heads = [space.head_words(run) for run in runs[1:]] + [0]
    tails = [space.tail_trips(run) for run in runs]
    hidden = sum(max(tail, head) for tail, head in zip(tails, heads, strict=True))
    fetches = any(space.option(run).fetch_words for run in runs)
    start = space.problem.startup_cycles if fetches else 0
    return sum(space.body_cycles(run) for run in runs) + hidden + start
