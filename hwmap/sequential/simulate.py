"""Simulates a sequential design: bit- and cycle-exact, on a real arena and real memories.

It reads nothing but the step table and the DRAM image of the `Design`, like the hardware. Values
are moved with numpy, a step at a time; the constants that a step fetches arrive before it computes,
which is the worst order: a table that overwrites what a step still needs gives wrong values.

Time follows from the loops. Trip k of a step runs at c[k] = c[k-1] + 1, and a trip that takes word
j from the DRAM FIFO waits for it:

    c[k] >= written[j] + 1,    written[j] = max(written[j-1] + 1, read[j - depth] + 1)
"""

from collections.abc import Iterator, Mapping
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from hwmap.errors import SimulationError
from hwmap.files.words import CHANNEL_BYTES, channel_fields
from hwmap.ir.requantize import rescale
from hwmap.ir.types import Array, Integers
from hwmap.sequential.design.constants import fetch_words
from hwmap.sequential.design.steps import Fetch, StepDescriptor, VectorKind
from hwmap.sequential.design.types import Design
from hwmap.sequential.engine import DRAM_LATENCY_CYCLES, FETCH_FIFO_WORDS
from hwmap.sequential.result import SimResult, StepTime

CHUNK = 16
UNWRITTEN = 0x5A


class _Machine:
    """The memories of the accelerator, for a batch of images at once."""

    def __init__(self, design: Design, images: int) -> None:
        engine = design.engine
        self.design = design
        self.engine = engine
        self.guard = engine.arena_lanes
        size = design.memory.arena_rows(engine) * engine.arena_lanes
        self.arena = np.full((images, size), UNWRITTEN, np.int8)
        self.weights = np.zeros((design.memory.weight_words, engine.weight_word_bytes), np.int8)
        self.channels = np.zeros((design.memory.channel_words, engine.channel_word_bytes), np.int8)
        self.next_word = 0
        self.peak = 0

    def fetch(self, fetch: Fetch) -> int:
        """Take `fetch` from DRAM into the memories; how many bus words it was."""
        bus = self.engine.bus_bytes
        words = 0
        for memory, address, count in (
            (self.weights, fetch.weight_address, fetch.weight_words),
            (self.channels, fetch.channel_address, fetch.channel_words),
        ):
            if address + count > len(memory):
                raise SimulationError(
                    f"constants at [{address}, {address + count}) of a memory of"
                    f" {len(memory)} words"
                )
            taken = count * memory.shape[1] // bus
            blob = self.design.dram[self.next_word : self.next_word + taken]
            memory[address : address + count] = blob.reshape(count, memory.shape[1])
            self.next_word += taken
            words += taken
        return words

    def read(self, addresses: Integers) -> NDArray[np.int8]:
        """The bytes at `addresses`, for every image: (images, *addresses.shape)."""
        return self.arena[:, addresses + self.guard]

    def write(self, addresses: Integers, values: Integers) -> None:
        """Write `values` (images, *addresses.shape)."""
        if addresses.min() < 0 or addresses.max() >= self.design.memory.arena_bytes:
            raise SimulationError(
                f"a write to byte {int(addresses.max())} of an arena of"
                f" {self.design.memory.arena_bytes} bytes"
            )
        self.arena[:, addresses + self.guard] = values.astype(np.int8)
        self.peak = max(self.peak, int(addresses.max()) + 1)


def simulate(design: Design, inputs: Mapping[str, Array]) -> SimResult:
    """Run `design` on integer `inputs` (N, C, H, W), as the input tensors are quantized."""
    count = len(next(iter(inputs.values())))
    parts: dict[str, list[Integers]] = {tensor.name: [] for tensor in design.outputs}
    peak = 0
    for start in range(0, count, CHUNK):
        chunk = {name: values[start : start + CHUNK] for name, values in inputs.items()}
        outputs, peak = _run(design, chunk)
        for name, values in outputs.items():
            parts[name].append(values)
    ((steps, stalls),) = time_lines(design, 1)
    return SimResult(
        outputs={name: np.concatenate(values) for name, values in parts.items()},
        clock_mhz=design.clock_mhz,
        steps=steps,
        cycles=steps[-1].end_cycle,
        stalls=stalls,
        peak_bytes=peak,
    )


