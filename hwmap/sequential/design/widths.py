"""How wide the registers of a design must be: as wide as its steps need, and no wider."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from hwmap.dsp import LEAST_INT8, DspSlice, Packing, packing
from hwmap.ir.given import least_weight
from hwmap.ir.graph import Graph
from hwmap.ir.ops import HardwareOp, Weighted
from hwmap.ir.requantize import Requant
from hwmap.sequential.design.steps import StepDescriptor
from hwmap.sequential.engine import Engine

MOST_CENTRED = 255
"""Of an 8-bit value less its zero point."""


@dataclass(frozen=True)
class Widths:
    """Bits of counters, of trips in a step, of signed addresses of the walk, of sums with their
    bias; the largest shift of a requantizer; and how weights are packed."""

    count_bits: int
    trip_bits: int
    address_bits: int
    sum_bits: int
    most_shift: int
    packing: Packing


def widths_of(
    steps: Iterable[StepDescriptor],
    requants: Mapping[str, Requant],
    graph: Graph,
    engine: Engine,
    dsp_slice: DspSlice,
) -> Widths:
    """The widths for all `steps`, of ops with these requantizations."""
    steps = tuple(steps)
    weighted = [op for op in graph.ops if isinstance(op, Weighted)]
    sums = [_vector_bound(step) for step in steps] + [_weighted_bound(op, graph) for op in weighted]
    shifts = [step.shift for step in steps] + [
        int(requants[op.name].shifts.max()) for op in weighted
    ]
    return Widths(
        count_bits=max(max(_counts(step)) for step in steps).bit_length(),
        trip_bits=max(step.trips for step in steps).bit_length(),
        address_bits=max(_farthest(step, engine) for step in steps).bit_length() + 1,
        sum_bits=max(sums).bit_length() + 1,
        most_shift=max(*shifts, 1),
        packing=packing(dsp_slice, least_weight(graph)),
    )


def _counts(step: StepDescriptor) -> tuple[int, ...]:
    """What the counters of a step start from."""
    window = (step.run_words, step.runs, step.kernel_rows, step.period)
    return (*window, step.blocks, step.groups, step.out_columns, step.drains, step.group_channels)


def _farthest(step: StepDescriptor, engine: Engine) -> int:
    """A bound on every row, address and offset of the walk (`hls/hwmap/sequential/walker.hpp`): all
    that is added up in a direction."""
    rows = step.pad_rows + step.rows + (step.out_rows + 1) * step.stride_rows
    rows += step.kernel_rows * abs(step.row_step)
    address = abs(step.first_row_address) + (step.out_rows + 1) * step.stride_row_bytes
    address += step.kernel_rows * abs(step.row_step_bytes)
    lanes = max(engine.pe, engine.vector_lanes)
    return max(
        rows,
        address,
        abs(step.second_source_bytes),
        step.row_bytes,
        abs(step.pad_bytes) + step.out_columns * step.stride_bytes,
        step.groups * step.group_bytes,
        step.blocks * max(step.block_bytes, lanes),
        step.runs * abs(step.run_step_bytes),
        step.run_words * engine.simd,
        step.target_address + (step.out_rows + 1) * step.target_row_bytes,
        step.target_address + step.out_rows * step.target_row_bytes
        + step.out_columns * step.pixel_bytes,
        step.groups * step.group_channels + lanes,
    )  # fmt: skip


def _weighted_bound(op: HardwareOp, graph: Graph) -> int:
    """A bound on every sum of `op`, before its bias and with it, and on all that it adds up."""
    assert isinstance(op, Weighted)
    weight = np.abs(graph.constants[op.weight].values.astype(np.int64)).sum((1, 2, 3))
    bias = np.abs(graph.constants[op.bias].values.astype(np.int64))
    # The bias that the memory holds is less the zero point times any part of the weights.
    return int((MOST_CENTRED * weight + bias).max())


def _vector_bound(step: StepDescriptor) -> int:
    """The same for a step of the vector lanes without constants; any lane may hold any int8."""
    if step.kind in ("mul", "scale"):
        return MOST_CENTRED**2
    largest = max(abs(step.first_operand), abs(step.later_operand), 1)
    return -LEAST_INT8 * step.kernel_rows * step.runs * largest + abs(step.bias)
