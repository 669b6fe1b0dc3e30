"""A kernel per op: plans of the streaming style beside what others have published.

`others` are images/s of fpgaConvNet, nn2FPGA and the DPU B4096, measured by their authors on the
board; fpgaConvNet's of ResNet-18 is their prediction. Ours are predictions too: the cycles are
exact for the emitted C++, the clock is the one of the row, and no synthesis has shown that it is
met. `at most` is what no plan exceeds: what it takes to regroup words between kernels counts, and
every FIFO has two words; at most 80 % of a board's LUTs are planned with. `bytes` are those of
FIFOs and of lines of windows; nn2FPGA has 39,809 for ResNet-8, 57,952 for ResNet-20 and 341,344 for
MobileNetV2. MobileNetV2 and ResNet-18 are topologies without trained weights. `first` is the
latency of the first image.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hwmap.board import budget_of, load_board, with_clock
from hwmap.compiler import load_source
from hwmap.decompose.candidates import dense_candidates
from hwmap.errors import HwmapError
from hwmap.ir.graph import Graph
from hwmap.progress import quiet
from hwmap.quantize.scales import Scales
from hwmap.solve.settings import Settings
from hwmap.streaming.depths import image_ends
from hwmap.streaming.network import build_network
from hwmap.streaming.solve import solve
from hwmap.streaming.timing import time as run_kernels
from hwmap.streaming.units import Windowed
from tests.bench.topologies import mobilenet_v2, resnet18
from tests.networks import SHARED

SECONDS = 60.0


@dataclass(frozen=True)
class _Case:
    """A network on a board; `others` and `target` are images/s, `dsp` is a lower budget."""

    network: str | Callable[[], Graph]
    board: str
    clock_mhz: int
    others: str
    target: int
    dsp: int | None = None
    scales: Scales = "free"


CASES = (
    _Case("resnet8_cifar10", "pynq-z2", 143, "2,431", 4_000),
    _Case("resnet8_cifar10", "kv260", 250, "30,153", 40_000),
    _Case("resnet20_cifar10", "kv260", 250, "7,601", 12_000),
    _Case("resnet20_cifar10", "kv260", 250, "7,601", 7_600, dsp=636),
    _Case("resnet20_cifar10", "kv260", 250, "7,601", 7_600, dsp=636, scales="power-of-two"),
    _Case("dscnn_kws", "pynq-z2", 143, "3,088", 14_000),
    _Case("mobilenetv1_025_vww", "pynq-z2", 111, "105", 3_000),
    _Case("squeezenet11_imagenet", "kv260", 250, "760", 1_300),
    _Case(mobilenet_v2, "kv260", 250, "338", 900),
    _Case(resnet18, "u250", 250, "1,779 (predicted)", 2_900),
)


def run() -> Iterator[dict[str, object]]:
    """A row per network, board and budget."""
    for case in CASES if SHARED.is_dir() else ():
        yield _row(case)


def _row(case: _Case) -> dict[str, object]:
    if isinstance(case.network, str):
        source = load_source(SHARED / "models" / f"{case.network}.onnx")
    else:
        source = case.network()
    board = with_clock(load_board(case.board), case.clock_mhz)
    settings = Settings(board, budget_of(board, dsp=case.dsp), 0.0, 0.0, case.scales)
    row: dict[str, object] = {
        "network": source.name if callable(case.network) else case.network,
        "board": board.name if case.dsp is None else f"{board.name}, {case.dsp} DSP",
        "scales": case.scales,
        "MHz": case.clock_mhz,
        "others": case.others,
        "target": f"{case.target:,}",
    }
    start = time.perf_counter()
    try:
        plan = solve(source, dense_candidates(source), settings, SECONDS, quiet)
    except HwmapError as error:
        return row | dict.fromkeys(COLUMNS, "") | {"images/s": type(error).__name__}
    seconds = time.perf_counter() - start
    network = build_network(source, {folding.op: folding for folding in plan.foldings})
    windows = [k.unit.window for k in network.kernels if isinstance(k.unit, Windowed)]
    lines = sum(window.memory_words * window.source.word_bytes for window in windows)
    fifos = zip(network.streams, plan.depths, strict=True)
    rate = case.clock_mhz * 1e6
    ends = image_ends(network, run_kernels(network, plan.depths, 1))
    values = (
        f"{rate / plan.cycles:,.0f}",
        f"{rate / plan.bound_cycles:,.0f}",
        f"{plan.dsp:,}",
        f"{plan.lut:,}",
        plan.bram18,
        plan.uram,
        f"{lines + sum(stream.layout.word_bytes * depth for stream, depth in fifos):,}",
        f"{ends[0] / case.clock_mhz:,.0f} us",
        f"{seconds:.0f}",
    )
    return row | dict(zip(COLUMNS, values, strict=True))


COLUMNS = ("images/s", "at most", "DSP", "LUT", "BRAM18", "URAM", "bytes", "first", "solve s")
