"""A Design as the files of a project: {path: content}. Same design, same bytes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import jinja2

from hwmap.files.resources import data_directory, one_line, used_headers
from hwmap.sequential.design.build import MAGIC, signature
from hwmap.sequential.design.types import Design
from hwmap.sequential.layout import MOST_PACKED
from hwmap.sequential.memory import PROGRAM_FIFO_WORDS, arena_rows, memories
from hwmap.sequential.plan import STYLE, THROUGH_DRAM
from hwmap.sequential.program import (
    FIELDS,
    KINDS,
    MOST_ROWS,
    MOST_SEGMENTS,
    NOWHERE,
    ROW_BYTES,
    Row,
)
from hwmap.sequential.program_time import DRAM_LATENCY_CYCLES
from hwmap.sequential.vectors import ports_text

TOP = "hwmap_top"
COMMAND_FIFO_WORDS = 16
"""Depth of the FIFOs from the walks to the engine."""
TEMPLATE_FOLDER = data_directory("templates")
ROW_HEADER = "hls/hwmap/row.hpp"
TEMPLATES = {
    "hls/params.hpp": "params.hpp.j2",
    ROW_HEADER: "row.hpp.j2",
    "hls/top.hpp": "top.hpp.j2",
    "hls/top.cpp": "top.cpp.j2",
    "hls/testbench.cpp": "testbench.cpp.j2",
    "host/driver.py": "driver.py.j2",
    "Makefile": "Makefile.j2",
    "vitis_hls.tcl": "vitis_hls.tcl.j2",
}

COMMENTS = {
    "fetch": "constants only",
    "load": "input stream -> arena",
    "store": "arena -> output stream",
    "matrix": "convolution or linear layer on the array",
    "depthwise": "depthwise convolution on the vector lanes",
    "largest": "vector lanes: the largest value of a window, or a copy",
    "sum": "vector lanes: values times factors",
    "product": "vector lanes: two tensors",
    "lookup": "vector lanes: every value through a table",
    "spill": "arena -> DRAM",
    "reload": "DRAM -> arena",
}


@dataclass(frozen=True)
class FieldText:
    """A field of a row as C++."""

    name: str
    at: int
    size: int
    signed: str


@dataclass(frozen=True)
class KindText:
    """A kind of step as C++."""

    name: str
    gap: str
    comment: str


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATE_FOLDER / STYLE, TEMPLATE_FOLDER]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def row_header() -> str:
    """hls/hwmap/row.hpp: what a row of a program is, whatever the design."""
    return _environment().get_template(TEMPLATES[ROW_HEADER]).render(_row_context())


def _row_context() -> dict[str, object]:
    names = [f"k{kind.capitalize()}" for kind in KINDS]
    widest = max(map(len, names))
    return {
        "kinds": tuple(
            KindText(name, " " * (widest - len(name)), COMMENTS[kind])
            for name, kind in zip(names, KINDS, strict=True)
        ),
        "fields": tuple(_fields()),
        "row_bytes": ROW_BYTES,
        "nowhere": NOWHERE,
        "most_packed": MOST_PACKED,
    }


def render(design: Design) -> dict[str, str | bytes]:
    """Every file of the project but the plan and the test vectors."""
    environment = _environment()
    engine = design.engine
    context = _row_context() | {
        "design": replace(design, name=one_line(design.name), board=one_line(design.board)),
        "engine": engine,
        "name": one_line(design.name),
        "board": one_line(design.board),
        "part": design.part,
        "timed": "step",
        "top": TOP,
        "arena_rows": arena_rows(engine, design.arena_words),
        "constant_words": max(design.constant_words, 1),
        "most_rows": MOST_ROWS,
        "most_segments": MOST_SEGMENTS,
        "program_fifo_words": PROGRAM_FIFO_WORDS,
        "command_fifo_words": COMMAND_FIFO_WORDS,
        "dram_latency_cycles": DRAM_LATENCY_CYCLES,
        "program_words": len(design.program),
        "magic": f"0x{MAGIC:08X}",
        "signature": f"0x{signature(engine, design.arena_words, design.constant_words):08X}",
        "impl": {
            memory.name: "uram" if memory.name in design.in_uram else "bram"
            for memory in memories(engine, design.arena_words, design.constant_words)
        },
        "clock_ns": f"{1000 / design.clock_mhz:.3f}",
    }
    files: dict[str, str | bytes] = {
        path: environment.get_template(name).render(context) for path, name in TEMPLATES.items()
    }
    own = {path.removeprefix("hls/") for path in files}
    sources = (str(text) for path, text in files.items() if path.startswith("hls/"))
    headers = used_headers(sources, STYLE, own)
    files |= {f"hls/{path}": text for path, text in headers.items()}
    files["program.bin"] = design.program.tobytes()
    files["program.txt"] = listing(design)
    files["ports.txt"] = ports_text(design)
    return files


def _fields() -> Iterator[FieldText]:
    at = 0
    for name, (size, signed) in FIELDS.items():
        if name != "kind":
            yield FieldText(name, at, size, str(signed).lower())
        at += size


def listing(design: Design) -> str:
    """The program for people, a line per step."""
    lines = [f"# {one_line(design.name)}, {len(design.rows)} steps per image"]
    for number, row in enumerate((*design.once, *design.rows)):
        index = number - len(design.once)
        lines.append(f"{index if index >= 0 else 'once'}: {_described(row)}")
    return "\n".join(lines) + "\n"


def _described(row: Row) -> str:
    parts = [f"{row.kind} '{one_line(row.source)}'"]
    if row.instance:
        parts.append(f"run again ({row.instance + 1})")
    if row.kind in ("load", "store", "spill", "reload"):
        parts.append(f"{row.rows} rows of {row.row_words} words")
    elif row.kind != "fetch":
        channels = row.groups * row.target_words * 8
        parts.append(f"{channels} x {row.rows} x {row.columns}")
        parts.append(
            f"{row.kernel_rows * row.runs * row.run_trips} terms in stripes of {row.stripe}"
        )
    if row.source_pointers:
        parts.append(f"from {_span(row.source_pointers)}")
    if row.target_pointers:
        parts.append(f"to {_span(row.target_pointers)}")
    if row.kind in THROUGH_DRAM:
        parts.append(f"word {row.address} of DRAM")
    if row.weight_words:
        parts.append(f"constants at {row.address}")
    for segment in row.fetched:
        parts.append(f"fetches {segment.words} words to {segment.address}")
    return ", ".join([*parts, f"{row.trips} trips"])


def _span(pointers: tuple[int, ...]) -> str:
    """Pointers as runs of even steps."""
    known = [pointer for pointer in pointers if pointer != NOWHERE]
    found: list[list[int]] = []
    for pointer in known:
        run = found[-1] if found else []
        if len(run) == 1 or (len(run) > 1 and pointer - run[-1] == run[1] - run[0]):
            run.append(pointer)
        else:
            found.append([pointer])
    return " ".join(
        str(run[0]) if len(run) == 1 else f"{run[0]}..{run[-1]}/{run[1] - run[0]}" for run in found
    )
