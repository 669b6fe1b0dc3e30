"""Any network on any board: plans of the sequential style, with strips, fetches, recomputation.

Cycles are exact for the emitted program and C++; the clock is the board's, and no synthesis has
shown that it is met. `at least` is a proved bound over engines, strips and orders, without memory;
`no limit` is what the same search finds with as much memory as it likes, `extra` what the board's
memory costs against that. `strips` are steps that go on with a tensor which another one began,
`again` those that make rows again, `spilled` bytes of rows to DRAM and back per image, `fetched`
those of constants. `DPU` are images/s of a
DPU B4096 on a KV260 at 300 MHz, measured by AMD, with one thread and with many; `at 300 MHz` are
ours there. MobileNetV2, the ResNets and the U-Net are topologies without trained weights.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

from hwmap.board import budget_of, load_board
from hwmap.compiler import load_source
from hwmap.decompose.candidates import dense_candidates
from hwmap.errors import HwmapError
from hwmap.ir.graph import Graph
from hwmap.sequential.network import network_of
from hwmap.sequential.plan import Plan
from hwmap.sequential.solve import Target, solve
from hwmap.sequential.spills import spilled_bytes
from tests.bench.topologies import mobilenet_v2, resnet18, resnet50, u_net
from tests.networks import SHARED

BOARDS = ("kv260", "pynq-z2", "zybo-z7-10")
SECONDS = 60.0
DPU = {
    "mobilenet_v2": "290 / 338",
    "mobilenetv1_050_160_imagenet": "983 / 1,473",
    "squeezenet11_imagenet": "610 / 760",
    "resnet50": "86 / 89",
}
MUCH = 1 << 40


def run() -> Iterator[dict[str, object]]:
    """A row per network and board."""
    for name, graph in _networks():
        for board in BOARDS:
            yield _row(name, graph, board)


def _networks() -> Iterator[tuple[str, Graph]]:
    for path in sorted((SHARED / "models").glob("*.onnx")) if SHARED.is_dir() else ():
        yield path.stem, load_source(path)
    for made in (mobilenet_v2, resnet18, resnet50, u_net):
        yield made.__name__, made()


def _plan(graph: Graph, board_name: str, *, limited: bool) -> Plan:
    board = load_board(board_name)
    budget = budget_of(board)
    if not limited:
        budget = replace(budget, memory_bytes=MUCH, bram18=MUCH, uram=MUCH)
    return solve(graph, dense_candidates(graph), Target(board, budget), 0.0, SECONDS)


def _row(name: str, graph: Graph, board: str) -> dict[str, object]:
    row: dict[str, object] = {"network": name, "board": board}
    start = time.perf_counter()
    try:
        plan = _plan(graph, board, limited=True)
    except HwmapError as error:
        return row | {"cycles": str(error).split(" with ")[0]}
    seconds = time.perf_counter() - start
    free = _plan(graph, board, limited=False).cycles
    engine = plan.engine
    again = sum(step.kind == "run" and step.instance > 0 for step in plan.steps)
    moved = spilled_bytes(plan, network_of(graph))
    strips = sum(step.kind == "run" and step.first_row > 0 for step in plan.steps)
    return row | {
        "cycles": f"{plan.cycles:,}",
        "at least": f"{plan.bound_cycles:,}",
        "no limit": f"{free:,}",
        "extra": f"{plan.cycles / free - 1:.1%}",
        "images/s": f"{load_board(board).clock_mhz * 1e6 / plan.cycles:,.0f}",
        "at 300 MHz": f"{300e6 / plan.cycles:,.0f}" if board == "kv260" else "",
        "DPU": DPU.get(name, "") if board == "kv260" else "",
        "PE x SIMD": f"{engine.pe} x {engine.simd}",
        "DSP": plan.dsp,
        "LUT": f"{plan.lut:,}",
        "memory bytes": f"{plan.memory_bytes:,}",
        "arena": f"{8 * plan.arena_words:,}",
        "strips": strips,
        "again": again,
        "spilled": f"{moved:,}",
        "fetched": f"{sum(plan.fetched_words) * engine.bus_bytes:,}",
        "s": f"{seconds:.1f}",
    }
