"""The rows of the table that drives the engine."""

from dataclasses import dataclass
from typing import Literal


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

    `source` (the ONNX node), `instance` and `out_rows` are for people and the simulator. Addresses
    and `_bytes` are bytes of the arena, except for those of the constant memories, which are words.
    `trips` are the iterations of its loop.
    """

    source: str
    instance: int
    kind: StepKind
    trips: int
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
    kernel_rows: int = 1
    runs: int = 1
    run_words: int = 1
    run_step_bytes: int = 0
    out_rows: int = 0
    out_columns: int = 1
    groups: int = 1
    group_bytes: int = 0
    blocks: int = 1
    block_bytes: int = 0
    period: int = 1
    drains: int = 0
    target_address: int = 0
    pixel_bytes: int = 0
    target_row_bytes: int = 0
    group_channels: int = 0
    pad_value: int = 0
    first_operand: int = 0
    later_operand: int = 0
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
    stream_address: int = 0
    stream_words: int = 0
    last_bytes: int = 0

    @property
    def walk_trips(self) -> int:
        """Trips with a command from the address walk; the results of the last block drain after
        them."""
        pixels = self.out_rows * self.out_columns
        return pixels * self.groups * self.blocks * self.period

    @property
    def busy_trips(self) -> int:
        """Trips that load, compute or store; the loop may run on to fetch constants."""
        return self.stream_words or self.walk_trips + self.drains