def _run(design: Design, inputs: Mapping[str, Array]) -> tuple[dict[str, Integers], int]:
    machine = _Machine(design, len(next(iter(inputs.values()))))
    machine.fetch(design.resident)
    shapes = {tensor.name: tensor.shape for tensor in (*design.inputs, *design.outputs)}
    outputs: dict[str, Integers] = {}
    for step in design.steps:
        machine.fetch(step.fetch)
        match step.kind:
            case "load":
                # The stream moves (height, width, channels).
                moved = inputs[step.source].transpose(0, 2, 3, 1)
                values = moved.reshape(len(moved), -1).astype(np.int64)
                machine.write(step.stream_address + np.arange(values.shape[1]), values)
            case "store":
                channels, height, width = shapes[step.source]
                addresses = step.stream_address + np.arange(channels * height * width)
                rows = machine.read(addresses).reshape(-1, height, width, channels)
                outputs[step.source] = rows.transpose(0, 3, 1, 2).astype(np.int64)
            case "matrix":
                _run_matrix(step, machine)
            case kind:
                _run_vector(step, kind, machine)
    if machine.next_word != len(design.dram):
        raise SimulationError(f"{len(design.dram) - machine.next_word} DRAM words were not fetched")
    return outputs, machine.peak


def _terms(step: StepDescriptor, lanes: Integers, group: int) -> tuple[Integers, NDArray[np.bool_]]:
    """Addresses of all terms (pixels, kernel rows, runs, words, lanes), and which are inside."""
    row, column, tap, run, word, lane = np.ix_(
        *(np.arange(n) for n in (step.out_rows, step.out_columns, step.kernel_rows, step.runs)),
        np.arange(step.run_words),
        lanes,
    )
    source_row = row * step.stride_rows - step.pad_rows + tap * step.row_step
    begin = step.first_row_address + row * step.stride_row_bytes + tap * step.row_step_bytes
    if step.kind in ("add", "mul"):
        begin = begin + (run > 0) * step.second_source_bytes
    offset = column * step.stride_bytes - step.pad_bytes + run * step.run_step_bytes
    offset = offset + group * step.group_bytes + word * len(lanes) + lane
    inside = (source_row >= 0) & (source_row < step.rows)
    inside = inside & (offset >= 0) & (offset < step.row_bytes)
    shape = (step.out_rows * step.out_columns, *inside.shape[2:])
    addresses = np.where(inside, begin + offset, 0)
    return addresses.reshape(shape), inside.reshape(shape)


def _gather(
    step: StepDescriptor, machine: _Machine, lanes: Integers, group: int
) -> NDArray[np.int8]:
    """The bytes of all terms, with padding: (images, pixels, kernel rows, runs, words, lanes)."""
    addresses, inside = _terms(step, lanes, group)
    return np.where(inside, machine.read(addresses), np.int8(step.pad_value))


def _run_matrix(step: StepDescriptor, machine: _Machine) -> None:
    engine = machine.engine
    terms = step.kernel_rows * step.runs * step.run_words
    for group in range(step.groups):
        x = _gather(step, machine, np.arange(engine.simd), group)
        flat = x.reshape(len(x), step.out_rows * step.out_columns, -1).astype(np.float64)
        first = step.weight_address + group * step.blocks * terms
        words = machine.weights[first : first + step.blocks * terms]
        weights = words.reshape(step.blocks, terms, engine.pe, engine.simd).transpose(0, 2, 1, 3)
        # Sums of int8 products are far below 2**53: float64 is exact.
        sums = flat @ weights.reshape(step.blocks * engine.pe, -1).T.astype(np.float64)
        _finish(step, machine, sums.astype(np.int64), group)


def _run_vector(step: StepDescriptor, kind: VectorKind, machine: _Machine) -> None:
    channels = step.group_channels
    x = _gather(step, machine, np.arange(channels), 0).astype(np.int64)
    x = x.reshape(len(x), step.out_rows * step.out_columns, -1, channels)
    match kind:
        case "max_pool":
            sums = x.max(2)
        case "mul":
            sums = (x[:, :, 0] - step.first_operand) * (x[:, :, 1] - step.later_operand)
        case "scale":
            per_channel = machine.read(step.second_source_bytes + np.arange(channels))
            factor = per_channel[:, None].astype(np.int64) - step.later_operand
            sums = (x[:, :, 0] - step.first_operand) * factor
        case "depthwise":
            sums = (x * _vector_weights(step, machine)).sum(2)
        case "average_pool" | "add" | "lookup":
            factors = np.full(step.kernel_rows * step.runs, step.later_operand)
            factors[0] = step.first_operand
            sums = (x * factors[:, None]).sum(2)
        case _:
            assert_never(kind)
    _finish(step, machine, sums, 0)


