"""The choice of candidates and foldings: integers only, all of them known before a model exists."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from math import floor

import numpy as np

from hwmap.board import Board, Budget
from hwmap.decompose.candidates import Candidate
from hwmap.ir.graph import Graph, hardware_ops, total_macs
from hwmap.ir.ops import HardwareOp
from hwmap.ir.types import Shape
from hwmap.progress import Progress
from hwmap.solve.answer import PPB, loss_ppb
from hwmap.solve.settings import Settings
from hwmap.streaming.cost import LUT_MULTIPLIER, LUTRAM_SHARE, Cost, Target
from hwmap.streaming.solve.options import Columns, Foldings

ROUTABLE = 0.8
"""The share of a board's LUTs that is planned with: a fuller one is hard to route (judgement)."""


@dataclass(frozen=True, eq=False)
class Part:
    """An op of a candidate's chain: its foldings, and which of them are fast enough."""

    name: str
    foldings: Foldings
    rows: Columns


@dataclass(frozen=True, eq=False)
class Way:
    """A candidate: what it loses, and the ops of its chain."""

    candidate: int
    loss_ppb: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Edge:
    """Words that op `writer` writes and op `reader` reads as its input `place`."""

    writer: int
    reader: int
    place: int
    shape: Shape


@dataclass(frozen=True)
class End:
    """What stands at words that op `op` reads from a port as its input `place`, or (that is None)
    writes: a fork into `copies`, ports."""

    op: int
    place: int | None
    copies: int
    sources: int
    sinks: int


@dataclass(frozen=True, eq=False)
class Problem:
    """For each op its ways, all of at most `trips`. `budget` is in the order of a `Cost`;
    `dram_bytes` can come from DRAM for an image."""

    trips: int
    ops: tuple[tuple[Way, ...], ...]
    edges: tuple[Edge, ...]
    ends: tuple[End, ...]
    loss_ppb: int
    budget: tuple[int, ...]
    memory_bytes: int
    dram_bytes: int
    target: Target


def limits_of(board: Board, budget: Budget) -> Cost:
    """What a design may take; `memory_bytes` is a limit of its own."""
    lut = min(budget.lut, floor(board.lut * ROUTABLE))
    lutram = floor(board.lut * LUTRAM_SHARE)
    return Cost(budget.dsp, lut, lutram, budget.bram18, budget.uram, budget.ff)


def fewest_trips(
    graph: Graph, candidates: Mapping[str, Sequence[Candidate]], budget: Budget
) -> int:
    """Trips below which no kernel can be the slowest: with every product that the budget has room
    for, in every cycle."""
    work = total_macs(graph) - sum(
        items[0].macs - min(item.macs for item in items) for items in candidates.values()
    )
    return max(work // (2 * budget.dsp + budget.lut // LUT_MULTIPLIER), 1)


class Choices:
    """What there is to choose from, for any number of trips."""

    def __init__(
        self,
        graph: Graph,
        candidates: Mapping[str, Sequence[Candidate]],
        settings: Settings,
        target: Target,
        progress: Progress,
    ) -> None:
        self._candidates, self._settings, self._target = candidates, settings, target
        self._ops = hardware_ops(graph)
        self._known: dict[object, Foldings] = {}
        for op in self._ops:
            progress(f"foldings of {op.name}")
            for candidate in candidates[op.name]:
                for link in hardware_ops(candidate.graph):
                    key = _shape_key(link, candidate.graph)
                    if key not in self._known:
                        self._known[key] = Foldings(link, candidate.graph, target)
        numbers = {op.output: number for number, op in enumerate(self._ops)}
        self._edges = tuple(
            Edge(numbers[tensor], reader, place, graph.shape(tensor))
            for reader, op in enumerate(self._ops)
            for place, tensor in enumerate(op.inputs)
            if tensor in numbers
        )

        self._ends = tuple(_ends(graph))

    def trips(self) -> list[int]:
        """The different trips that kernels can have."""
        return sorted(set(np.concatenate([item.trips for item in self._known.values()]).tolist()))

    def within(self, trips: int) -> Problem:
        """The problem with the foldings of at most so many trips."""
        settings = self._settings
        return Problem(
            trips,
            tuple(self._ways(op.name, trips) for op in self._ops),
            self._edges,
            self._ends,
            floor(settings.max_loss * PPB),
            astuple(limits_of(settings.board, settings.budget)),
            settings.budget.memory_bytes,
            trips * settings.board.bus_bytes,
            self._target,
        )

    def _ways(self, name: str, trips: int) -> tuple[Way, ...]:
        found = []
        for number, candidate in enumerate(self._candidates[name]):
            parts = []
            for link in hardware_ops(candidate.graph):
                foldings = self._known[_shape_key(link, candidate.graph)]
                rows = np.flatnonzero(foldings.trips <= trips)
                parts.append(Part(link.name, foldings, rows))
            if all(len(part.rows) for part in parts):
                found.append(Way(number, loss_ppb(candidate.loss), tuple(parts)))
        return tuple(found)


def _ends(graph: Graph) -> Iterator[End]:
    ops = hardware_ops(graph)
    numbers = {op.name: number for number, op in enumerate(ops)}
    for tensor in (*graph.inputs, *(op.output for op in ops)):
        copies = len(graph.readers[tensor]) + (tensor in graph.outputs)
        sinks = int(tensor in graph.outputs)
        if tensor in graph.inputs:
            # Its first reader says how it comes.
            reader = graph.readers[tensor][0]
            yield End(numbers[reader.name], reader.inputs.index(tensor), copies, 1, sinks)
        elif copies > 1 or sinks:
            yield End(numbers[graph.producers[tensor].name], None, copies, 0, sinks)


def _shape_key(op: HardwareOp, graph: Graph) -> object:
    weight = getattr(op, "weight", None)
    shape = None if weight is None else graph.constants[weight].values.shape
    own = {
        key: value
        for key, value in vars(op).items()
        if key not in ("name", "inputs", "output", "weight", "bias", "clamp", "table", "factor")
    }
    shapes = tuple(graph.shape(name) for name in op.inputs), graph.shape(op.output)
    return type(op).__name__, shape, shapes, repr(sorted(own.items()))
