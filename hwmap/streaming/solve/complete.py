"""An answer as a whole network: does it fit, and if not, what is to be computed twice?"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import islice
from math import prod

from hwmap.decompose.apply import apply_parts
from hwmap.decompose.candidates import Candidate
from hwmap.decompose.method import DENSE
from hwmap.errors import GraphError, SimulationError
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

NEAREST = 4
"""From how many earlier tensors it is tried to compute what a FIFO holds a second time."""
SMALL_BYTES = 1024
"""A smaller FIFO is not worth it."""
WORDS = 4_000_000
"""Of so many words, the ways of all streams are followed in search of one tensor (judgement: a few
seconds)."""
NEARER = 0.98
"""It must bring down by so much what is too much."""


@dataclass(frozen=True, eq=False)
class Found:
    """An answer with the kernels between its ops: does it fit? `graph` is its float graph, `whole`
    that with what is computed twice."""

    picked: tuple[Candidate, ...]
    graph: Graph
    whole: Graph
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
    return Found(picked, graph, whole, recomputed, foldings, network, depths, cost)


def _with(found: Found, item: Recomputed, target: Target) -> Found:
    """The same with a tensor computed twice, by ops that are folded like the first ones."""
    known = {folding.op: folding for folding in found.foldings}
    before = dict(sources(found.whole, item.tensor))
    again = (replace(known[op.name], op=second_name(op.name, item)) for op in before[item.source])
    recomputed, foldings = (*found.recomputed, item), (*found.foldings, *again)
    return _made(found.picked, found.graph, recomputed, foldings, target)


def _worth_trying(found: Found) -> list[Recomputed]:
    """Of the tensors that wait in the largest FIFOs, the nearest smaller ones that they can be
    computed from: those first that may save most, and as many as there is time for."""
    graph = found.whole
    held: dict[str, int] = {}
    for stream, depth in zip(found.network.streams, found.depths, strict=True):
        size = stream.layout.word_bytes * depth
        held[stream.tensor] = max(held.get(stream.tensor, 0), size)
    ways = [
        (held[tensor] * (1 - prod(graph.shape(source)) / prod(graph.shape(tensor))), item)
        for op in hardware_ops(graph)
        for tensor in dict.fromkeys(op.inputs if len(op.inputs) > 1 else ())
        if held[tensor] >= SMALL_BYTES and has_other_use(graph, tensor, op.name)
        for source, _ in islice(sources(graph, tensor), NEAREST)
        if (item := Recomputed(op.name, tensor, source))
    ]
    ways.sort(key=lambda way: way[0], reverse=True)
    words = sum(stream.layout.words for stream in found.network.streams)
    return [item for saved, item in ways[: max(WORDS // words, 1)] if saved > 0]


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

    def lacks_memory(self, cost: Cost) -> bool:
        """Whether a design fits but for its memory."""
        dsp, lut, _, _, _, ff = self.limits
        fits = cost.dsp <= dsp and cost.lut <= lut and cost.ff <= ff
        return fits and self.excess(cost) > 0

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
    """The same with tensors computed twice, as long as it is memory that there is too little of,
    and it comes nearer to what there is: each time what brings it nearest."""
    while limits.lacks_memory(found.cost):
        progress("what to compute twice, and not to keep")
        best, least = found, limits.excess(found.cost) * NEARER
        for item in _worth_trying(found):
            if deadline.over:
                return best
            try:
                other = _with(found, item, target)
            except (GraphError, SimulationError):
                # Its names are taken, or it keeps no pace.
                continue
            if limits.excess(other.cost) < least:
                best, least = other, limits.excess(other.cost)
        if best is found:
            break
        found = best
    return found
