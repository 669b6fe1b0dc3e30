"""What a streaming design, and a simulation of it, are worth: for people and for JSON."""

from dataclasses import dataclass

from hwmap.accuracy import Accuracy
from hwmap.board import Board
from hwmap.ir.graph import Graph, total_macs
from hwmap.solve.answer import Choice, Status, described, kept
from hwmap.solve.settings import Settings
from hwmap.streaming import units
from hwmap.streaming.design.types import Design
from hwmap.streaming.network import Kernel
from hwmap.streaming.pick import Pick
from hwmap.streaming.plan import STYLE, Plan, Style
from hwmap.streaming.recompute import Recomputed, streamed
from hwmap.streaming.result import FifoUse, KernelTime, SimResult
from hwmap.streaming.units import targets_of
from hwmap.streaming.use import parts_cost, target_of


@dataclass(frozen=True)
class KernelUse:
    """A kernel of a design: its folding, its trips per image, and what it takes with the FIFOs that
    it reads."""

    name: str
    source: str
    pe: int
    simd: int
    pixels: int
    trips: int
    dsp: int
    lut: int
    ff: int
    bram18: int
    uram: int


@dataclass(frozen=True)
class CompileReport:
    """The result of a compilation. `loss` is what the choices are expected to cost (see `Choice`).
    `limiting` are the slowest kernels; without them the design would take `next_cycles`."""

    network: str
    board: str
    style: Style
    status: Status
    cycles: int
    bound_cycles: int
    clock_mhz: int
    fps: float
    macs: int
    dense_macs: int
    multipliers: int
    macs_per_multiplier_cycle: float
    dsp: int
    dsp_budget: int
    lut: int
    lut_budget: int
    lutram: int
    ff: int
    ff_budget: int
    memory_bytes: int
    memory_budget_bytes: int
    bram18: int
    uram: int
    fifo_bytes: int
    row_bytes: int
    kernels: tuple[KernelUse, ...]
    limiting: tuple[str, ...]
    next_cycles: int
    decomposed: tuple[Choice, ...]
    recomputed: tuple[Recomputed, ...]
    loss: float
    accuracy: Accuracy | None


def summarize(
    plan: Plan,
    design: Design,
    settings: Settings,
    source: Graph,
    graph: Graph,
    accuracy: Accuracy | None,
) -> CompileReport:
    """The summary of a checked plan; `source` is the float network, `graph` the integer one."""
    budget, network = settings.budget, design.network
    kernels = kernel_uses(design, graph, settings.board)
    multipliers = sum(
        kernel.unit.multipliers
        for kernel in network.kernels
        if isinstance(kernel.unit, units.Matrix | units.Lanes)
    )
    slower = sorted({kernel.trips for kernel in kernels}, reverse=True)
    return CompileReport(
        network=plan.network,
        board=settings.board.name,
        style=STYLE,
        status=plan.status,
        cycles=plan.cycles,
        bound_cycles=plan.bound_cycles,
        clock_mhz=design.clock_mhz,
        fps=design.clock_mhz * 1e6 / plan.cycles,
        macs=design.macs,
        dense_macs=total_macs(source),
        multipliers=multipliers,
        macs_per_multiplier_cycle=design.macs / plan.cycles / max(multipliers, 1),
        dsp=plan.dsp,
        dsp_budget=budget.dsp,
        lut=plan.lut,
        lut_budget=budget.lut,
        lutram=plan.lutram,
        ff=plan.ff,
        ff_budget=budget.ff,
        memory_bytes=plan.memory_bytes,
        memory_budget_bytes=budget.memory_bytes,
        bram18=plan.bram18,
        uram=plan.uram,
        fifo_bytes=sum(
            stream.layout.word_bytes * depth
            for stream, depth in zip(network.streams, design.depths, strict=True)
        ),
        row_bytes=sum(_row_bytes(kernel.unit) for kernel in network.kernels),
        kernels=kernels,
        limiting=tuple(kernel.source for kernel in kernels if kernel.trips == plan.cycles),
        next_cycles=slower[1] if len(slower) > 1 else plan.cycles,
        decomposed=plan.choices,
        recomputed=plan.recomputed,
        loss=plan.loss,
        accuracy=accuracy,
    )


def kernel_uses(design: Design, graph: Graph, board: Board) -> tuple[KernelUse, ...]:
    """What each kernel of a design does and takes; `graph` is its integer graph."""
    target = target_of(graph, board, by_shifts=design.by_shifts)
    costs = parts_cost(design.network, design.depths, streamed(graph, design.recomputed), target)
    return tuple(
        KernelUse(
            kernel.name,
            kernel.source,
            *_folding(kernel),
            kernel.schedule.trips,
            cost.dsp,
            cost.lut,
            cost.ff,
            cost.bram18,
            cost.uram,
        )
        for kernel, cost in zip(design.network.kernels, costs, strict=True)
    )


