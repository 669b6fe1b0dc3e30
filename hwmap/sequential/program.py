"""The rows of a program, as the engine reads them from DRAM.

A program is a stream of bus words: a header, then step after step the fields of its row, a pointer
for every row of its source and of its target, where the constants go that are fetched meanwhile,
and those constants themselves. Every number stands in whole bytes, the lowest first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

StepKind = Literal[
    "fetch", "load", "store", "matrix", "depthwise", "largest", "sum", "product", "lookup",
    "spill", "reload",
]  # fmt: skip
KINDS: tuple[StepKind, ...] = (
    "fetch", "load", "store", "matrix", "depthwise", "largest", "sum", "product", "lookup",
    "spill", "reload",
)  # fmt: skip
"""In the order of `StepKind` in `templates/sequential/row.hpp.j2`."""

MOST_ROWS = 256
"""Pointers of a step to rows of its sources, and to rows of its target: what the walks can hold."""

MOST_SEGMENTS = 32
"""Of a step's constants that a row can list."""

HEADER_BYTES = 24
"""Magic, signature, steps that run once and for every image, and bus words of them with their
constants: six numbers of 32 bits."""

NOWHERE = (1 << 24) - 1
"""The pointer of a row that lies in the padding."""
POINTER_BYTES = 4
SEGMENT_BYTES = 8

FIELDS: dict[str, tuple[int, bool]] = {
    # name: (bytes, signed)
    "kind": (1, False),
    "source_rows": (2, False),
    "target_rows": (2, False),
    "segments": (1, False),
    "trips": (4, False),
    "fetch_words": (3, False),
    # What both walks count: output columns, rows, pixels (of a row, if stripes end with it), pixels
    # of a stripe, groups, blocks. Whether an output is complete.
    "columns": (2, False),
    "rows": (2, False),
    "pixels": (4, False),
    "stripe": (1, False),
    "ends": (1, False),
    "groups": (2, False),
    "blocks": (2, False),
    # The walk of what is read.
    "walk_trips": (4, False),
    "lead": (2, False),
    "kernel_rows": (1, False),
    "runs": (1, False),
    "run_trips": (2, False),
    "taps": (1, False),
    "fresh": (1, False),
    "first": (2, False),
    "other": (2, False),
    "last": (2, False),
    "short_first": (2, False),
    "short_other": (2, False),
    "short_last": (2, False),
    "origin": (3, True),
    "pixel_words": (3, True),
    "column_words": (2, True),
    "next_words": (3, True),
    "run_words": (2, True),
    "group_words": (2, False),
    "block_words": (1, False),
    "row_words": (3, False),
    "stride_rows": (1, False),
    "row_step": (1, False),
    "second": (2, False),
    "fixed": (1, False),
    # Of a load: pixels of a word of the stream and their channels; none if they are whole words.
    "packed_pixels": (1, False),
    "packed_channels": (1, False),
    # Constants, in words of the port; of a spill or a reload, the first word of the bus in DRAM.
    "address": (3, False),
    "weight_words": (2, False),
    "channel_words": (2, False),
    "constant_words": (3, False),
    # The walk of what is written.
    "write_trips": (4, False),
    "slices": (2, False),
    "last_slices": (2, False),
    "target_origin": (3, False),
    "target_pixel_words": (2, False),
    "target_group_words": (2, False),
    "target_block_words": (1, False),
    "target_words": (3, False),
    # Numbers. What has weights takes bias, multiplier and shift per channel instead.
    "pad_value": (1, True),
    "first_operand": (3, True),
    "later_operand": (3, True),
    "repeated": (1, False),
    "bias": (4, True),
    "multiplier": (3, False),
    "shift": (1, False),
    "zero_point": (1, True),
    "low": (1, True),
    "high": (1, True),
}
ROW_BYTES = sum(size for size, _ in FIELDS.values())


@dataclass(frozen=True)
class Segment:
    """Words of the constant memory that arrive, in words of the bus."""

    address: int
    words: int


