"""The scheduling problem of one engine: integers only, all of them known before a model exists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor

from hwmap.board import Budget
from hwmap.cost.engine import (
    DRAM_LATENCY_CYCLES,
    FETCH_FIFO_WORDS,
    Engine,
    OpShape,
    shape_cost,
    shape_of,
)
from hwmap.cost.memory import URAM_SHAPE
from hwmap.decompose.candidates import Candidate
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.ir.ops import HardwareOp
from hwmap.solve.plan import Kind

PPM = 1_000_000


@dataclass(frozen=True)
class PartShape:
    """One op of a candidate's chain, before an engine is chosen."""

    name: str
    shape: OpShape
    output_bytes: int


@dataclass(frozen=True)
class Method:
    """A candidate, before an engine is chosen."""

    candidate: int
    error_ppm: int
    parts: tuple[PartShape, ...]


@dataclass(frozen=True)
class Job:
    """A load, an op or a store. `inputs` and `output` number the tensors; a store has output -1,
    a load and a store have `stream_bytes` and one method without parts."""

    name: str
    kind: Kind
    inputs: tuple[int, ...]
    output: int
    methods: tuple[Method, ...]
    stream_bytes: int = 0


@dataclass(frozen=True)
class Network:
    """What is to be scheduled, for any engine."""

    jobs: tuple[Job, ...]
    tensor_bytes: tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """One step: its trips, the words of its constants, and the bytes it writes."""

    trips: int
    weight_words: int
    channel_words: int
    fetch_words: int
    output_bytes: int


@dataclass(frozen=True)
class Option:
    """A candidate, with its constants resident or fetched (`resident` is True if it has none)."""

    candidate: int
    resident: bool
    error_ppm: int
    parts: tuple[Part, ...]

    @property
    def weight_words(self) -> int:
        """Weight words of all parts."""
        return sum(part.weight_words for part in self.parts)

    @property
    def channel_words(self) -> int:
        """Channel words of all parts."""
        return sum(part.channel_words for part in self.parts)

    @property
    def trips(self) -> int:
        """Trips of all parts."""
        return sum(part.trips for part in self.parts)

    @property
    def fetch_words(self) -> int:
        """Bus words that every run of the whole chain fetches."""
        return 0 if self.resident else sum(part.fetch_words for part in self.parts)


@dataclass(frozen=True)
class Task:
    """A job on an engine."""

    name: str
    kind: Kind
    inputs: tuple[int, ...]
    output: int
    options: tuple[Option, ...]


@dataclass(frozen=True)
class MemoryUnit:
    """How a memory of some depth takes blocks: `bram18` for every 512 (arena: 2048) words, or
    `uram` for every 4096."""

    bram18_depth: int
    bram18: int
    uram: int


@dataclass(frozen=True)
class Problem:
    """One engine's problem. A step costs `overhead_cycles` besides its trips; a run that fetches
    anything costs `startup_cycles` more per image. Memory is what `cost/memory.py` says."""

    engine: Engine
    tasks: tuple[Task, ...]
    tensor_bytes: tuple[int, ...]
    overhead_cycles: int
    startup_cycles: int
    error_ppm: int
    memory_bytes: int
    fixed_bytes: int
    fixed_bram18: int
    bram18: int
    uram: int
    arena: MemoryUnit
    weights: MemoryUnit
    channels: MemoryUnit


def network_of(graph: Graph, candidates: Mapping[str, Sequence[Candidate]]) -> Network:
    """The jobs of `graph`: loads first, then the ops in order, then the stores."""
    numbers = {name: index for index, name in enumerate(graph.tensors)}
    jobs = [
        Job(name, "load", (), numbers[name], (), graph.tensors[name].elements)
        for name in graph.inputs
    ]
    for op in hardware_ops(graph):
        inputs = tuple(dict.fromkeys(numbers[name] for name in op.inputs))
        methods = tuple(
            Method(index, ceil(candidate.error * PPM), _part_shapes(candidate))
            for index, candidate in enumerate(candidates[op.name])
        )
        jobs.append(Job(op.name, "run", inputs, numbers[op.output], methods))
    jobs += [
        Job(name, "store", (numbers[name],), -1, (), graph.tensors[name].elements)
        for name in graph.outputs
    ]
    return Network(tuple(jobs), tuple(tensor.elements for tensor in graph.tensors.values()))


def _part_shapes(candidate: Candidate) -> tuple[PartShape, ...]:
    part = candidate.graph
    return tuple(
        PartShape(op.name, shape_of(op, part), part.tensors[op.output].elements)
        for op in part.ops
        if isinstance(op, HardwareOp)
    )


def build_problem(network: Network, engine: Engine, budget: Budget, max_error: float) -> Problem:
    """The problem of `network` on `engine`."""
    bus_bits = 8 * engine.bus_bytes
    bus_bram18, bus_uram = -(-bus_bits // 36), -(-bus_bits // URAM_SHAPE[1])
    weight_parts = engine.weight_word_bytes // engine.bus_bytes
    channel_parts = engine.channel_word_bytes // engine.bus_bytes
    return Problem(
        engine=engine,
        tasks=tuple(_task(job, engine) for job in network.jobs),
        tensor_bytes=network.tensor_bytes,
        overhead_cycles=engine.step_overhead_cycles,
        startup_cycles=DRAM_LATENCY_CYCLES + 1,
        error_ppm=floor(max_error * PPM),
        memory_bytes=budget.memory_bytes,
        fixed_bytes=FETCH_FIFO_WORDS * engine.bus_bytes,
        fixed_bram18=bus_bram18,
        bram18=budget.bram18,
        uram=budget.uram,
        arena=MemoryUnit(2048, engine.arena_lanes, engine.arena_lanes),
        weights=MemoryUnit(512, weight_parts * bus_bram18, weight_parts * bus_uram),
        channels=MemoryUnit(512, channel_parts * bus_bram18, channel_parts * bus_uram),
    )


def _task(job: Job, engine: Engine) -> Task:
    if job.kind != "run":
        trips = -(-job.stream_bytes // engine.bus_bytes)
        part = Part(trips, 0, 0, 0, job.stream_bytes if job.kind == "load" else 0)
        return Task(job.name, job.kind, job.inputs, job.output, (Option(0, True, 0, (part,)),))
    options = []
    for method in job.methods:
        parts = tuple(_part(part, engine) for part in method.parts)
        stays = Option(method.candidate, True, method.error_ppm, parts)
        options.append(stays)
        if stays.weight_words:
            options.append(Option(method.candidate, False, method.error_ppm, parts))
    return Task(job.name, job.kind, job.inputs, job.output, tuple(options))


def _part(part: PartShape, engine: Engine) -> Part:
    cost = shape_cost(part.shape, engine)
    return Part(
        cost.trips, cost.weight_words, cost.channel_words, cost.fetch_words, part.output_bytes
    )