def _row_bytes(unit: units.Unit) -> int:
    """The bytes of a row memory."""
    match unit:
        case units.Matrix() | units.Lanes():
            return unit.window.memory_words * unit.window.source.word_bytes
        case Pick():
            return unit.copies * unit.memory_words * unit.source.word_bytes
        case _:
            return 0


def _folding(kernel: Kernel) -> tuple[int, int, int]:
    """PE, SIMD and pixels of a kernel; lanes count as PE."""
    unit = kernel.unit
    if isinstance(unit, units.Matrix):
        return unit.target.lanes, unit.simd, unit.target.pixels
    layout = (*targets_of(unit), *([unit.source] if isinstance(unit, units.Sink) else []))[0]
    return layout.lanes, 1, layout.pixels


def rows(report: CompileReport) -> list[tuple[str, str]]:
    """The summary for people."""
    gap = 1 - report.bound_cycles / report.cycles
    proof = "optimal (proved)" if report.status == "optimal" else f"feasible (gap {gap:.1%})"
    found = [
        ("plan", f"streaming, {proof}"),
        ("cycles per image", f"{report.cycles:,} (at least {report.bound_cycles:,})"),
        ("throughput", f"{report.fps:,.1f} images/s at {report.clock_mhz} MHz"),
        ("limited by", f"{_names(report.limiting)}; the next slowest has {report.next_cycles:,}"),
        ("MAC per multiplier per cycle", f"{report.macs_per_multiplier_cycle:.3f}"),
        ("MACs", kept(report.macs, report.dense_macs)),
        ("DSP slices", f"{report.dsp} of {report.dsp_budget}"),
        (
            "LUTs, flip-flops",
            f"{report.lut:,} of {report.lut_budget:,} ({report.lutram:,} of them memory),"
            f" {report.ff:,} of {report.ff_budget:,} (a model: no synthesis yet)",
        ),
        (
            "on-chip memory",
            f"{report.bram18} BRAM18, {report.uram} URAM; {report.fifo_bytes:,} bytes of FIFOs,"
            f" {report.row_bytes:,} of lines",
        ),
        ("decomposed", described(report.decomposed)),
        ("computed twice", _twice(report.recomputed)),
        ("kernels", _kernel_lines(report.kernels)),
    ]
    if report.accuracy is not None:
        found.append(("top-1", str(report.accuracy)))
    return found


def _twice(recomputed: tuple[Recomputed, ...]) -> str:
    found = (f"{item.tensor} for {item.reader}, from {item.source}" for item in recomputed)
    return "; ".join(found) or "nothing"


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"'{name[-32:]}'" for name in names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _kernel_lines(kernels: tuple[KernelUse, ...]) -> str:
    """A line for each kernel that computes."""
    lines = [
        f"{kernel.name}: PE {kernel.pe} x SIMD {kernel.simd} x {kernel.pixels} px,"
        f" {kernel.trips:,} trips, {kernel.dsp} DSP, {kernel.lut:,} LUT, {kernel.bram18} BRAM18"
        + (f", {kernel.uram} URAM" if kernel.uram else "")
        for kernel in kernels
        if kernel.dsp or kernel.bram18 or kernel.uram
    ]
    return "\n".join(lines)


@dataclass(frozen=True)
class SimulateReport:
    """A simulation: cycles from image to image, of the first image, and of all."""

    images: int
    cycles: int
    first_cycles: int
    all_cycles: int
    fps: float
    clock_mhz: int
    kernels: tuple[KernelTime, ...]
    fifos: tuple[FifoUse, ...]


def summarize_simulation(result: SimResult) -> SimulateReport:
    """The summary of a simulation."""
    return SimulateReport(
        images=result.images,
        cycles=result.cycles,
        first_cycles=result.first_cycles,
        all_cycles=result.all_cycles,
        fps=result.clock_mhz * 1e6 / result.cycles,
        clock_mhz=result.clock_mhz,
        kernels=result.kernels,
        fifos=result.fifos,
    )


KERNELS = ("kernel", "of", "trips", "starved", "blocked")


def headline(report: SimulateReport) -> str:
    """A simulation in one line."""
    held = sum(fifo.peak_words * fifo.word_bytes for fifo in report.fifos)
    room = sum(fifo.depth_words * fifo.word_bytes for fifo in report.fifos)
    return (
        f"{report.cycles:,} cycles from image to image, {report.fps:,.1f} images/s at"
        f" {report.clock_mhz} MHz; the first of {report.images} after {report.first_cycles:,}"
        f" cycles, all after {report.all_cycles:,}; FIFOs held {held:,} of {room:,} bytes"
    )


def kernel_rows(report: SimulateReport) -> list[tuple[str, ...]]:
    """A row per kernel, with the columns `KERNELS`."""
    return [
        (
            kernel.name,
            kernel.source[-48:],
            f"{kernel.trips:,}",
            f"{kernel.starved_cycles:,}",
            f"{kernel.blocked_cycles:,}",
        )
        for kernel in report.kernels
    ]