@dataclass(frozen=True)
class Row:
    """One step of a program; the fields are those of `templates/sequential/row.hpp.j2`.

    `source` (the ONNX node) and `instance` are for people. Pointers are words of the arena,
    `_words` count words of 8 channels but for those of constants. `trips` are the iterations of its
    loop.
    """

    source: str
    instance: int
    kind: StepKind
    trips: int
    source_pointers: tuple[int, ...] = ()
    target_pointers: tuple[int, ...] = ()
    fetched: tuple[Segment, ...] = ()
    fetch_words: int = 0
    columns: int = 0
    rows: int = 0
    pixels: int = 0
    stripe: int = 0
    ends: int = 0
    groups: int = 1
    blocks: int = 1
    walk_trips: int = 0
    lead: int = 0
    kernel_rows: int = 1
    runs: int = 1
    run_trips: int = 1
    taps: int = 1
    fresh: int = 1
    first: int = 0
    other: int = 0
    last: int = 0
    short_first: int = 0
    short_other: int = 0
    short_last: int = 0
    origin: int = 0
    pixel_words: int = 0
    column_words: int = 0
    next_words: int = 0
    run_words: int = 0
    group_words: int = 0
    block_words: int = 0
    row_words: int = 0
    stride_rows: int = 0
    row_step: int = 0
    second: int = 0
    fixed: int = 0
    packed_pixels: int = 0
    packed_channels: int = 0
    address: int = 0
    weight_words: int = 0
    channel_words: int = 0
    constant_words: int = 0
    write_trips: int = 0
    slices: int = 0
    last_slices: int = 0
    target_origin: int = 0
    target_pixel_words: int = 0
    target_group_words: int = 0
    target_block_words: int = 0
    target_words: int = 0
    pad_value: int = 0
    first_operand: int = 0
    later_operand: int = 0
    repeated: int = 0
    bias: int = 0
    multiplier: int = 0
    shift: int = 0
    zero_point: int = 0
    low: int = 0
    high: int = 0

    def row_bus_words(self, bus_bytes: int) -> int:
        """Bus words of the row, its pointers and segments."""
        return row_bus_words(
            len(self.source_pointers), len(self.target_pointers), len(self.fetched), bus_bytes
        )


def row_bus_words(source_rows: int, target_rows: int, segments: int, bus_bytes: int) -> int:
    """Bus words of a step without the constants that it fetches."""
    sizes = (ROW_BYTES, POINTER_BYTES * source_rows, POINTER_BYTES * target_rows)
    return sum(-(-size // bus_bytes) for size in (*sizes, SEGMENT_BYTES * segments))


def encode(row: Row, bus_bytes: int) -> NDArray[np.int8]:
    """The row as bus words (words, bus_bytes)."""
    counts = _counts(row)
    values = (counts[name] if name in counts else getattr(row, name) for name in FIELDS)
    parts = [b"".join(map(_bytes, FIELDS, values))]
    segments = [value for part in row.fetched for value in (part.address, part.words)]
    for numbers in (row.source_pointers, row.target_pointers, segments):
        parts.append(np.array(numbers, "<u4").tobytes())
    padded = b"".join(part + bytes(-len(part) % bus_bytes) for part in parts)
    return np.frombuffer(padded, np.int8).reshape(-1, bus_bytes)


def _counts(row: Row) -> dict[str, int]:
    """The fields that say what stands in a row otherwise."""
    return {
        "kind": KINDS.index(row.kind),
        "source_rows": len(row.source_pointers),
        "target_rows": len(row.target_pointers),
        "segments": len(row.fetched),
    }


def _bytes(name: str, value: int) -> bytes:
    size, signed = FIELDS[name]
    return int(value).to_bytes(size, "little", signed=signed)


def fits(row: Row) -> str | None:
    """The first field whose value its bytes do not hold, or None."""
    counts = _counts(row)
    if max(counts["source_rows"], counts["target_rows"]) > MOST_ROWS:
        return f"a step has more than {MOST_ROWS} rows"
    if counts["segments"] > MOST_SEGMENTS:
        return f"a step has more than {MOST_SEGMENTS} fetches"
    for name, (size, signed) in FIELDS.items():
        value = counts[name] if name in counts else getattr(row, name)
        bits = 8 * size
        low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
        if not isinstance(value, str) and not low <= value <= high:
            return f"{name}={value} takes more than {size} bytes"
    return None


def decode(words: NDArray[np.int8], bus_bytes: int) -> tuple[Row, int]:
    """The row that `words` begin with, without names, and its bus words."""
    # No copy: a program can have thousands of rows and many megabytes.
    data = np.ascontiguousarray(words).data.cast("B")
    values: dict[str, int] = {}
    at = 0
    for name, (size, signed) in FIELDS.items():
        values[name] = int.from_bytes(data[at : at + size], "little", signed=signed)
        at += size
    counts = [values.pop(name) for name in ("source_rows", "target_rows", "segments")]
    kind = KINDS[values.pop("kind")]
    at = -(-at // bus_bytes) * bus_bytes
    lists: list[Sequence[int]] = []
    for count, size in zip(counts, (1, 1, 2), strict=True):
        taken = count * size * POINTER_BYTES
        lists.append(np.frombuffer(data[at : at + taken], "<u4").tolist())
        at += -(-taken // bus_bytes) * bus_bytes
    pairs = zip(lists[2][::2], lists[2][1::2], strict=True)
    row = Row(
        "",
        0,
        kind,
        source_pointers=tuple(lists[0]),
        target_pointers=tuple(lists[1]),
        fetched=tuple(Segment(address, count) for address, count in pairs),
        **values,
    )
    return row, at // bus_bytes


assert {field.name for field in fields(Row)} >= set(FIELDS) - {
    "source_rows", "target_rows", "segments",
}  # fmt: skip
