"""Integer graph + plan -> the design of a sequential accelerator."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from hwmap.board import Board
from hwmap.cost.engine import Engine, op_cost, run_words
from hwmap.cost.memory import arena_rows
from hwmap.cost.window import Window, is_matrix, window_of
from hwmap.design.constants import bus_words, channel_memory_words, weight_memory_words
from hwmap.design.types import Design, Fetch, StepDescriptor
from hwmap.ir.graph import Graph, macs
from hwmap.ir.ops import Add, AveragePool, Conv, HardwareOp, MaxPool
from hwmap.ir.requantize import requant_of
from hwmap.solve.plan import Plan, Step


@dataclass(frozen=True, eq=False)
class _Constants:
    """The constants of one op as memory words, and where they lie."""

    weights: NDArray[np.int8]
    channels: NDArray[np.int8]
    weight_address: int
    channel_address: int

    @property
    def fetch(self) -> Fetch:
        return Fetch(
            self.weight_address, len(self.weights), self.channel_address, len(self.channels)
        )


def build_design(graph: Graph, plan: Plan, board: Board) -> Design:
    """The design that runs the integer `graph` as `plan` says."""
    engine = plan.engine
    resident, weight_top, channel_top = _resident_constants(graph, plan)
    fetched = _fetched_constants(graph, plan, weight_top, channel_top)
    steps = []
    for index, step in enumerate(plan.steps):
        constants = fetched.get(index) or resident.get(step.name)
        descriptor = _descriptor(step, index, graph, plan, constants)
        following = fetched.get(index + 1)
        steps.append(replace(descriptor, fetch=following.fetch) if following else descriptor)
    blobs = [bus_words(c.weights, c.channels, engine) for c in fetched.values()]
    stay = bus_words(
        _stack([c.weights for c in resident.values()], engine.weight_word_bytes),
        _stack([c.channels for c in resident.values()], engine.channel_word_bytes),
        engine,
    )
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
        macs=sum(macs(op, graph) for op in graph.ops),
    )


def _stack(parts: list[NDArray[np.int8]], width: int) -> NDArray[np.int8]:
    return np.concatenate([np.zeros((0, width), np.int8), *parts])


def _resident_constants(graph: Graph, plan: Plan) -> tuple[dict[str, _Constants], int, int]:
    """The resident constants by op, one after the other from address 0, and where they end."""
    found: dict[str, _Constants] = {}
    weight_top = channel_top = 0
    for name in plan.resident:
        op = graph.op(name)
        assert isinstance(op, Conv)
        weights = weight_memory_words(op, graph, plan.engine)
        channels = channel_memory_words(op, graph, plan.engine)
        found[name] = _Constants(weights, channels, weight_top, channel_top)
        weight_top += len(weights)
        channel_top += len(channels)
    return found, weight_top, channel_top


def _fetched_constants(
    graph: Graph, plan: Plan, weight_bottom: int, channel_bottom: int
) -> dict[int, _Constants]:
    """The constants to fetch for each step: even steps from the bottom of the region above the
    resident constants, odd steps to its top, so that neighbours never overlap."""
    found: dict[int, _Constants] = {}
    for index, step in enumerate(plan.steps):
        op = graph.by_name.get(step.name) if step.kind == "run" else None
        if not isinstance(op, Conv) or step.name in plan.resident:
            continue
        weights = weight_memory_words(op, graph, plan.engine)
        channels = channel_memory_words(op, graph, plan.engine)
        top = index % 2 == 1
        found[index] = _Constants(
            weights,
            channels,
            plan.weight_words - len(weights) if top else weight_bottom,
            plan.channel_words - len(channels) if top else channel_bottom,
        )
    return found


def _addresses(plan: Plan, step: int) -> Mapping[str, int]:
    """Where every tensor lies that is on chip during `step`."""
    return {
        item.tensor: item.address_bytes
        for item in plan.retentions
        if item.start_step <= step < item.end_step
    }


def _descriptor(
    step: Step, index: int, graph: Graph, plan: Plan, constants: _Constants | None
) -> StepDescriptor:
    addresses = _addresses(plan, index)
    if step.kind != "run":
        size = graph.tensors[step.name].elements
        address = addresses[step.name]
        return StepDescriptor(
            source=step.name,
            instance=step.instance,
            kind=step.kind,
            first_row_address=address if step.kind == "store" else 0,
            target_address=address if step.kind == "load" else 0,
            stream_bytes=size,
        )
    op = graph.op(step.name)
    assert isinstance(op, HardwareOp)
    moved = _geometry(op, step, graph, plan.engine, addresses)
    numbers = _numbers(op, graph, moved)
    if constants is None:
        return numbers
    return replace(
        numbers,
        weight_address=constants.weight_address,
        channel_address=constants.channel_address,
    )


def _geometry(
    op: HardwareOp, step: Step, graph: Graph, engine: Engine, addresses: Mapping[str, int]
) -> StepDescriptor:
    window = window_of(op, graph)
    cost = op_cost(op, graph, engine)
    channels, height, width = graph.shape(op.output)
    matrix = is_matrix(op, graph)
    first = addresses[op.inputs[0]]
    return StepDescriptor(
        source=step.name,
        instance=step.instance,
        kind=_kind(op, matrix),
        first_row_address=first - window.pad_rows * window.row_bytes,
        second_source_bytes=addresses[op.inputs[1]] - first if isinstance(op, Add) else 0,
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
        run_words=_run_words(window, engine, matrix=matrix),
        run_step_bytes=window.run_step_bytes,
        out_rows=height,
        out_columns=width,
        groups=window.groups,
        group_bytes=window.group_bytes,
        blocks=cost.blocks,
        block_bytes=0 if matrix else engine.vector_lanes,
        period=cost.period,
        drains=cost.drains,
        target_address=addresses[op.output],
        pixel_bytes=channels,
        group_channels=channels // window.groups,
    )


def _run_words(window: Window, engine: Engine, *, matrix: bool) -> int:
    return run_words(window, engine) if matrix else 1


def _kind(op: HardwareOp, matrix: bool) -> str:
    match op:
        case Conv():
            return "matrix" if matrix else "depthwise"
        case MaxPool():
            return "max_pool"
        case AveragePool():
            return "average_pool"
        case Add():
            return "add"
        case _:
            assert_never(op)


def _numbers(op: HardwareOp, graph: Graph, geometry: StepDescriptor) -> StepDescriptor:
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
        case Conv():
            return filled
        case MaxPool():
            return replace(filled, pad_value=graph.tensors[op.inputs[0]].integer.low, multiplier=1)
        case AveragePool(kernel=(rows, columns)):
            return replace(
                filled,
                operand=(1, 1),
                bias=-zeros[0] * rows * columns,
                multiplier=int(requant.multipliers[0]),
                shift=int(requant.shifts[0]),
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
        case _:
            assert_never(op)
