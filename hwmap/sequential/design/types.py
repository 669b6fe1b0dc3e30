"""A Design says everything about the hardware, and nothing about C++."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hwmap.ir.types import Tensor
from hwmap.sequential.engine import Engine
from hwmap.sequential.memory import EngineMemory


@dataclass(frozen=True)
class Fetch:
    """Constants that arrive while a step computes, in words of their memories."""

    weight_address: int = 0
    weight_words: int = 0
    channel_address: int = 0
    channel_words: int = 0


VectorKind = Literal["depthwise", "max_pool", "average_pool", "add", "mul", "scale", "lookup"]
StepKind = Literal["load", "matrix", "store"] | VectorKind


@dataclass(frozen=True)
class StepDescriptor:
    """One row of the table that drives the engine; the fields are those of `hls/hwmap/step.hpp`.

    `source` (the ONNX node) and `instance` are for people. Addresses and `_bytes` are bytes of the
    arena, except for those of the constant memories, which are words.
    """

    source: str
    instance: int
    kind: StepKind
    first_row_address: int = 0
    second_source_bytes: int = 0
    rows: int = 0
    row_bytes: int = 0
    pad_rows: int = 0
    pad_bytes: int = 0
    stride_rows: int = 0
    stride_row_bytes: int = 0
    stride_bytes: int = 0
    row_step: int = 0
    row_step_bytes: int = 0
    kernel_rows: int = 0
    runs: int = 0
    run_words: int = 0
    run_step_bytes: int = 0
    out_rows: int = 0
    out_columns: int = 0
    groups: int = 0
    group_bytes: int = 0
    blocks: int = 0
    block_bytes: int = 0
    period: int = 0
    drains: int = 0
    target_address: int = 0
    pixel_bytes: int = 0
    target_row_bytes: int = 0
    group_channels: int = 0
    pad_value: int = 0
    operand: tuple[int, int] = (0, 0)
    bias: int = 0
    multiplier: int = 0
    shift: int = 0
    zero_point: int = 0
    low: int = 0
    high: int = 0
    table: int = 0
    weight_address: int = 0
    channel_address: int = 0
    fetch: Fetch = Fetch()
    stream_bytes: int = 0

    @property
    def trips(self) -> int:
        """Iterations of the loop that computes (not of a load or a store)."""
        pixels = self.out_rows * self.out_columns
        return pixels * self.groups * self.blocks * self.period + self.drains


@dataclass(frozen=True, eq=False)
class Design:
    """A sequential accelerator.

    `dram` (bus words, bus_bytes) int8 holds the constants: first `resident_words` words that stay
    on chip, at address 0 of both memories; then those that are fetched per image, in order.
    `tables` (tables, 256) int8 are those of the lookups.
    """

    name: str
    board: str
    part: str
    clock_mhz: int
    engine: Engine
    memory: EngineMemory
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    steps: tuple[StepDescriptor, ...]
    resident: Fetch
    resident_words: int
    dram: NDArray[np.int8]
    tables: NDArray[np.int8]
    macs: int
