"""Integer graph + plan -> the design of a sequential accelerator."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, assert_never

import numpy as np
from numpy.typing import NDArray

from hwmap.board import Board
from hwmap.ir.graph import Graph, hardware_ops, total_macs
from hwmap.ir.interpolate import FRACTION_BITS
from hwmap.ir.ops import (
    Add,
    AveragePool,
    Concat,
    Conv,
    ConvTranspose,
    HardwareOp,
    Lookup,
    MaxPool,
    Mul,
    Resize,
    Select,
    Weighted,
)
from hwmap.ir.requantize import Requant, requant_of, window_sizes
from hwmap.sequential.design.constants import (
    bus_words,
    channel_memory_words,
    fetch_words,
    weight_memory_words,
)
from hwmap.sequential.design.steps import Fetch, StepDescriptor, StepKind
from hwmap.sequential.design.types import Design
from hwmap.sequential.design.widths import widths_of
from hwmap.sequential.engine import Engine, OpShape, run_words, shape_of, sweep_cost
from hwmap.sequential.geometry import Sweep
from hwmap.sequential.memory import TABLE_ENTRIES
from hwmap.sequential.plan import Plan, Step
from hwmap.sequential.sweeps import is_matrix


@dataclass(frozen=True)
class _Facts:
    """What every run of an op has in common. `zeros` are the zero points of its inputs, `table` is
    the number of its table."""

    op: HardwareOp
    shape: OpShape
    requant: Requant
    zeros: tuple[int, ...]
    kind: StepKind
    table: int


@dataclass(frozen=True, eq=False)
class _Constants:
    """The constants of one op as memory words, sweep by sweep, and where they lie."""

    weights: Sequence[NDArray[np.int8]]
    channels: Sequence[NDArray[np.int8]]
    place: Fetch


def build_design(graph: Graph, plan: Plan, board: Board) -> Design:
    """The design that runs the integer `graph` as `plan` says."""
    engine = plan.engine
    lookups = [op for op in hardware_ops(graph) if isinstance(op, Lookup)]
    tables = {op.name: number for number, op in enumerate(lookups)}
    facts = {op.name: _facts(op, graph, tables.get(op.name, 0)) for op in hardware_ops(graph)}
    resident, stay = _resident_constants(graph, plan, facts)
    fetched = _fetched_constants(graph, plan, facts, stay)
    steps: list[StepDescriptor] = []
    for index, step in enumerate(plan.steps):
        following = fetched.get(index + 1)
        constants = fetched.get(index) or resident.get(step.name)
        fetch = Fetch() if following is None else following.place
        addresses = _addresses(plan, index)
        if step.kind == "run":
            steps += _rows(step, facts[step.name], graph, engine, addresses, constants, fetch)
        else:
            steps.append(_stream_row(step, graph, engine, addresses[step.name], fetch))
    blobs = [bus_words(_joined([constants]), engine) for constants in fetched.values()]
    staying = bus_words(_joined(list(resident.values())), engine)
    return Design(
        name=graph.name,
        board=board.name,
        part=board.part,
        clock_mhz=board.clock_mhz,
        engine=engine,
        memory=plan.memory,
        inputs=tuple(graph.tensors[name] for name in graph.inputs),
        outputs=tuple(graph.tensors[name] for name in graph.outputs),
        steps=tuple(steps),
        resident=stay,
        resident_words=len(staying),
        dram=np.concatenate([staying, *blobs]),
        tables=np.array([graph.constants[op.table].values for op in lookups], np.int8).reshape(
            -1, TABLE_ENTRIES
        ),
        widths=widths_of(
            steps,
            {name: fact.requant for name, fact in facts.items()},
            graph,
            engine,
            board.dsp_slice,
        ),
        in_uram=plan.in_uram,
        macs=total_macs(graph),
    )


def _facts(op: HardwareOp, graph: Graph, table: int) -> _Facts:
    zeros = tuple(graph.tensors[name].integer.zero_point for name in op.inputs)
    requant = requant_of(op, graph)
    return _Facts(op, shape_of(op, graph), requant, zeros, _kind(op, graph), table)


def _joined(constants: Sequence[_Constants]) -> NDArray[np.int8]:
    """All weights, then all channel constants, as bytes."""
    parts = [part for c in constants for part in c.weights]
    parts += [part for c in constants for part in c.channels]
    return np.concatenate([np.zeros(0, np.int8), *(part.reshape(-1) for part in parts)])


Words = tuple[list[NDArray[np.int8]], list[NDArray[np.int8]]]
"""Of the weights and of the channel constants of an op, sweep by sweep."""


def _memory_words(facts: _Facts, graph: Graph, engine: Engine) -> Words:
    assert isinstance(facts.op, Weighted)
    return (
        weight_memory_words(facts.op, graph, engine, facts.shape),
        channel_memory_words(facts.op, graph, engine, facts.shape, facts.requant),
    )


def _resident_constants(
    graph: Graph, plan: Plan, facts: Mapping[str, _Facts]
) -> tuple[dict[str, _Constants], Fetch]:
    """The resident constants by op, one after the other from address 0, and all that they take."""
    found: dict[str, _Constants] = {}
    weight_top = channel_top = 0
    for name in plan.resident:
        weights, channels = _memory_words(facts[name], graph, plan.engine)
        counts = sum(map(len, weights)), sum(map(len, channels))
        place = Fetch(weight_top, counts[0], channel_top, counts[1])
        found[name] = _Constants(weights, channels, place)
        weight_top, channel_top = weight_top + counts[0], channel_top + counts[1]
    return found, Fetch(0, weight_top, 0, channel_top)


def _fetched_constants(
    graph: Graph, plan: Plan, facts: Mapping[str, _Facts], stay: Fetch
) -> dict[int, _Constants]:
    """The constants to fetch for each step: even steps from the bottom of the region above the
    resident constants, odd steps to its top, so that neighbours never overlap."""
    found: dict[int, _Constants] = {}
    for index, step in enumerate(plan.steps):
        fetched = step.kind == "run" and facts[step.name].shape.constants
        if not fetched or step.name in plan.resident:
            continue
        weights, channels = _memory_words(facts[step.name], graph, plan.engine)
        counts = sum(map(len, weights)), sum(map(len, channels))
        top = index % 2 == 1
        place = Fetch(
            plan.memory.weight_words - counts[0] if top else stay.weight_words,
            counts[0],
            plan.memory.channel_words - counts[1] if top else stay.channel_words,
            counts[1],
        )
        found[index] = _Constants(weights, channels, place)
    return found


def _addresses(plan: Plan, step: int) -> Mapping[str, int]:
    """Where every tensor lies that is on chip during `step`."""
    return {
        item.tensor: item.address_bytes
        for item in plan.retentions
        if item.start_step <= step < item.end_step
    }


def _stream_row(
    step: Step, graph: Graph, engine: Engine, address: int, fetch: Fetch
) -> StepDescriptor:
    """The row of a load or a store."""
    assert step.kind != "run"
    elements = graph.tensors[step.name].elements
    words = -(-elements // engine.bus_bytes)
    return StepDescriptor(
        source=step.name,
        instance=step.instance,
        kind=step.kind,
        trips=max(words, fetch_words(fetch, engine)),
        fetch=fetch,
        stream_address=address,
        stream_words=words,
        last_bytes=elements - (words - 1) * engine.bus_bytes,
    )


def _rows(
    step: Step,
    facts: _Facts,
    graph: Graph,
    engine: Engine,
    addresses: Mapping[str, int],
    constants: _Constants | None,
    fetch: Fetch,
) -> Iterator[StepDescriptor]:
    """The rows of a run: a row per sweep, of which the last fetches for the next step."""
    op, sweeps = facts.op, facts.shape.sweeps
    weight, channel = (
        (0, 0)
        if constants is None
        else (constants.place.weight_address, constants.place.channel_address)
    )
    for number, sweep in enumerate(sweeps):
        window, target = sweep.window, sweep.destination
        cost = sweep_cost(sweep, facts.shape, engine)
        numbers = _numbers(facts, sweep, graph)
        first = addresses[op.inputs[sweep.source]]
        second = addresses[op.inputs[1]] if isinstance(op, Add | Mul) else 0
        arriving = fetch if number == len(sweeps) - 1 else Fetch()
        yield StepDescriptor(
            source=step.name,
            instance=step.instance,
            kind=facts.kind,
            trips=max(cost.trips, fetch_words(arriving, engine)),
            first_row_address=first - window.pad_rows * window.row_bytes,
            second_source_bytes=second - first if facts.kind in ("add", "mul") else second,
            rows=window.rows,
            row_bytes=window.row_bytes,
            pad_rows=window.pad_rows,
            pad_bytes=window.pad_bytes,
            stride_rows=window.stride_rows,
            stride_row_bytes=window.stride_rows * window.row_bytes,
            stride_bytes=window.stride_bytes,
            row_step=window.row_step,
            row_step_bytes=window.row_step * window.row_bytes,
            kernel_rows=window.kernel_rows,
            runs=window.runs,
            run_words=run_words(window, engine) if facts.shape.matrix else 1,
            run_step_bytes=window.run_step_bytes,
            out_rows=target.rows,
            out_columns=target.columns,
            groups=window.groups,
            group_bytes=window.group_bytes,
            blocks=cost.blocks,
            block_bytes=0 if facts.shape.matrix else engine.vector_lanes,
            period=cost.period,
            drains=cost.drains,
            target_address=addresses[op.output] + target.first_byte,
            pixel_bytes=target.pixel_bytes,
            target_row_bytes=target.row_bytes,
            group_channels=target.channels // window.groups,
            pad_value=numbers.pad_value,
            first_operand=numbers.operand[0],
            later_operand=numbers.operand[1],
            bias=numbers.bias,
            multiplier=numbers.multiplier,
            shift=numbers.shift,
            zero_point=facts.requant.zero_point,
            low=facts.requant.low,
            high=facts.requant.high,
            table=facts.table,
            weight_address=weight,
            channel_address=channel,
            fetch=arriving,
        )
        if constants is not None:
            weight += len(constants.weights[number])
            channel += len(constants.channels[number])


def _kind(op: HardwareOp, graph: Graph) -> StepKind:
    match op:
        case Conv() | ConvTranspose():
            return "matrix" if is_matrix(op, graph) else "depthwise"
        case MaxPool() | Select():
            # A copy is the largest of one value.
            return "max_pool"
        case AveragePool() | Concat() | Resize():
            return "average_pool"
        case Add():
            return "add"
        case Mul():
            left, right = map(graph.shape, op.inputs)
            return "mul" if left == right else "scale"
        case Lookup():
            return "lookup"
        case _:
            assert_never(op)


class _Numbers(NamedTuple):
    """The integers of a sweep: its padding, factors and requantization (see `StepDescriptor`)."""

    pad_value: int
    operand: tuple[int, int] = (0, 0)
    bias: int = 0
    multiplier: int = 0
    shift: int = 0


def _numbers(facts: _Facts, sweep: Sweep, graph: Graph) -> _Numbers:
    op, zeros = facts.op, facts.zeros
    multipliers, shifts = facts.requant.multipliers, facts.requant.shifts
    match op:
        case Conv() | ConvTranspose():
            # Theirs are per channel, in the channel memory.
            return _Numbers(zeros[0])
        case MaxPool() | Select():
            return _Numbers(graph.tensors[op.inputs[0]].integer.low, multiplier=1)
        case Lookup():
            return _Numbers(zeros[0], (1, 1), multiplier=1)
        case AveragePool(kernel=(rows, columns)):
            row, column = np.argwhere(window_sizes(op, graph) == sweep.divisor)[0]
            scale = int(multipliers[row, column]), int(shifts[row, column])
            return _Numbers(zeros[0], (1, 1), -zeros[0] * rows * columns, *scale)
        case Concat():
            scale = int(multipliers[sweep.source]), int(shifts[sweep.source])
            return _Numbers(zeros[0], (1, 1), -zeros[sweep.source], *scale)
        case Resize():
            # The other axis has factors of one, which the sums here do not have.
            scale = int(multipliers[0]), int(shifts[0]) - FRACTION_BITS
            return _Numbers(zeros[0], sweep.factors, -zeros[0] * sum(sweep.factors), *scale)
        case Add():
            first, second = (int(factor) for factor in multipliers)
            bias = -(zeros[0] * first + zeros[1] * second)
            return _Numbers(zeros[0], (first, second), bias, 1, int(shifts[0]))
        case Mul():
            # Here the operands are the zero points of the factors.
            return _Numbers(zeros[0], (zeros[0], zeros[1]), 0, int(multipliers[0]), int(shifts[0]))
        case _:
            assert_never(op)
