"""The rows of a program: a sweep, its costs and its addresses as numbers for the engine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, assert_never

import numpy as np

from hwmap.ir.graph import Graph
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
)
from hwmap.ir.requantize import Requant, window_sizes
from hwmap.sequential.engine import Engine, SweepCost
from hwmap.sequential.geometry import Axis, Sweep
from hwmap.sequential.layout import WORD_BYTES, packed_pixels
from hwmap.sequential.network import Network
from hwmap.sequential.plan import THROUGH_DRAM, Moving
from hwmap.sequential.program import NOWHERE, Row

Pointer = Callable[[str, int], int]
"""Where row r of a tensor begins in the arena."""


class _Numbers(NamedTuple):
    """The integers of a sweep: its padding, factors and requantization (see `Row`)."""

    pad_value: int
    operand: tuple[int, int] = (0, 0)
    bias: int = 0
    multiplier: int = 0
    shift: int = 0


@dataclass(frozen=True)
class Facts:
    """What every run of an op has in common."""

    op: HardwareOp
    requant: Requant


def run_row(facts: Facts, graph: Graph, cost: SweepCost, pointer: Pointer, constants: int) -> Row:
    """The row of a run of one sweep, whose constants lie from port word `constants` on."""
    op, sweep = facts.op, cost.sweep
    numbers = _numbers(facts, sweep, graph)
    full, short = cost.chunks[0], cost.chunks[-1]
    two = len(sweep.sources) > 1
    stride = sweep.columns.stride * sweep.source_words
    column = 0 if two else sweep.source_words
    sources = _source_pointers(op, sweep, sweep.rows, pointer)
    passes = cost.passes
    return Row(
        source=op.name,
        instance=0,
        kind=sweep.kind,
        trips=cost.trips,
        source_pointers=sources,
        target_pointers=tuple(pointer(op.output, row) for row in sweep.rows.targets()),
        columns=sweep.columns.count,
        rows=sweep.rows.count,
        pixels=cost.pixels,
        stripe=cost.stripe,
        groups=sweep.groups,
        blocks=cost.blocks,
        walk_trips=cost.walk_trips,
        lead=cost.lead,
        kernel_rows=sweep.rows.taps,
        runs=cost.runs,
        run_trips=cost.run_trips,
        taps=cost.taps,
        fresh=cost.fresh,
        first=full.first,
        other=full.other,
        last=full.last,
        short_first=short.first,
        short_other=short.other,
        short_last=short.last,
        origin=sweep.source_word - sweep.columns.pad * sweep.source_words,
        pixel_words=stride,
        column_words=column,
        next_words=stride - (cost.fresh - 1) * column,
        run_words=_run_step(cost) * sweep.source_words,
        group_words=sweep.group_words,
        block_words=0 if sweep.matrix else cost.engine.vector_lanes // WORD_BYTES,
        row_words=sweep.columns.size * sweep.source_words,
        stride_rows=sweep.rows.stride,
        row_step=sweep.rows.tap_step,
        second=sweep.rows.count if two else 0,
        fixed=int(sweep.fixed),
        address=constants if sweep.weighted or cost.table_words else 0,
        weight_words=cost.weight_words or cost.table_words,
        channel_words=cost.channel_words,
        constant_words=sweep.groups * cost.blocks * cost.block_words,
        write_trips=cost.write_trips,
        slices=cost.slices,
        last_slices=cost.last_slices,
        target_origin=sweep.columns.first * sweep.target_words + sweep.target_word,
        target_pixel_words=sweep.columns.step * sweep.target_words,
        target_group_words=sweep.words,
        target_block_words=_block_words(cost),
        target_words=sweep.words,
        pad_value=numbers.pad_value,
        first_operand=numbers.operand[0],
        later_operand=numbers.operand[1],
        repeated=passes.repeated,
        bias=numbers.bias,
        multiplier=numbers.multiplier,
        shift=numbers.shift,
        zero_point=facts.requant.zero_point,
        low=facts.requant.low,
        high=facts.requant.high,
    )


def _run_step(cost: SweepCost) -> int:
    """Columns from a run (or pass) to the next."""
    return cost.sweep.columns.tap_step if cost.sweep.matrix else cost.passes.step


def _block_words(cost: SweepCost) -> int:
    size = cost.engine.pe if cost.sweep.matrix else cost.engine.vector_lanes
    return size // WORD_BYTES


def _source_pointers(op: HardwareOp, sweep: Sweep, rows: Axis, pointer: Pointer) -> tuple[int, ...]:
    """From the first row that is read to the last; of a second source behind the first's."""
    if len(sweep.sources) > 1:
        first, second = op.inputs
        own = [pointer(first, row) for row in rows.targets()]
        own += [pointer(second, row) for row in (range(1) if sweep.fixed else rows.targets())]
        return tuple(own)
    name = op.inputs[sweep.sources[0]]
    reach = (rows.count - 1) * rows.stride + (rows.taps - 1) * rows.tap_step + 1
    used = {row for taps in rows.positions() for row in taps} - {-1}
    places = (index - rows.pad for index in range(reach))
    # Rows between those of dilated taps are not there.
    return tuple(pointer(name, row) if row in used else NOWHERE for row in places)


def stream_row(
    name: str, network: Network, kind: Moving, rows: range, engine: Engine, pointer: Pointer,
    address: int,
) -> Row:  # fmt: skip
    """The row of a step that moves `rows` of a tensor in or out; from or to DRAM, where row 0 lies
    at word `address` of the bus."""
    layout, beats = network.layouts[name], network.row_beats(name, kind, engine)
    trips = len(rows) * beats
    pixels = packed_pixels(layout, engine.bus_bytes, engine.banks) if kind == "load" else 0
    pointers = tuple(pointer(name, row) for row in rows)
    comes = kind in ("load", "reload")
    return Row(
        source=name,
        instance=0,
        kind=kind,
        trips=trips,
        source_pointers=() if comes else pointers,
        target_pointers=pointers if comes else (),
        rows=len(rows),
        row_words=network.row_words(name),
        walk_trips=trips,
        ends=int(kind == "store" and rows.stop == network.graph.shape(name)[1]),
        address=address + rows.start * beats if kind in THROUGH_DRAM else 0,
        packed_pixels=pixels,
        packed_channels=layout.runs[0] if pixels else 0,
    )


def _numbers(facts: Facts, sweep: Sweep, graph: Graph) -> _Numbers:
    op, zeros = facts.op, [graph.tensors[name].integer.zero_point for name in facts.op.inputs]
    multipliers, shifts = facts.requant.multipliers, facts.requant.shifts
    match op:
        case Conv() | ConvTranspose():
            # Theirs are per channel, with their weights.
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
            number = sweep.sources[0]
            scale = int(multipliers[number]), int(shifts[number])
            return _Numbers(zeros[0], (1, 1), -zeros[number], *scale)
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