def _vector_weights(step: StepDescriptor, machine: _Machine) -> Integers:
    """Depthwise weights (taps, channels) from the slices of the weight words."""
    lanes = machine.engine.vector_lanes
    taps = step.kernel_rows * step.runs
    slices = machine.weights[step.weight_address :].reshape(-1, lanes)[: step.blocks * taps]
    by_tap = slices.reshape(step.blocks, taps, lanes).transpose(1, 0, 2).reshape(taps, -1)
    return by_tap[:, : step.group_channels].astype(np.int64)


def _finish(step: StepDescriptor, machine: _Machine, sums: Integers, group: int) -> None:
    """Requantize `sums` (images, pixels, lanes) and write the channels that exist."""
    channels = step.group_channels
    bias, multiplier, shift = _channel_constants(step, machine, group)
    scaled = rescale(sums[..., :channels] + bias, multiplier, shift)
    values = np.clip(scaled + step.zero_point, step.low, step.high)
    if step.kind == "lookup":
        values = machine.design.tables[step.table][values + 128].astype(np.int64)
    rows = np.arange(step.out_rows)[:, None] * step.target_row_bytes
    pixels = (rows + np.arange(step.out_columns) * step.pixel_bytes).reshape(-1, 1)
    target = step.target_address + pixels + group * channels + np.arange(channels)
    machine.write(target, values)


def _channel_constants(
    step: StepDescriptor, machine: _Machine, group: int
) -> tuple[Integers, Integers, Integers]:
    if step.kind not in ("matrix", "depthwise"):
        return np.array(step.bias), np.array(step.multiplier), np.array(step.shift)
    count = step.blocks * step.drains
    first = step.channel_address + group * count
    entries = machine.channels[first : first + count].reshape(-1, CHANNEL_BYTES)
    return channel_fields(entries[: step.group_channels])


def time_lines(design: Design, images: int) -> Iterator[tuple[tuple[StepTime, ...], int]]:
    """When every step of each of some images in a row starts and ends, counted from the image's
    start, and the cycles spent waiting for constants. The first image begins when the constants
    that stay on chip are there; the others find the FIFO full."""
    engine = design.engine
    fetches = len(design.dram) > design.resident_words
    fifo = _Fifo()
    end = 0
    for _ in range(images):
        began = start = end
        ready = fifo.begin_burst() if fetches else 0
        stalls = 0
        steps: list[StepTime] = []
        for step in design.steps:
            fetched = fetch_words(step.fetch, engine)
            begin = max(start, ready) + engine.step_overhead_cycles
            end = fifo.read(begin, fetched) + max(step.busy_trips - fetched, 0)
            stalls += end - begin - step.busy_trips
            steps.append(
                StepTime(
                    source=step.source,
                    kind=step.kind,
                    instance=step.instance,
                    start_cycle=start - began,
                    end_cycle=end - began,
                    compute_trips=step.busy_trips,
                    fetch_words=fetched,
                    cycles=end - start,
                )
            )
            start = end
        yield tuple(steps), stalls


class _Fifo:
    """The FIFO from DRAM: a burst fills it at a word per cycle, unless it is full."""

    def __init__(self) -> None:
        self.last_written = -1
        self.reads = np.full(FETCH_FIFO_WORDS, -1, np.int64)

    def begin_burst(self) -> int:
        """The cycle on which the first word of the next burst can be read."""
        self.last_written += DRAM_LATENCY_CYCLES
        return max(self.last_written + 1, int(self.reads[0]) + 1) + 1

    def read(self, now: int, words: int) -> int:
        """The cycle of the last of `words` reads, one per cycle from the cycle after `now` on."""
        for start in range(0, words, FETCH_FIFO_WORDS):
            count = min(FETCH_FIFO_WORDS, words - start)
            index = np.arange(count)
            freed = np.maximum(self.reads[:count] + 1, 0)
            freed[0] = max(freed[0], self.last_written + 1)
            written = np.maximum.accumulate(freed - index) + index
            wanted = written + 1
            wanted[0] = max(wanted[0], now + 1)
            read = np.maximum.accumulate(wanted - index) + index
            self.last_written = int(written[-1])
            self.reads = np.concatenate([self.reads[count:], read])
            now = int(read[-1])
        return now
