"""The exact answer for tiny problems: every choice, order and recomputation is tried.

It knows the hardware's rules and nothing of the solver. For each choice of options, and each size
of the fetch buffers, Dijkstra's algorithm walks over (what is on chip, the last part that ran).
"""

import heapq
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations, product

from hwmap.sequential.solve.problem import Option, Part, Problem

Node = tuple[int, int]
"""(task, part)"""


@dataclass(frozen=True)
class _Machine:
    """A problem with its options chosen."""

    problem: Problem
    options: tuple[Option, ...]

    @cached_property
    def nodes(self) -> list[Node]:
        return [(t, p) for t, option in enumerate(self.options) for p in range(len(option.parts))]

    @cached_property
    def fetches(self) -> dict[Node, tuple[int, int, int]]:
        return {node: self._fetch(node) for node in self.nodes}

    @cached_property
    def sizes(self) -> dict[Node, int]:
        return {node: self._size(node) for node in self.nodes}

    @cached_property
    def reads(self) -> dict[Node, tuple[Node, ...]]:
        return {node: self._reads(node) for node in self.nodes}

    def part(self, node: Node) -> Part:
        return self.options[node[0]].parts[node[1]]

    def _fetch(self, node: Node) -> tuple[int, int, int]:
        """(weight, channel, bus) words that must arrive before `node` runs."""
        part = self.part(node)
        if part.resident:
            return 0, 0, 0
        return part.weight_words, part.channel_words, part.bus_words

    def _reads(self, node: Node) -> tuple[Node, ...]:
        """The nodes whose values it reads."""
        task, part = node
        if part:
            return ((task, part - 1),)
        tasks = self.problem.tasks
        writers = {t.output: i for i, t in enumerate(tasks)}
        return tuple(
            (writers[tensor], len(self.options[writers[tensor]].parts) - 1)
            for tensor in tasks[task].inputs
        )

    def _size(self, node: Node) -> int:
        task, part = node
        output = self.problem.tasks[task].output
        if part == len(self.options[task].parts) - 1:
            return 0 if output < 0 else self.problem.tensor_bytes[output]
        return self.part(node).output_bytes


def fewest_cycles(problem: Problem, limit_bytes: int) -> int | None:
    """The fewest cycles of any plan within a limit on the memory, or None if there is none."""
    best: int | None = None
    for options in product(*(task.options for task in problem.tasks)):
        if sum(option.loss_ppb for option in options) > problem.loss_ppb:
            continue
        machine = _Machine(problem, options)
        for weights, channels in _buffers(machine):
            room = _arena_room(machine, limit_bytes, weights, channels)
            cycles = _shortest(machine, weights, channels, room) if room >= 0 else None
            if cycles is not None and (best is None or cycles < best):
                best = cycles
    return best


def _buffers(machine: _Machine) -> set[tuple[int, int]]:
    """Sizes of the fetch buffers worth trying: sums of two neighbours."""
    fetches = [fetch[:2] for fetch in machine.fetches.values()] + [(0, 0)]
    weights = {a[0] + b[0] for a in fetches for b in fetches}
    channels = {a[1] + b[1] for a in fetches for b in fetches}
    return set(product(weights, channels))


def _arena_room(machine: _Machine, limit_bytes: int, weights: int, channels: int) -> int:
    """Bytes of arena that the budget leaves beside the constants."""
    problem, engine = machine.problem, machine.problem.engine
    resident = [part for option in machine.options for part in option.parts if part.resident]
    weights += sum(part.weight_words for part in resident)
    channels += sum(part.channel_words for part in resident)
    left = limit_bytes - problem.fifo_bytes
    left -= weights * engine.weight_word_bytes + channels * engine.channel_word_bytes
    return (left // engine.arena_lanes - 2) * engine.arena_lanes


def _shortest(machine: _Machine, weights: int, channels: int, room: int) -> int | None:
    """Fewest cycles from the empty chip until every store has run once."""
    problem, sizes = machine.problem, machine.sizes
    once = {i for i, task in enumerate(problem.tasks) if task.kind != "run"}
    goal = frozenset(once)
    start = (frozenset(), None, frozenset())
    queue = [(0, 0, start)]
    seen = {}
    counter = 0
    while queue:
        cycles, _, state = heapq.heappop(queue)
        if seen.get(state, cycles + 1) <= cycles:
            continue
        seen[state] = cycles
        live, last, done = state
        if done == goal:
            started = any(fetch[2] for fetch in machine.fetches.values())
            return cycles + problem.startup_cycles * started + machine.part(last).trips
        for node in machine.nodes:
            if node[0] in done or not live.issuperset(machine.reads[node]):
                continue
            before = (0, 0, 0) if last is None else machine.fetches[last]
            now = machine.fetches[node]
            if last is None and now != (0, 0, 0):
                continue
            if before[0] + now[0] > weights or before[1] + now[1] > channels:
                continue
            rest = live - {node}
            if sum(sizes[other] for other in rest) + sizes[node] > room:
                continue
            # Constants of this node are fetched while the last one computes.
            tail = 0 if last is None else max(machine.part(last).trips, now[2])
            after = rest | ({node} if sizes[node] else set())
            finished = done | ({node[0]} if node[0] in once else set())
            for kept in _subsets(after):
                counter += 1
                following = (kept, node, finished)
                cost = cycles + tail + problem.overhead_cycles + machine.part(node).lead_cycles
                heapq.heappush(queue, (cost, counter, following))
    return None


def _subsets(values: frozenset[Node]) -> list[frozenset[Node]]:
    ordered = sorted(values)
    every = chain.from_iterable(combinations(ordered, n) for n in range(len(ordered) + 1))
    return [frozenset(subset) for subset in every]
