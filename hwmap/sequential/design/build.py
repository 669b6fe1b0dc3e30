"""Integer graph + plan -> the design of a sequential accelerator."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from hwmap.board import Board
from hwmap.ir.graph import Graph, macs
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
from hwmap.ir.requantize import requant_of, window_sizes
from hwmap.sequential.design.constants import bus_words, channel_memory_words, weight_memory_words
from hwmap.sequential.design.types import Design, Fetch, StepDescriptor, StepKind
from hwmap.sequential.engine import Engine, run_words, shape_of, sweep_cost
from hwmap.sequential.geometry import Sweep
from hwmap.sequential.memory import TABLE_ENTRIES, arena_rows
from hwmap.sequential.plan import Plan, Step
from hwmap.sequential.sweeps import is_matrix, sweeps_of


@dataclass(frozen=True, eq=False)
class _Constants:
    """The constants of one op as memory words, sweep by sweep, and where they lie."""

    weights: list[NDArray[np.int8]]
    channels: list[NDArray[np.int8]]
    weight_address: int = 0
    channel_address: int = 0

    @property
    def fetch(self) -> Fetch:
        return Fetch(
            self.weight_address, self.weight_words, self.channel_address, self.channel_words
        )

    @property
    def weight_words(self) -> int:
        return sum(map(len, self.weights))

    @property
    def channel_words(self) -> int:
        return sum(map(len, self.channels))


def build_design(graph: Graph, plan: Plan, board: Board) -> Design:
    """The design that runs the integer `graph` as `plan` says."""
    engine = plan.engine
    resident, weight_top, channel_top = _resident_constants(graph, plan)
    fetched = _fetched_constants(graph, plan, weight_top, channel_top)
    tables = {op.name: number for number, op in enumerate(lookups_of(graph))}
    steps: list[StepDescriptor] = []
    for index, step in enumerate(plan.steps):
        constants = fetched.get(index) or resident.get(step.name)
        rows = _descriptors(step, index, graph, plan, constants, tables)
        following = fetched.get(index + 1)
        if following:
            rows[-1] = replace(rows[-1], fetch=following.fetch)
        steps += rows
    blobs = [bus_words(_joined([c]), engine) for c in fetched.values()]
    stay = bus_words(_joined(list(resident.values())), engine)
    return Design(
        name=graph.name,
        board=board.name,
        part=board.part,
        clock_mhz=board.clock_mhz,
        engine=engine,
        inputs=tuple(graph.tensors[name] for name in graph.inputs),
        outputs=tuple(graph.tensors[name] for name in graph.outputs),
        steps=tuple(steps),
        arena_bytes=plan.arena_bytes,
        arena_rows=arena_rows(plan.arena_bytes, engine),
        weight_words=plan.weight_words,
        channel_words=plan.channel_words,
        resident=Fetch(0, weight_top, 0, channel_top),
        resident_words=len(stay),
        dram=np.concatenate([stay, *blobs]),
        tables=np.array(
            [graph.constants[op.table].values for op in lookups_of(graph)], np.int8
        ).reshape(-1, TABLE_ENTRIES),
        macs=sum(macs(op, graph) for op in graph.ops),
    )


def lookups_of(graph: Graph) -> tuple[Lookup, ...]:
    """The lookups of a graph, in the order of their tables."""
    return tuple(op for op in graph.ops if isinstance(op, Lookup))


def _joined(constants: list[_Constants]) -> NDArray[np.int8]:
    """All weights, then all channel constants, as bytes."""
    parts = [part for c in constants for part in c.weights]
    parts += [part for c in constants for part in c.channels]
    return np.concatenate([np.zeros(0, np.int8), *(part.reshape(-1) for part in parts)])


def _made_constants(op: Weighted, graph: Graph, engine: Engine) -> _Constants:
    return _Constants(
        weight_memory_words(op, graph, engine), channel_memory_words(op, graph, engine)
    )


def _resident_constants(graph: Graph, plan: Plan) -> tuple[dict[str, _Constants], int, int]:
    """The resident constants by op, one after the other from address 0, and where they end."""
    found: dict[str, _Constants] = {}
    weight_top = channel_top = 0
    for name in plan.resident:
        op = graph.op(name)
        assert isinstance(op, Weighted)
        made = _made_constants(op, graph, plan.engine)
        found[name] = replace(made, weight_address=weight_top, channel_address=channel_top)
        weight_top += made.weight_words
        channel_top += made.channel_words
    return found, weight_top, channel_top


def _fetched_constants(
    graph: Graph, plan: Plan, weight_bottom: int, channel_bottom: int
) -> dict[int, _Constants]:
    """The constants to fetch for each step: even steps from the bottom of the region above the
    resident constants, odd steps to its top, so that neighbours never overlap."""
    found: dict[int, _Constants] = {}
    for index, step in enumerate(plan.steps):
        op = graph.by_name.get(step.name) if step.kind == "run" else None
        if not isinstance(op, Weighted) or step.name in plan.resident:
            continue
        made = _made_constants(op, graph, plan.engine)
        top = index % 2 == 1
        found[index] = replace(
            made,
            weight_address=plan.weight_words - made.weight_words if top else weight_bottom,
            channel_address=plan.channel_words - made.channel_words if top else channel_bottom,
        )
    return found


def _addresses(plan: Plan, step: int) -> Mapping[str, int]:
    """Where every tensor lies that is on chip during `step`."""
    return {
        item.tensor: item.address_bytes
        for item in plan.retentions
        if item.start_step <= step < item.end_step
    }


def _descriptors(
    step: Step,
    index: int,
    graph: Graph,
    plan: Plan,
    constants: _Constants | None,
    tables: Mapping[str, int],
) -> list[StepDescriptor]:
    """The rows of the table for one step: a row per sweep."""
    addresses = _addresses(plan, index)
    if step.kind != "run":
        address = addresses[step.name]
        return [
            StepDescriptor(
                source=step.name,
                instance=step.instance,
                kind=step.kind,
                first_row_address=address if step.kind == "store" else 0,
                target_address=address if step.kind == "load" else 0,
                stream_bytes=graph.tensors[step.name].elements,
            )
        ]
    op = graph.op(step.name)
    assert isinstance(op, HardwareOp)
    rows = []
    weight, channel = (
        (0, 0) if constants is None else (constants.weight_address, constants.channel_address)
    )
    for number, sweep in enumerate(sweeps_of(op, graph)):
        row = _geometry(op, sweep, step, graph, plan.engine, addresses)
        row = replace(row, weight_address=weight, channel_address=channel)
        rows.append(_numbers(op, sweep, graph, row, tables.get(op.name, 0)))
        if constants is not None:
            weight += len(constants.weights[number])
            channel += len(constants.channels[number])
    return rows


def _geometry(
    op: HardwareOp,
    sweep: Sweep,
    step: Step,
    graph: Graph,
    engine: Engine,
    addresses: Mapping[str, int],
) -> StepDescriptor:
    window, target = sweep.window, sweep.destination
    shape = shape_of(op, graph)
    cost = sweep_cost(sweep, shape, engine)
    first = addresses[op.inputs[sweep.source]]
    kind = _kind(op, graph)
    second = addresses[op.inputs[1]] if isinstance(op, Add | Mul) else 0
    return StepDescriptor(
        source=step.name,
        instance=step.instance,
        kind=kind,
        first_row_address=first - window.pad_rows * window.row_bytes,
        second_source_bytes=second - first if kind in ("add", "mul") else second,
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
        run_words=run_words(window, engine) if shape.matrix else 1,
        run_step_bytes=window.run_step_bytes,
        out_rows=target.rows,
        out_columns=target.columns,
        groups=window.groups,
        group_bytes=window.group_bytes,
        blocks=cost.blocks,
        block_bytes=0 if shape.matrix else engine.vector_lanes,
        period=cost.period,
        drains=cost.drains,
        target_address=addresses[op.output] + target.first_byte,
        pixel_bytes=target.pixel_bytes,
        target_row_bytes=target.row_bytes,
        group_channels=target.channels // window.groups,
    )


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


def _numbers(
    op: HardwareOp, sweep: Sweep, graph: Graph, geometry: StepDescriptor, table: int
) -> StepDescriptor:
    """`geometry` with the integers of `op`: padding, factors, requantization."""
    requant = requant_of(op, graph)
    zeros = [graph.tensors[name].integer.zero_point for name in op.inputs]
    filled = replace(
        geometry,
        pad_value=zeros[0],
        zero_point=requant.zero_point,
        low=requant.low,
        high=requant.high,
    )
    match op:
        case Conv() | ConvTranspose():
            return filled
        case MaxPool() | Select():
            lowest = graph.tensors[op.inputs[0]].integer.low
            return replace(filled, pad_value=lowest, multiplier=1)
        case Lookup():
            return replace(filled, operand=(1, 1), multiplier=1, table=table)
        case AveragePool(kernel=(rows, columns)):
            sizes = window_sizes(op, graph)
            row, column = np.argwhere(sizes == sweep.divisor)[0]
            return replace(
                filled,
                operand=(1, 1),
                bias=-zeros[0] * rows * columns,
                multiplier=int(requant.multipliers[row, column]),
                shift=int(requant.shifts[row, column]),
            )
        case Concat():
            number = sweep.source
            return replace(
                filled,
                operand=(1, 1),
                bias=-zeros[number],
                multiplier=int(requant.multipliers[number]),
                shift=int(requant.shifts[number]),
            )
        case Resize():
            # The other axis has factors of one, which the sums here do not have.
            return replace(
                filled,
                operand=sweep.factors,
                bias=-zeros[0] * sum(sweep.factors),
                multiplier=int(requant.multipliers[0]),
                shift=int(requant.shifts[0]) - FRACTION_BITS,
            )
        case Add():
            first, second = (int(factor) for factor in requant.multipliers)
            return replace(
                filled,
                operand=(first, second),
                bias=-(zeros[0] * first + zeros[1] * second),
                multiplier=1,
                shift=int(requant.shifts[0]),
            )
        case Mul():
            # Here the operands are the zero points of the factors.
            return replace(
                filled,
                operand=(zeros[0], zeros[1]),
                multiplier=int(requant.multipliers[0]),
                shift=int(requant.shifts[0]),
            )
        case _:
            assert_never(op)
