"""Neighbours that fit: foldings are exchanged for as fast ones that need fewer kernels between
them to regroup words."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from hwmap.ir.graph import Graph, hardware_ops
from hwmap.streaming.cost import Target, unit_cost
from hwmap.streaming.folding import Folding
from hwmap.streaming.layout import Layout
from hwmap.streaming.network import conversions
from hwmap.streaming.solve.options import Options
from hwmap.streaming.timetable import schedule_of

Costs = NDArray[np.int64]
TURNS = 6
OVER = 1000
"""How many times as much a resource weighs that there is too much of."""
NEVER = 1 << 28
"""LUTs of a regrouping that takes too many trips."""


@dataclass(frozen=True, eq=False)
class _Op:
    """Foldings of an op that are fast enough, what they cost, and the words that each reads and
    writes."""

    foldings: tuple[Folding, ...]
    costs: Costs
    sources: tuple[tuple[Layout, ...], ...]
    targets: tuple[Layout, ...]


class _Between:
    """What regrouping costs, remembered."""

    def __init__(self, trips: int, target: Target) -> None:
        self._trips = trips
        self._target = target
        self._known: dict[tuple[Layout, Layout], Costs] = {}

    def cost(self, have: Layout, wanted: Layout) -> Costs:
        """From one layout to another."""
        if (have, wanted) not in self._known:
            found = np.zeros(5, np.int64)
            for unit in conversions(have, wanted):
                found += np.array(astuple(unit_cost(unit, 8, self._target)))
                if schedule_of(unit).trips > self._trips:
                    found[1] += NEVER
            self._known[have, wanted] = found
        return self._known[have, wanted]


def improve(
    graph: Graph,
    options: Mapping[str, Options],
    chosen: Mapping[str, int],
    trips: int,
    budget: Sequence[int],
    target: Target,
) -> tuple[dict[str, Folding], tuple[int, ...]]:
    """Foldings of at most `trips` for every op, from those `chosen` on, and what they take: op by
    op the one that takes least of the `budget` together with what its words need on the way, until
    none is better."""
    between = _Between(trips, target)
    ops, at = {}, {}
    for op in hardware_ops(graph):
        known = options[op.name]
        fast = np.flatnonzero(known.costs[:, 0] <= trips)
        foldings = tuple(known.foldings[index] for index in fast)
        ops[op.name] = _Op(
            foldings,
            known.costs[fast, 1:],
            tuple(known.sources[index] for index in fast),
            tuple(known.targets[index] for index in fast),
        )
        at[op.name] = int(np.flatnonzero(fast == chosen[op.name])[0])
    most = np.array(budget)
    used = _used(graph, ops, at, between)
    for _ in range(TURNS):
        before = dict(at)
        for op in hardware_ops(graph):
            own = _own(op.name, graph, ops, at, between)
            found = own + (used - own[at[op.name]])
            share = found / np.maximum(most, 1)
            weight = share.sum(1) + OVER * np.maximum(share - 1, 0).sum(1)
            best = int(weight.argmin())
            if weight[best] < weight[at[op.name]]:
                at[op.name], used = best, found[best]
        if at == before:
            break
    taken = tuple(int(part) for part in used)
    return {name: ops[name].foldings[index] for name, index in at.items()}, taken


def _used(graph: Graph, ops: Mapping[str, _Op], at: Mapping[str, int], between: _Between) -> Costs:
    """What all ops take now, and the words between them."""
    found = sum((ops[name].costs[index] for name, index in at.items()), np.zeros(5, np.int64))
    for op in hardware_ops(graph):
        for place, tensor in enumerate(op.inputs):
            wanted = ops[op.name].sources[at[op.name]][place]
            have = _written(tensor, graph, ops, at)
            if have is not None:
                found = found + between.cost(have, wanted)
    return found


def _written(
    tensor: str, graph: Graph, ops: Mapping[str, _Op], at: Mapping[str, int]
) -> Layout | None:
    """How a tensor is laid out; None if it is what its reader wants."""
    producer = graph.producers.get(tensor)
    if producer is not None:
        return ops[producer.name].targets[at[producer.name]]
    first = graph.readers[tensor][0]
    return ops[first.name].sources[at[first.name]][first.inputs.index(tensor)]


def _own(
    name: str, graph: Graph, ops: Mapping[str, _Op], at: Mapping[str, int], between: _Between
) -> Costs:
    """What each folding of an op takes, with the words that it reads and writes."""
    op, own = graph.op(name), ops[name]
    found = own.costs.copy()
    readers = [
        ops[reader.name].sources[at[reader.name]][place]
        for reader in dict.fromkeys(graph.readers[op.output])
        for place, tensor in enumerate(reader.inputs)
        if tensor == op.output
    ]
    given = [
        None if graph.producers.get(tensor) is None else _written(tensor, graph, ops, at)
        for tensor in op.inputs
    ]
    for index, (sources, target) in enumerate(zip(own.sources, own.targets, strict=True)):
        for have, wanted in zip(given, sources, strict=True):
            if have is not None:
                found[index] += between.cost(have, wanted)
        for wanted in readers:
            found[index] += between.cost(target, wanted)
    return found
