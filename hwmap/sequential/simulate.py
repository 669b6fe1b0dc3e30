"""Simulates a sequential design: bit- and cycle-exact, on a real arena and real memories.

It reads nothing but the bytes of the program, like the hardware. Values are moved with numpy, a row
of the program at a time; the constants that a row fetches arrive before it computes, which is the
worst order: a program that overwrites what a step still needs gives wrong values. Time is
`timeline.py`.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hwmap.errors import SimulationError
from hwmap.files.words import CHANNEL_BYTES, channel_fields
from hwmap.ir.requantize import rescale
from hwmap.ir.types import Array, Integers
from hwmap.sequential.design.types import Design
from hwmap.sequential.geometry import TAPS
from hwmap.sequential.layout import WORD_BYTES, words_of
from hwmap.sequential.program import HEADER_BYTES, NOWHERE, Row, Segment, decode
from hwmap.sequential.result import SimResult
from hwmap.sequential.timeline import time_lines

CHUNK = 16
UNWRITTEN = 0x5A


class _Machine:
    """The memories of the accelerator, for a batch of images at once."""

    def __init__(self, design: Design, images: int) -> None:
        engine = design.engine
        self.engine = engine
        self.arena = np.full((images, design.arena_words, WORD_BYTES), UNWRITTEN, np.int8)
        self.constants = np.full(
            (design.constant_words * engine.port_bytes // engine.bus_bytes, engine.bus_bytes),
            UNWRITTEN,
            np.int8,
        )
        # Rows of tensors that wait in DRAM.
        dram = (images, design.spilled_words, engine.bus_bytes)
        self.dram = np.full(dram, UNWRITTEN, np.int8)
        self.peak = 0

    def fetch(self, segments: tuple[Segment, ...], words: NDArray[np.int8]) -> None:
        """Move `words` of the bus into the constant memory."""
        at = 0
        for segment in segments:
            if segment.address + segment.words > len(self.constants):
                raise SimulationError(
                    f"constants at [{segment.address}, {segment.address + segment.words}) of a"
                    f" memory of {len(self.constants)} bus words"
                )
            target = slice(segment.address, segment.address + segment.words)
            self.constants[target] = words[at : at + segment.words]
            at += segment.words

    def words(self, segment: Segment) -> NDArray[np.int8]:
        """Bus words of the constant memory."""
        return self.constants[segment.address : segment.address + segment.words]

    def port_bytes(self, address: int, words: int) -> NDArray[np.int8]:
        """The bytes of port words of the constant memory."""
        flat = self.constants.reshape(-1, self.engine.port_bytes)
        if address + words > len(flat):
            raise SimulationError(f"port word {address + words} of a memory of {len(flat)} is read")
        return flat[address : address + words].reshape(-1)

    def read(self, words: Integers) -> NDArray[np.int8]:
        """The bytes of the words at these addresses: (images, *addresses.shape, 8). A read may
        reach beyond the arena, as a word of zeros; nothing takes its value."""
        inside = np.minimum(words, len(self.arena[0]) - 1)
        return self.arena[:, inside]

    def write(self, words: Integers, values: NDArray[np.int8]) -> None:
        """Write `values` (images, *addresses.shape, 8)."""
        if words.min() < 0 or words.max() >= len(self.arena[0]):
            raise SimulationError(
                f"a write to word {int(words.max())} of an arena of {len(self.arena[0])} words"
            )
        self.arena[:, words] = values
        self.peak = max(self.peak, int(words.max()) + 1)


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
        peak_bytes=peak * WORD_BYTES,
    )


class _Program:
    """The program's words, taken one after the other."""

    def __init__(self, design: Design) -> None:
        self.words, self.bus = design.program, design.engine.bus_bytes
        size = -(-HEADER_BYTES // self.bus)
        header = np.frombuffer(self.words[:size].tobytes(), "<u4")
        self.once, self.steps = int(header[2]), int(header[3])
        self.at = size

    def row(self) -> tuple[Row, NDArray[np.int8]]:
        """The next row, and the constants behind it."""
        row, count = decode(self.words[self.at :], self.bus)
        first = self.at + count
        self.at = first + row.fetch_words
        return row, self.words[first : self.at]


def _run(design: Design, inputs: Mapping[str, Array]) -> tuple[dict[str, Integers], int]:
    machine = _Machine(design, len(next(iter(inputs.values()))))
    program = _Program(design)
    streams = _Streams(design, inputs)
    resident: list[tuple[Segment, NDArray[np.int8]]] = []
    for step in range(program.once + program.steps):
        row, constants = program.row()
        machine.fetch(row.fetched, constants)
        if step < program.once:
            resident += [(own, machine.words(own).copy()) for own in row.fetched]
        match row.kind:
            case "fetch":
                pass
            case "load":
                words = _row_words(row.target_pointers, row.row_words)
                machine.write(words, streams.load(words.size))
            case "store":
                streams.store(machine.read(_row_words(row.source_pointers, row.row_words)))
            case "spill":
                words = _row_words(row.source_pointers, row.row_words)
                _waiting(row, machine)[...] = machine.read(words).reshape(
                    len(machine.dram), row.rows, -1
                )
            case "reload":
                words = _row_words(row.target_pointers, row.row_words)
                waited = _waiting(row, machine).reshape(len(machine.dram), -1, WORD_BYTES)
                machine.write(words, waited)
            case _:
                _check_blocks(row)
                (_run_matrix if row.kind == "matrix" else _run_vector)(row, machine)
    if program.at != len(design.program):
        raise SimulationError(f"{len(design.program) - program.at} words of the program are left")
    for own, loaded in resident:
        if not np.array_equal(machine.words(own), loaded):
            raise SimulationError(
                f"constants at {own.address} that the next image wants are overwritten"
            )
    return streams.outputs(), machine.peak


class _Streams:
    """What goes in and comes out: words of pixels, in the order of the program."""

    def __init__(self, design: Design, inputs: Mapping[str, Array]) -> None:
        self.design = design
        loads = dict.fromkeys(row.source for row in design.rows if row.kind == "load")
        self.stores = dict.fromkeys(row.source for row in design.rows if row.kind == "store")
        parts = [to_words(inputs[name], design.layouts[name].places) for name in loads]
        self.source = np.concatenate(parts, axis=1)
        self.at = 0
        self.found: list[NDArray[np.int8]] = []

    def load(self, words: int) -> NDArray[np.int8]:
        found = self.source[:, self.at : self.at + words]
        self.at += words
        return found

    def store(self, words: NDArray[np.int8]) -> None:
        self.found.append(words)

    def outputs(self) -> dict[str, Integers]:
        stream = np.concatenate(self.found, axis=1)
        shapes = {tensor.name: tensor.shape for tensor in self.design.outputs}
        found, at = {}, 0
        for name in self.stores:
            layout, (_, height, width) = self.design.layouts[name], shapes[name]
            words = height * width * layout.words
            pixels = stream[:, at : at + words].reshape(len(stream), height, width, -1)
            found[name] = pixels[..., layout.places].transpose(0, 3, 1, 2).astype(np.int64)
            at += words
        return found


def to_words(values: Array, places: NDArray[np.int64]) -> NDArray[np.int8]:
    """Tensors (N, C, H, W) as words (N, words, 8): pixel after pixel, channels at `places`."""
    count, _, height, width = values.shape
    size = words_of(int(places[-1]) + 1) * WORD_BYTES
    found = np.zeros((count, height, width, size), np.int8)
    found[..., places] = values.transpose(0, 2, 3, 1)
    return found.reshape(count, -1, WORD_BYTES)


def _row_words(pointers: tuple[int, ...], row_words: int) -> Integers:
    """The words of whole rows."""
    return (np.array(pointers)[:, None] + np.arange(row_words)).reshape(-1)


def _waiting(row: Row, machine: _Machine) -> NDArray[np.int8]:
    """The bytes in DRAM of the rows that a spill or a reload moves: (images, rows, bytes)."""
    bus = machine.engine.bus_bytes
    beats = -(-row.row_words * WORD_BYTES // bus)
    if row.address + row.rows * beats > machine.dram.shape[1]:
        raise SimulationError(f"word {row.address} of DRAM is outside what the program has there")
    words = machine.dram[:, row.address : row.address + row.rows * beats]
    rows = words.reshape(len(words), row.rows, beats * bus)
    return rows[:, :, : row.row_words * WORD_BYTES]


def _gather(row: Row, machine: _Machine, pointers: Integers, offsets: Integers) -> NDArray[np.int8]:
    """The bytes of words `offsets` of the rows at `pointers` (broadcast), or padding:
    (images, *shape, 8)."""
    pointers, offsets = np.broadcast_arrays(pointers, offsets)
    inside = (pointers != NOWHERE) & (offsets >= 0) & (offsets < row.row_words)
    words = machine.read(np.where(inside, pointers + offsets, 0))
    return np.where(inside[..., None], words, np.int8(row.pad_value))


def _window(row: Row) -> tuple[Integers, Integers]:
    """Of every (output row, kernel row) the pointer, of every column the first word."""
    index = np.arange(row.rows)[:, None] * row.stride_rows
    index = index + np.arange(row.kernel_rows) * row.row_step
    pointers = np.array(row.source_pointers, np.int64)[index]
    return pointers, row.origin + np.arange(row.columns) * row.pixel_words


def _check_blocks(row: Row) -> None:
    """Raise if the results of a block could not leave while the next one is computed."""
    terms = row.kernel_rows * row.runs * row.run_trips
    for first, other, last in (
        (row.first, row.other, row.last),
        (row.short_first, row.short_other, row.short_last),
    ):
        trips = last if terms == 1 else first + (terms - 2) * other + last
        if trips < row.stripe * row.slices:
            raise SimulationError(
                f"a block takes {trips} trips, its results {row.stripe * row.slices}"
            )


def _run_matrix(row: Row, machine: _Machine) -> None:
    engine = machine.engine
    terms = row.kernel_rows * row.runs * row.run_trips
    block_words = terms * row.weight_words + row.channel_words
    pointers, columns = _window(row)
    lane = np.arange(row.run_trips * engine.simd // WORD_BYTES)
    for group in range(row.groups):
        run = np.arange(row.runs)[:, None] * row.run_words + group * row.group_words + lane
        offsets = columns[None, :, None, None, None] + run
        x = _gather(row, machine, pointers[:, None, :, None, None], offsets)
        flat = x.reshape(len(x), row.rows * row.columns, -1).astype(np.float64)
        sums, channels = [], []
        for block in range(row.blocks):
            at = row.address + (group * row.blocks + block) * block_words
            data = machine.port_bytes(at, block_words)
            first = row.weight_words * engine.port_bytes
            behind = first + row.channel_words * engine.port_bytes
            channels.append(data[first : first + engine.pe * CHANNEL_BYTES])
            weights = np.concatenate([data[:first], data[behind:]])
            weights = weights.reshape(terms, -1)[:, : engine.pe * engine.simd]
            weights = weights.reshape(terms, engine.pe, engine.simd).transpose(1, 0, 2)
            # Sums of int8 products are far below 2**53: float64 is exact.
            sums.append(flat @ weights.reshape(engine.pe, -1).T.astype(np.float64))
        total = np.concatenate(sums, axis=2).astype(np.int64)
        _finish(row, machine, total, np.concatenate(channels), group)


def _run_vector(row: Row, machine: _Machine) -> None:
    engine = machine.engine
    lanes = row.blocks * engine.vector_lanes
    pointers, columns = _window(row)
    lane = np.arange(lanes // WORD_BYTES)
    x = _columns(row, machine, pointers, columns, lane)
    # x: (images, rows, columns, kernel rows, runs, taps, lanes)
    taps = _tap_factors(row)
    channels = np.zeros(0, np.int8)
    match row.kind:
        case "largest":
            sums = x.max((3, 4, 5))
        case "product":
            sums = (x[..., 0, :] - row.first_operand) * (x[..., 1, :] - row.later_operand)
            sums = sums[:, :, :, 0, 0]
        case "depthwise":
            weights, channels = _depthwise(row, machine)
            sums = (x * weights).sum((3, 4, 5))
        case _:
            sums = (x * taps[..., None]).sum((3, 4, 5))
    sums = sums.reshape(len(sums), row.rows * row.columns, lanes)
    _finish(row, machine, sums, channels, 0)


def _columns(
    row: Row, machine: _Machine, pointers: Integers, columns: Integers, lane: Integers
) -> Integers:
    """The columns of every window: (images, rows, columns, kernel rows, runs, taps, lanes)."""
    if row.second:
        own = np.array(row.source_pointers[: row.rows])[:, None, None]
        # Of a tensor of one pixel the row is the same for all.
        other = np.array(row.source_pointers[row.second :])[:, None, None] + 0 * own
        at = columns[None, :, None] + lane
        first = _gather(row, machine, own, at)
        second = _gather(row, machine, other, lane + 0 * at if row.fixed else at)
        both = np.stack([first, second], axis=3)
        shape = (len(both), row.rows, row.columns, 1, 1, 2, -1)
        return both.reshape(shape).astype(np.int64)
    run = np.arange(row.runs)[:, None, None] * row.run_words
    tap = np.arange(row.taps)[:, None] * row.column_words
    offsets = columns[None, :, None, None, None, None] + run + tap + lane
    x = _gather(row, machine, pointers[:, None, :, None, None, None], offsets)
    return x.reshape(*x.shape[:6], -1).astype(np.int64)


def _tap_factors(row: Row) -> Integers:
    """The factor of every (kernel row, run, tap): what an earlier pass had does not count."""
    factors = np.full((row.kernel_rows, row.runs, row.taps), row.later_operand)
    factors[:, 1:, : row.repeated] = 0
    factors[0, 0, 0] = row.first_operand
    return factors


def _depthwise(row: Row, machine: _Machine) -> tuple[Integers, NDArray[np.int8]]:
    """Weights (kernel rows, runs, taps, lanes), and the bytes of the channels."""
    engine = machine.engine
    lanes, port = engine.vector_lanes, engine.port_bytes
    terms = row.kernel_rows * row.runs
    block_words = terms * row.weight_words + row.channel_words
    data = machine.port_bytes(row.address, row.blocks * block_words)
    blocks = data.reshape(row.blocks, -1)
    first = row.weight_words * port
    behind = first + row.channel_words * port
    channels = blocks[:, first : first + lanes * CHANNEL_BYTES].reshape(-1)
    weights = np.concatenate([blocks[:, :first], blocks[:, behind:]], axis=1)
    weights = weights.reshape(row.blocks, terms, -1)[..., : lanes * TAPS]
    weights = weights.reshape(row.blocks, row.kernel_rows, row.runs, lanes, TAPS)
    # The newest column, whose tap is the last, comes first.
    weights = weights[..., row.taps - 1 :: -1] if row.taps else weights
    weights = weights.transpose(1, 2, 4, 0, 3).reshape(
        row.kernel_rows, row.runs, row.taps, row.blocks * lanes
    )
    return weights.astype(np.int64), channels


def _finish(
    row: Row, machine: _Machine, sums: Integers, channels: NDArray[np.int8], group: int
) -> None:
    """Requantize `sums` (images, pixels, lanes) and write the words that exist."""
    lanes = row.target_words * WORD_BYTES
    if row.weight_words and row.kind != "lookup":
        bias, multiplier, shift = channel_fields(channels)
        bias, multiplier, shift = bias[:lanes], multiplier[:lanes], shift[:lanes]
    else:
        bias, multiplier, shift = map(np.array, (row.bias, row.multiplier, row.shift))
    scaled = rescale(sums[..., :lanes] + bias, multiplier, shift)
    values = np.clip(scaled + row.zero_point, row.low, row.high)
    if row.kind == "lookup":
        table = machine.port_bytes(row.address, row.weight_words)
        values = table[values + 128].astype(np.int64)
    columns = np.arange(row.columns) * row.target_pixel_words + row.target_origin
    first = (np.array(row.target_pointers)[:, None] + columns).reshape(-1, 1)
    words = first + group * row.target_group_words + np.arange(row.target_words)
    shape = (len(values), *words.shape, WORD_BYTES)
    machine.write(words, values.astype(np.int8).reshape(shape))
