"""Integer graph + plan -> the design of a sequential accelerator, and its program."""

from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from hwmap.board import Board
from hwmap.dsp import packing
from hwmap.errors import PlanError
from hwmap.ir.graph import Graph, total_macs
from hwmap.ir.ops import HardwareOp
from hwmap.ir.requantize import requant_of
from hwmap.sequential.design.constants import constant_bytes
from hwmap.sequential.design.rows import Facts, Pointer, run_row, stream_row
from hwmap.sequential.design.types import Design
from hwmap.sequential.engine import Engine, SweepCost, part_of
from hwmap.sequential.network import Network, network_of
from hwmap.sequential.plan import THROUGH_DRAM, Held, Plan, Step, held_for
from hwmap.sequential.program import MOST_SEGMENTS, Row, Segment, encode, fits
from hwmap.sequential.program_time import (
    RowSize,
    Timed,
    step_sizes,
    step_sweeps,
    timed_rows,
)
from hwmap.sequential.spills import spill_places

MAGIC = 0x504D5748
"""The first four bytes of a program: "HWMP"."""


@dataclass(frozen=True, eq=False)
class _Blob:
    """The constants of a part of an op: of each sweep its words of the port."""

    sweeps: tuple[NDArray[np.int8], ...]

    @property
    def bytes(self) -> NDArray[np.int8]:
        return np.concatenate([part.reshape(-1) for part in self.sweeps])


def build_design(graph: Graph, plan: Plan, board: Board) -> Design:
    """The design that runs the integer `graph` as `plan` says.

    Raises:
        PlanError: a number does not fit a row of the program.
    """
    network = network_of(graph)
    graph = network.graph
    builder = _Builder(network, plan)
    once, before = builder.resident_rows()
    rows, during = builder.image_rows()
    problem = next(filter(None, map(fits, (*once, *rows))), None)
    if problem:
        raise PlanError(f"plan of '{plan.network}': {problem}")
    engine = plan.engine
    prologue, body = _stream(once, before, engine), _stream(rows, during, engine)
    header = _header(plan, len(once), len(rows), len(prologue), len(body))
    names = (*graph.inputs, *graph.outputs)
    return Design(
        name=graph.name,
        board=board.name,
        part=board.part,
        clock_mhz=board.clock_mhz,
        engine=engine,
        packing=packing(board.dsp_slice, engine.least_weight),
        arena_words=plan.arena_words,
        constant_words=plan.constant_words,
        spilled_words=builder.spilled_words,
        inputs=tuple(graph.tensors[name] for name in graph.inputs),
        outputs=tuple(graph.tensors[name] for name in graph.outputs),
        layouts={name: network.layouts[name] for name in names},
        once=once,
        rows=rows,
        program=np.concatenate([header, prologue, body]),
        in_uram=plan.in_uram,
        macs=total_macs(graph),
    )


def _header(plan: Plan, once: int, steps: int, once_words: int, words: int) -> NDArray[np.int8]:
    sizes = signature(plan.engine, plan.arena_words, plan.constant_words)
    fields = np.array([MAGIC, sizes, once, steps, once_words, words], "<u4").tobytes()
    bus_bytes = plan.engine.bus_bytes
    padded = fields + bytes(-len(fields) % bus_bytes)
    return np.frombuffer(padded, np.int8).reshape(-1, bus_bytes)


def signature(engine: Engine, arena_words: int, constant_words: int) -> int:
    """A number of the sizes that a program depends on: another engine has another one."""
    found = 0
    for size in (*astuple(engine), arena_words, constant_words):
        found = (found * 1000003 + size) & 0xFFFFFFFF
    return found


def _stream(rows: tuple[Row, ...], constants: NDArray[np.int8], engine: Engine) -> NDArray[np.int8]:
    """Rows and the constants that each fetches, as bus words."""
    parts, at = [np.zeros((0, engine.bus_bytes), np.int8)], 0
    for row in rows:
        parts += [encode(row, engine.bus_bytes), constants[at : at + row.fetch_words]]
        at += row.fetch_words
    assert at == len(constants), "all constants are fetched"
    return np.concatenate(parts)


