"""A Design as the files of a project: {path: content}. Same design, same bytes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import jinja2

from hwmap.files.resources import data_directory, one_line, used_headers
from hwmap.ir.types import Array
from hwmap.sequential.design.steps import Fetch, StepDescriptor, StepKind
from hwmap.sequential.design.types import Design
from hwmap.sequential.engine import (
    COMMAND_FIFO_WORDS,
    DRAM_LATENCY_CYCLES,
    FETCH_FIFO_WORDS,
    WALK_OVERHEAD_CYCLES,
)
from hwmap.sequential.plan import STYLE
from hwmap.sequential.vectors import images_per_start, port_order

TOP = "hwmap_top"
TEMPLATE_FOLDER = data_directory("templates")
TEMPLATES = {
    "hls/params.hpp": "params.hpp.j2",
    "hls/steps.hpp": "steps.hpp.j2",
    "hls/tables.inc": "tables.inc.j2",
    "hls/top.hpp": "top.hpp.j2",
    "hls/top.cpp": "top.cpp.j2",
    "hls/testbench.cpp": "testbench.cpp.j2",
    "Makefile": "Makefile.j2",
    "vitis_hls.tcl": "vitis_hls.tcl.j2",
}

# The fields of hls/hwmap/step.hpp after `kind`, in order, a line of the table each: those of the
# walk, and the others.
WALK_LINES = (
    ("first_row_address", "second_source_bytes"),
    ("rows", "row_bytes", "pad_rows", "pad_bytes"),
    ("stride_rows", "stride_row_bytes", "stride_bytes"),
    ("row_step", "row_step_bytes"),
    ("kernel_rows", "runs", "run_words", "run_step_bytes"),
    ("out_columns", "groups", "group_bytes", "blocks", "block_bytes"),
    ("period", "walk_trips"),
    ("target_address", "pixel_bytes", "target_row_bytes", "group_channels"),
    ("weight_address", "channel_address", "drains"),
)
STEP_LINES = (
    ("pad_value", "first_operand", "later_operand"),
    ("bias", "multiplier", "shift", "zero_point", "low", "high"),
    ("table", "fetch"),
    ("stream_address", "stream_words", "last_bytes"),
)


@dataclass(frozen=True)
class StepText:
    """One row of the step table as C++."""

    comment: str
    kind: str
    trips: int
    walk: tuple[str, ...]
    others: tuple[str, ...]


def render(design: Design) -> dict[str, str | bytes]:
    """Every file of the project but the plan and the test vectors."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATE_FOLDER / STYLE, TEMPLATE_FOLDER]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    context = {
        "design": replace(design, name=one_line(design.name), board=one_line(design.board)),
        "name": one_line(design.name),
        "board": one_line(design.board),
        "part": design.part,
        "timed": "step",
        "top": TOP,
        "arena_rows": design.memory.arena_rows(design.engine),
        "steps": tuple(_step_texts(design.steps)),
        "resident": _fetch(design.resident),
        "weight_depth": max(design.memory.weight_words, 1),
        "channel_depth": max(design.memory.channel_words, 1),
        "fetched_words": len(design.dram) - design.resident_words,
        "fetch_fifo_words": FETCH_FIFO_WORDS,
        "dram_latency_cycles": DRAM_LATENCY_CYCLES,
        "command_fifo_words": COMMAND_FIFO_WORDS,
        "walk_overhead_cycles": WALK_OVERHEAD_CYCLES,
        "dram_words": max(len(design.dram), 1),
        "inputs": _port_bytes(design, "load"),
        "outputs": _port_bytes(design, "store"),
        "images_per_start": images_per_start(design),
        "kinds": tuple(_cpp_kind(kind) for kind in sorted({step.kind for step in design.steps})),
        "impl": {
            memory.name: "uram" if memory.name in design.in_uram else "bram"
            for memory in design.memory.memories(design.engine, len(design.tables))
        },
        "most_trips": max(step.trips for step in design.steps),
        "tables": tuple(_table_lines(table) for table in design.tables),
        "clock_ns": f"{1000 / design.clock_mhz:.3f}",
    }
    files: dict[str, str | bytes] = {
        path: environment.get_template(name).render(context) for path, name in TEMPLATES.items()
    }
    sources = (str(text) for path, text in files.items() if path.startswith("hls/"))
    files |= {f"hls/{path}": text for path, text in used_headers(sources, STYLE).items()}
    files["constants.bin"] = design.dram.tobytes()
    return files


def _port_bytes(design: Design, kind: Literal["load", "store"]) -> tuple[int, ...]:
    sizes = {tensor.name: tensor.elements for tensor in (*design.inputs, *design.outputs)}
    return tuple(sizes[name] for name in port_order(design, kind))


def _step_texts(steps: Iterable[StepDescriptor]) -> Iterator[StepText]:
    for index, step in enumerate(steps):
        again = f", run again ({step.instance + 1})" if step.instance else ""
        walk, others = _lines(step, WALK_LINES), _lines(step, STEP_LINES)
        comment = f"{index}: '{one_line(step.source)}'{again}{_size(step)}"
        yield StepText(comment, _cpp_kind(step.kind), step.trips, walk, others)


def _lines(step: StepDescriptor, fields: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(
        ", ".join(f"/*{name}*/ {_value(step, name)}" for name in names) for names in fields
    )


def _cpp_kind(kind: StepKind) -> str:
    return "k" + "".join(part.capitalize() for part in kind.split("_"))


def _table_lines(table: Array) -> tuple[str, ...]:
    """The values of a lookup table, 16 to a line."""
    return tuple(", ".join(map(str, row)) for row in table.reshape(-1, 16).tolist())


def _size(step: StepDescriptor) -> str:
    """What a step computes, in words."""
    if step.stream_words:
        return f", {step.stream_words} words"
    channels = step.groups * step.group_channels
    return f", {channels} x {step.out_rows} x {step.out_columns}"


def _value(step: StepDescriptor, name: str) -> str:
    value = getattr(step, name)
    return "{" + _fetch(value) + "}" if isinstance(value, Fetch) else str(value)


def _fetch(fetch: Fetch) -> str:
    words = (fetch.weight_address, fetch.weight_words, fetch.channel_address, fetch.channel_words)
    return ", ".join(map(str, words))
