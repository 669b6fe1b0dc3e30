"""The scheduling problem of one engine: integers only, all of them known before a model exists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import floor
from typing import Literal

import numpy as np

from hwmap.blocks import BRAM18_SHAPES, URAM_SHAPE, Memory
from hwmap.board import Budget
from hwmap.decompose.candidates import Candidate
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.ir.ops import HardwareOp
from hwmap.sequential.engine import (
    DRAM_LATENCY_CYCLES,
    FETCH_FIFO_WORDS,
    Engine,
    OpShape,
    shape_cost,
    shape_of,
)
from hwmap.sequential.memory import EngineMemory, count_tables
from hwmap.sequential.plan import Kind
from hwmap.solve.answer import PPB, loss_ppb
from hwmap.solve.choices import unbeaten

MOST_MIXED_PARTS = 2


@dataclass(frozen=True)
class PartShape:
    """One op of a candidate's chain, before an engine is chosen."""

    name: str
    shape: OpShape
    output_bytes: int


@dataclass(frozen=True)
class JobOption:
    """A candidate, before an engine is chosen."""

    candidate: int
    loss_ppb: int
    parts: tuple[PartShape, ...]


@dataclass(frozen=True)
class Job:
    """A load, an op or a store. `inputs` and `output` number the tensors; a store has output -1,
    a load and a store have `stream_bytes` and no options."""

    name: str
    kind: Kind
    inputs: tuple[int, ...]
    output: int
    options: tuple[JobOption, ...]
    stream_bytes: int = 0


@dataclass(frozen=True)
class Jobs:
    """What is to be scheduled, for any engine."""

    jobs: tuple[Job, ...]
    tensor_bytes: tuple[int, ...]
    tables: int


WordKind = Literal["weight_words", "channel_words"]


@dataclass(frozen=True)
class Part:
    """One step: the trips of its last sweep, the words of its constants on chip and on the bus, the
    bytes it writes, whether its constants stay on chip (True if it has none), and the cycles of the
    sweeps before the last."""

    trips: int
    weight_words: int
    channel_words: int
    bus_words: int
    output_bytes: int
    resident: bool
    lead_cycles: int = 0

    @property
    def fetch_words(self) -> int:
        """Bus words that every run fetches."""
        return 0 if self.resident else self.bus_words

    def kept(self, kind: WordKind) -> int:
        """Words that are on chip all the time."""
        words: int = getattr(self, kind)
        return words if self.resident else 0

    def fetched(self, kind: WordKind) -> int:
        """Words that are on chip while it runs and during the step before."""
        words: int = getattr(self, kind)
        return 0 if self.resident else words


@dataclass(frozen=True)
class Option:
    """A candidate, with the constants of each of its parts resident or fetched."""

    candidate: int
    loss_ppb: int
    parts: tuple[Part, ...]

    @property
    def trips(self) -> int:
        """Trips of all parts."""
        return sum(part.trips for part in self.parts)

    @property
    def lead_cycles(self) -> int:
        """Cycles of all parts for the sweeps before their last ones."""
        return sum(part.lead_cycles for part in self.parts)

    @property
    def fetch_words(self) -> int:
        """Bus words that every run of the whole chain fetches."""
        return sum(part.fetch_words for part in self.parts)

    def kept(self, kind: WordKind) -> int:
        """Words of all parts that are on chip all the time."""
        return sum(part.kept(kind) for part in self.parts)


@dataclass(frozen=True)
class Task:
    """A job on an engine."""

    name: str
    kind: Kind
    inputs: tuple[int, ...]
    output: int
    options: tuple[Option, ...]


@dataclass(frozen=True)
class BlockShape:
    """A way to build a memory: so many blocks for every `depth` words."""

    depth: int
    bram18: int
    uram: int


@dataclass(frozen=True)
class Problem:
    """One engine's problem. A step costs `overhead_cycles` besides its trips; a run that fetches
    anything costs `startup_cycles` more per image. Memory is what `sequential/memory.py` says."""

    engine: Engine
    tasks: tuple[Task, ...]
    tensor_bytes: tuple[int, ...]
    overhead_cycles: int
    startup_cycles: int
    loss_ppb: int
    fifo_bytes: int
    fifo_words: int
    bram18: int
    uram: int
    arena: tuple[BlockShape, ...]
    weights: tuple[BlockShape, ...]
    channels: tuple[BlockShape, ...]
    fifo: tuple[BlockShape, ...]
    tables: int
    table_bytes: int
    table_words: int
    table_blocks: tuple[BlockShape, ...]


