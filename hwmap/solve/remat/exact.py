"""The best schedule of a tiny graph, proved: A* over what is in memory.

A state is the values kept (a bit each) and the outputs made (free order) or the first runs done
(fixed order). The estimate of what is left is exact enough to keep the search short: every node
that the rest needs and memory does not hold runs at least once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heappush

from hwmap.solve.remat.types import SchedulingProblem

State = tuple[int, int]


@dataclass(frozen=True)
class Proof:
    """The best schedule, or None: there is none. `bound`: no schedule is shorter. `proved` is False
    where the search ended early: then nothing is known but `bound`."""

    sequence: tuple[int, ...] | None
    bound: int
    proved: bool


def best_schedule(problem: SchedulingProblem, budget: int, most_states: int) -> Proof:
    """The shortest schedule; it gives up after `most_states`."""
    space = _Space(problem, budget)
    start = (0, 0)
    reached: dict[State, tuple[int, State, int]] = {start: (0, start, -1)}
    queue = [(space.least(start), 0, start)]
    bound = queue[0][0]
    for _ in range(most_states):
        if not queue:
            return Proof(None, bound, proved=True)
        bound, time, state = heappop(queue)
        time = -time
        if time > reached[state][0]:
            continue
        if space.is_done(state):
            return Proof(_path(reached, state), bound, proved=True)
        for node, after in space.steps(state):
            then = time + problem.durations[node]
            if after not in reached or then < reached[after][0]:
                reached[after] = (then, state, node)
                heappush(queue, (then + space.least(after), -then, after))
    return Proof(None, bound, proved=False)


def _path(reached: dict[State, tuple[int, State, int]], state: State) -> tuple[int, ...]:
    nodes: list[int] = []
    while reached[state][2] >= 0:
        _, state, node = reached[state]
        nodes.append(node)
    return tuple(reversed(nodes))


@dataclass(frozen=True)
class _Space:
    problem: SchedulingProblem
    budget: int
    known: dict[State, int] = field(default_factory=dict)

    @cached_property
    def sources(self) -> list[int]:
        """What each node reads, a bit each."""
        return [sum(1 << read for read in set(reads)) for reads in self.problem.reads]

    @cached_property
    def outputs(self) -> int:
        """The nodes that nothing reads."""
        read = {value for reads in self.problem.reads for value in reads}
        return sum(1 << node for node in range(len(self.problem.sizes)) if node not in read)

    def is_done(self, state: State) -> bool:
        """Whether every node has run (what an output needs has run before it)."""
        _, done = state
        return done == (len(self.problem.sizes) if self.problem.fixed else self.outputs)

    def least(self, state: State) -> int:
        """The durations of all nodes that the rest needs and memory does not hold."""
        if state not in self.known:
            live, done = state
            every = (1 << len(self.problem.sizes)) - 1
            open_nodes = every >> done << done if self.problem.fixed else self.outputs & ~done
            seen, total = open_nodes, 0
            while open_nodes:
                node = open_nodes.bit_length() - 1
                total += self.problem.durations[node]
                new = self.sources[node] & ~live & ~seen
                seen |= new
                open_nodes = (open_nodes & ~(1 << node)) | new
            self.known[state] = total
        return self.known[state]

    def steps(self, state: State) -> Iterator[tuple[int, State]]:
        """Every node that can run, with the state after it."""
        live, done = state
        held = sum(self.problem.sizes[node] for node in _bits(live))
        for node, sources in enumerate(self.sources):
            bit = 1 << node
            if self.problem.fixed and node > done:
                return
            if (
                live & bit
                or sources & ~live
                or (bit & self.outputs & done and not self.problem.fixed)
            ):
                continue
            after = done
            if self.problem.fixed:
                after += node == done
            else:
                after |= bit & self.outputs
            others = sorted(_bits(live & ~sources), key=lambda other: -self.problem.sizes[other])
            for kept in self._evictions(
                live, others, held + self.problem.sizes[node] - self.budget
            ):
                yield node, (kept | (bit & ~self.outputs), after)

    def _evictions(self, live: int, others: list[int], excess: int) -> Iterator[int]:
        """What can be kept of `live`, in every way that drops no more of `others` than it must."""
        if excess <= 0:
            yield live
        elif sum(self.problem.sizes[other] for other in others) >= excess:
            first, rest = others[0], others[1:]
            yield from self._evictions(
                live & ~(1 << first), rest, excess - self.problem.sizes[first]
            )
            yield from self._evictions(live, rest, excess)


def _bits(mask: int) -> Iterator[int]:
    while mask:
        bit = mask & -mask
        yield bit.bit_length() - 1
        mask ^= bit
