"""An answer as a whole network: does it fit, and if not, what is to be computed twice?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import islice
from math import prod

from hwmap.decompose.apply import apply_parts
from hwmap.decompose.candidates import Candidate
from hwmap.decompose.method import DENSE
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.progress import Progress
from hwmap.solve.deadline import Deadline
from hwmap.solve.settings import Settings
from hwmap.streaming.cost import Cost, Target
from hwmap.streaming.depths import sufficient_depths
from hwmap.streaming.folding import Folding
from hwmap.streaming.network import Network, build_network
from hwmap.streaming.recompute import (
    Recomputed,
    has_other_use,
    second_name,
    second_tensors,
    sources,
    streamed,
)
from hwmap.streaming.solve.model import Answer
from hwmap.streaming.solve.problem import Problem, limits_of
from hwmap.streaming.use import memory_bytes, network_cost

LARGEST, NEAREST = 6, 4
"""Of how many FIFOs, and from how many earlier tensors each, it is tried to compute what they hold
a second time."""
SMALL_BYTES = 1024
"""A smaller FIFO is not worth it."""
NEARER = 0.98
"""It must bring down by so much what is too much."""


@dataclass(frozen=True, eq=False)
class Found:
    """An answer with the kernels between its ops: does it fit? `graph` is its float graph, but for
    what is computed twice."""

    picked: tuple[Candidate, ...]
    graph: Graph
    recomputed: tuple[Recomputed, ...]
    foldings: tuple[Folding, ...]
    network: Network
    depths: tuple[int, ...]
    cost: Cost


def complete(
    source: Graph,
    candidates: Mapping[str, Sequence[Candidate]],
    problem: Problem,
    answer: Answer,
) -> Found:
    """The network of an answer, with deep enough FIFOs."""
    ways = [own[pick.way] for own, pick in zip(problem.ops, answer.picks, strict=True)]
    picked = tuple(
        candidates[op.name][way.candidate]
        for op, way in zip(hardware_ops(source), ways, strict=True)
    )
    graph = apply_parts(source, [item.graph for item in picked if item.method != DENSE])
    foldings = tuple(
        replace(part.foldings.foldings[row], op=part.name)
        for way, pick in zip(ways, answer.picks, strict=True)
        for part, row in zip(way.parts, pick.rows, strict=True)
    )
    return _made(picked, graph, (), foldings, problem.target)


def _made(
    picked: tuple[Candidate, ...],
    graph: Graph,
    recomputed: tuple[Recomputed, ...],
    foldings: tuple[Folding, ...],
    target: Target,
) -> Found:
    """The network with deep enough FIFOs, and what it takes."""
    whole = streamed(graph, recomputed)
    network = build_network(whole, {folding.op: folding for folding in foldings})
    depths = sufficient_depths(network, second_tensors(graph, recomputed))
    cost = network_cost(network, depths, whole, target)
    return Found(picked, graph, recomputed, foldings, network, depths, cost)


def _with(found: Found, item: Recomputed, target: Target) -> Found:
    """The same with a tensor computed twice, by ops that are folded like the first ones."""
    known = {folding.op: folding for folding in found.foldings}
    before = dict(sources(streamed(found.graph, found.recomputed), item.tensor))
    again = (replace(known[op.name], op=second_name(op.name, item)) for op in before[item.source])
    recomputed, foldings = (*found.recomputed, item), (*found.foldings, *again)
    return _made(found.picked, found.graph, recomputed, foldings, target)


def _worth_trying(found: Found) -> Iterator[Recomputed]:
    """Of the tensors that wait in the largest FIFOs, the nearest smaller ones that they can be
    computed from."""
    graph = streamed(found.graph, found.recomputed)
    held: dict[str, int] = {}
    for stream, depth in zip(found.network.streams, found.depths, strict=True):
        size = stream.layout.word_bytes * depth
        held[stream.tensor] = max(held.get(stream.tensor, 0), size)
    joins = [op for op in hardware_ops(graph) if len(op.inputs) > 1]
    pairs = [
        (held[name], op.name, name)
        for op in joins
        for name in dict.fromkeys(op.inputs)
        if has_other_use(graph, name, op.name)
    ]
    for size, reader, tensor in sorted(pairs, reverse=True)[:LARGEST]:
        if size < SMALL_BYTES:
            return
        for source, _ in islice(sources(graph, tensor), NEAREST):
            if prod(graph.shape(source)) < prod(graph.shape(tensor)):
                yield Recomputed(reader, tensor, source)


@dataclass(frozen=True)
class Limits:
    """What a design may take."""

    limits: tuple[int, ...]
    memory_bytes: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """Those of a board and a budget."""
        limits = astuple(limits_of(settings.board, settings.budget))
        return cls(limits, settings.budget.memory_bytes)

    def excess(self, cost: Cost) -> float:
        """By what shares of the limits a design is too large, added up."""
        pairs = (
            *zip(astuple(cost), self.limits, strict=True),
            (memory_bytes(cost), self.memory_bytes),
        )
        return float(sum(max(taken - limit, 0) / max(limit, 1) for taken, limit in pairs))


def recompute(
    found: Found, limits: Limits, target: Target, deadline: Deadline, progress: Progress
) -> Found:
    """The same with tensors computed twice, as long as it does not fit and comes nearer to that:
    each time what brings it nearest."""
    while (over := limits.excess(found.cost)) > 0 and not deadline.over:
        progress("what to compute twice, and not to keep")
        tried = (_with(found, item, target) for item in _worth_trying(found))
        best = min(tried, key=lambda other: limits.excess(other.cost), default=found)
        if limits.excess(best.cost) > over * NEARER:
            break
        found = best
    return found
