"""A Design as the files of a project: {path: content}. Same design, same bytes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import jinja2

from hwmap.files.resources import data_directory, used_headers
from hwmap.ir.types import Array
from hwmap.sequential.design.types import Design, Fetch, StepDescriptor
from hwmap.sequential.engine import DRAM_LATENCY_CYCLES, FETCH_FIFO_WORDS
from hwmap.sequential.plan import STYLE

TOP = "hwmap_top"
TEMPLATES = {
    "hls/params.hpp": "params.hpp.j2",
    "hls/steps.hpp": "steps.hpp.j2",
    "hls/tables.hpp": "tables.hpp.j2",
    "hls/top.hpp": "top.hpp.j2",
    "hls/top.cpp": "top.cpp.j2",
    "hls/testbench.cpp": "testbench.cpp.j2",
    "Makefile": "Makefile.j2",
    "vitis_hls.tcl": "vitis_hls.tcl.j2",
}

# The fields of hls/hwmap/step.hpp after `kind`, in order, a line of the table each.
STEP_LINES = (
    ("first_row_address", "second_source_bytes"),
    ("rows", "row_bytes", "pad_rows", "pad_bytes"),
    ("stride_rows", "stride_row_bytes", "stride_bytes", "row_step", "row_step_bytes"),
    ("kernel_rows", "runs", "run_words", "run_step_bytes"),
    ("out_rows", "out_columns", "groups", "group_bytes", "blocks", "block_bytes"),
    ("period", "drains"),
    ("target_address", "pixel_bytes", "target_row_bytes", "group_channels"),
    ("pad_value", "operand", "bias", "multiplier", "shift"),
    ("zero_point", "low", "high"),
    ("table", "weight_address", "channel_address"),
    ("fetch",),
    ("stream_bytes",),
)


@dataclass(frozen=True)
class StepText:
    """One row of the step table as C++."""

    comment: str
    kind: str
    lines: tuple[str, ...]


def render(design: Design) -> dict[str, str | bytes]:
    """Every file of the project but the plan and the test vectors."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(data_directory("templates") / STYLE),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    context = {
        "design": replace(design, name=one_line(design.name), board=one_line(design.board)),
        "top": TOP,
        "arena_rows": design.memory.arena_rows(design.engine),
        "steps": tuple(_step_texts(design.steps)),
        "resident": _fetch(design.resident),
        "weight_depth": max(design.memory.weight_words, 1),
        "channel_depth": max(design.memory.channel_words, 1),
        "fetched_words": len(design.dram) - design.resident_words,
        "fetch_fifo_words": FETCH_FIFO_WORDS,
        "dram_latency_cycles": DRAM_LATENCY_CYCLES,
        "dram_depth": max(len(design.dram), 1),
        "inputs": tuple(step.stream_bytes for step in design.steps if step.kind == "load"),
        "outputs": tuple(step.stream_bytes for step in design.steps if step.kind == "store"),
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


def _step_texts(steps: Iterable[StepDescriptor]) -> Iterator[StepText]:
    for index, step in enumerate(steps):
        again = f", run again ({step.instance + 1})" if step.instance else ""
        lines = [
            ", ".join(f"/*{name}*/ {_value(step, name)}" for name in names) + ","
            for names in STEP_LINES
        ]
        lines[-1] = lines[-1].removesuffix(",") + "},"
        kind = "k" + "".join(part.capitalize() for part in step.kind.split("_"))
        comment = f"{index}: '{one_line(step.source)}'{again}{_size(step)}"
        yield StepText(comment, kind, tuple(lines))


def _table_lines(table: Array) -> tuple[str, ...]:
    """The values of a lookup table, 16 to a line."""
    return tuple(", ".join(map(str, row)) for row in table.reshape(-1, 16).tolist())


def _size(step: StepDescriptor) -> str:
    """What a step computes, in words."""
    if step.stream_bytes:
        return f", {step.stream_bytes} bytes"
    channels = step.groups * step.group_channels
    return f", {channels} x {step.out_rows} x {step.out_columns}, {step.trips} trips"


def one_line(name: str) -> str:
    """`name` as it may stand in a comment: control characters and line breaks escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)


def _value(step: StepDescriptor, name: str) -> str:
    value = getattr(step, name)
    if isinstance(value, Fetch):
        return "{" + _fetch(value) + "}"
    return f"{{{value[0]}, {value[1]}}}" if isinstance(value, tuple) else str(value)


def _fetch(fetch: Fetch) -> str:
    words = (fetch.weight_address, fetch.weight_words, fetch.channel_address, fetch.channel_words)
    return ", ".join(map(str, words))