def jobs_of(graph: Graph, candidates: Mapping[str, Sequence[Candidate]]) -> Jobs:
    """The jobs of `graph`: loads first, then the ops in order, then the stores."""
    numbers = {name: index for index, name in enumerate(graph.tensors)}
    jobs = [
        Job(name, "load", (), numbers[name], (), graph.tensors[name].elements)
        for name in graph.inputs
    ]
    for op in hardware_ops(graph):
        inputs = tuple(dict.fromkeys(numbers[name] for name in op.inputs))
        methods = tuple(
            JobOption(index, loss_ppb(candidate.loss), _part_shapes(candidate))
            for index, candidate in enumerate(candidates[op.name])
        )
        jobs.append(Job(op.name, "run", inputs, numbers[op.output], methods))
    jobs += [
        Job(name, "store", (numbers[name],), -1, (), graph.tensors[name].elements)
        for name in graph.outputs
    ]
    sizes = tuple(tensor.elements for tensor in graph.tensors.values())
    return Jobs(tuple(jobs), sizes, count_tables(graph))


def _part_shapes(candidate: Candidate) -> tuple[PartShape, ...]:
    part = candidate.graph
    return tuple(
        PartShape(op.name, shape_of(op, part), part.tensors[op.output].elements)
        for op in part.ops
        if isinstance(op, HardwareOp)
    )


def build_problem(jobs: Jobs, engine: Engine, budget: Budget, max_loss: float) -> Problem:
    """The problem of `jobs` on `engine`."""
    memories = EngineMemory(0, 0, 0).memories(engine, jobs.tables)
    arena, weights, channels, fifo, table_blocks = (_block_shapes(memory) for memory in memories)
    return Problem(
        engine=engine,
        tasks=tuple(_task(job, engine) for job in jobs.jobs),
        tensor_bytes=jobs.tensor_bytes,
        overhead_cycles=engine.step_overhead_cycles,
        startup_cycles=DRAM_LATENCY_CYCLES + 1,
        loss_ppb=floor(max_loss * PPB),
        fifo_bytes=FETCH_FIFO_WORDS * engine.bus_bytes,
        fifo_words=FETCH_FIFO_WORDS,
        bram18=budget.bram18,
        uram=budget.uram,
        arena=arena,
        weights=weights,
        channels=channels,
        fifo=fifo,
        tables=jobs.tables,
        table_bytes=memories[-1].size_bytes,
        table_words=memories[-1].depth,
        table_blocks=table_blocks,
    )


def _block_shapes(memory: Memory) -> tuple[BlockShape, ...]:
    """Every way to build `memory`, of any depth."""
    shapes = [
        BlockShape(depth, memory.copies * -(-memory.width_bits // width), 0)
        for depth, width in BRAM18_SHAPES
    ]
    if memory.block_ram_only:
        return tuple(shapes)
    depth, width = URAM_SHAPE
    return (*shapes, BlockShape(depth, 0, memory.copies * -(-memory.width_bits // width)))


def _task(job: Job, engine: Engine) -> Task:
    if job.kind != "run":
        trips = -(-job.stream_bytes // engine.bus_bytes)
        written = job.stream_bytes if job.kind == "load" else 0
        option = Option(0, 0, (Part(trips, 0, 0, 0, written, True),))
        return Task(job.name, job.kind, job.inputs, job.output, (option,))
    options = [
        Option(method.candidate, method.loss_ppb, parts)
        for method in job.options
        for parts in _residencies(method, engine)
    ]
    return Task(job.name, job.kind, job.inputs, job.output, _useful(options, engine))


def _residencies(method: JobOption, engine: Engine) -> list[tuple[Part, ...]]:
    """The parts of a chain with their constants resident or fetched, in every combination; of long
    chains only all resident and all fetched, or there would be too many."""
    resident = tuple(_part(part, engine) for part in method.parts)
    fetched = tuple(replace(part, resident=part.weight_words == 0) for part in resident)
    if len(resident) > MOST_MIXED_PARTS:
        return [resident, fetched]
    pairs = zip(resident, fetched, strict=True)
    return list(product(*(dict.fromkeys(pair) for pair in pairs)))


def _useful(options: Sequence[Option], engine: Engine) -> tuple[Option, ...]:
    """Options that no other beats in cycles, loss, and everything that takes memory. The first is
    the op as it is, resident."""
    costs = np.array([_costs(option, engine) for option in options])
    return tuple(options[index] for index in sorted({0, *unbeaten(costs)}))


def _costs(option: Option, engine: Engine) -> tuple[int, ...]:
    kinds: tuple[WordKind, ...] = ("weight_words", "channel_words")
    return (
        option.trips + option.lead_cycles + engine.step_overhead_cycles * len(option.parts),
        option.loss_ppb,
        option.fetch_words,
        *(option.kept(kind) for kind in kinds),
        *(max(part.fetched(kind) for part in option.parts) for kind in kinds),
        max((part.output_bytes for part in option.parts[:-1]), default=0),
    )


def _part(part: PartShape, engine: Engine) -> Part:
    """One op of a chain, with its constants resident."""
    cost = shape_cost(part.shape, engine)
    words = (cost.trips, cost.weight_words, cost.channel_words, cost.fetch_words)
    return Part(*words, part.output_bytes, resident=True, lead_cycles=cost.lead_cycles)