class _Builder:
    """What the rows of one program have in common."""

    def __init__(self, network: Network, plan: Plan) -> None:
        self.network, self.graph, self.plan = network, network.graph, plan
        self.places, self.spilled_words = spill_places(plan, network)
        self.blobs: dict[tuple[str, int, int], _Blob] = {}

    def facts(self, name: str) -> Facts:
        op = self.graph.op(name)
        assert isinstance(op, HardwareOp)
        return Facts(op, requant_of(op, self.graph))

    def blob(self, name: str, first_word: int, last_word: int) -> _Blob:
        key = (name, first_word, last_word)
        if key not in self.blobs:
            facts = self.facts(name)
            op = facts.op
            layouts = self.network.layouts
            pair = layouts[op.inputs[0]], layouts[op.output]
            parts = (part_of(sweep, first_word, last_word) for sweep in self.network.sweeps[name])
            costs = [SweepCost(part, self.plan.engine) for part in parts if part is not None]
            self.blobs[key] = _Blob(
                tuple(constant_bytes(op, self.graph, pair, cost, facts.requant) for cost in costs)
            )
        return self.blobs[key]

    def _words(self, held: tuple[Held, ...]) -> NDArray[np.int8]:
        blobs = [self.blob(item.name, item.first_word, item.last_word).bytes for item in held]
        joined = np.concatenate([np.zeros(0, np.int8), *blobs])
        return joined.reshape(-1, self.plan.engine.bus_bytes)

    def _segments(self, held: tuple[Held, ...]) -> list[Segment]:
        bus = self.plan.engine.bus_bytes
        ratio = self.plan.engine.port_bytes // bus
        return [
            Segment(
                item.address_words * ratio,
                len(self.blob(item.name, item.first_word, item.last_word).bytes) // bus,
            )
            for item in held
        ]

    def resident_rows(self) -> tuple[tuple[Row, ...], NDArray[np.int8]]:
        """What loads the constants that stay."""
        held = tuple(item for item in self.plan.held if item.start_step < 0)
        segments = [s for s in self._segments(held) if s.words]
        words = self._words(held)
        ((timed,),) = timed_rows([[RowSize(0, 0, 0)]], [len(words)], segments)
        starts = range(0, len(timed.fetched), MOST_SEGMENTS)
        parts = [timed.fetched[at : at + MOST_SEGMENTS] for at in starts]
        rows = tuple(_fetching(Row("resident constants", 0, "fetch", 0), part) for part in parts)
        return rows, words

    def image_rows(self) -> tuple[tuple[Row, ...], NDArray[np.int8]]:
        """The rows of an image."""
        plan = self.plan
        held = tuple(item for item in plan.held if item.start_step >= 0)
        sizes = [step_sizes(step, self.network, plan.engine) for step in plan.steps]
        arriving = [s for s in self._segments(held) if s.words]
        timed = timed_rows(sizes, plan.fetched_words, arriving)
        rows = tuple(
            replace(row, instance=step.instance)
            for index, (step, times) in enumerate(zip(plan.steps, timed, strict=True))
            for row in self._rows(index, step, times)
        )
        return rows, self._words(held)

    def _rows(self, index: int, step: Step, times: list[Timed]) -> Iterator[Row]:
        pointer = self._pointer(index)
        engine = self.plan.engine
        if step.kind != "run":
            wanted, place = range(step.first_row, step.last_row), self.places.get(step.name, 0)
            row = stream_row(step.name, self.network, step.kind, wanted, engine, pointer, place)
            yield _fetching(row, times[0].fetched)
            return
        facts = self.facts(step.name)
        starts = self._addresses(index)
        for (number, sweep), time in zip(step_sweeps(step, self.network), times, strict=True):
            row = run_row(facts, self.graph, SweepCost(sweep, engine), pointer, starts[number])
            yield _fetching(row, time.fetched)

    def _addresses(self, index: int) -> list[int]:
        """Where the constants of each sweep of a run lie."""
        step, held = self.plan.steps[index], held_for(self.plan, index)
        first = 0 if held is None else self.plan.held[held].address_words
        sweeps = self.blob(step.name, step.first_word, step.last_word).sweeps
        return list(accumulate(map(len, sweeps), initial=first))

    def _pointer(self, index: int) -> Pointer:
        live = [item for item in self.plan.retentions if item.start_step <= index < item.end_step]
        # Of a row that comes back while it is still there, the later copy.
        live.sort(key=lambda item: -item.start_step)

        def pointer(name: str, row: int) -> int:
            width = self.network.row_words(name)
            for item in live:
                if item.tensor == name and item.first_row <= row < item.last_row:
                    return item.address_words + (row - item.first_row) * width
            raise AssertionError(f"row {row} of '{name}' is on chip: the checker has seen it")

        return pointer


def _fetching(row: Row, segments: tuple[Segment, ...]) -> Row:
    words = sum(segment.words for segment in segments)
    trips = row.trips if row.kind in THROUGH_DRAM else max(row.trips, words)
    return replace(row, fetched=segments, fetch_words=words, trips=trips)
