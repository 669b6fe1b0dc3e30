"""What a sequential design, and a simulation of it, are worth: for people and for JSON."""

from dataclasses import dataclass

from hwmap.accuracy import Accuracy
from hwmap.blocks import blocks_used
from hwmap.ir.graph import Graph, total_macs
from hwmap.sequential.design.types import Design
from hwmap.sequential.engine import Engine
from hwmap.sequential.layout import WORD_BYTES
from hwmap.sequential.memory import memories
from hwmap.sequential.network import network_of
from hwmap.sequential.plan import STYLE, Plan, Style, Tailored
from hwmap.sequential.recomputed import (
    Recomputed,
    bytes_without,
    recomputed_strips,
    strip_text,
)
from hwmap.sequential.result import SimResult, StepTime
from hwmap.sequential.spills import spill_places, spilled_bytes
from hwmap.sequential.timeline import step_times
from hwmap.solve.answer import Choice, Status, described, kept
from hwmap.solve.settings import Settings

MOST_LINES = 8
"""Strips that the summary names."""


@dataclass(frozen=True)
class CompileReport:
    """The result of a compilation. `strips` are steps that go on with a tensor which another one
    began; `fetched` ops have constants that come from DRAM for every image, some of them or all.
    Rows of `spilled` tensors wait in DRAM: that moves `spilled_bytes` per image, there and back.
    With nothing `recomputed` the arena would have at least `arena_without_bytes`. `tailored` is
    there if the engine was given. `loss` is what the choices are expected to cost (see `Choice`),
    `macs_per_multiplier_cycle` the share of cycles in which a multiplier computes."""

    network: str
    board: str
    style: Style
    status: Status
    cycles: int
    bound_cycles: int
    clock_mhz: int
    fps: float
    latency_us: float
    macs: int
    dense_macs: int
    multipliers: int
    macs_per_multiplier_cycle: float
    engine: Engine
    dsp: int
    dsp_budget: int
    lut: int
    lut_budget: int
    ff: int
    ff_budget: int
    memory_bytes: int
    memory_budget_bytes: int
    arena_bytes: int
    constant_bytes: int
    fetched_bytes: int
    bram18: int
    uram: int
    steps: int
    strips: int
    resident: tuple[str, ...]
    fetched: tuple[str, ...]
    spilled: tuple[str, ...]
    spilled_bytes: int
    decomposed: tuple[Choice, ...]
    recomputed: tuple[Recomputed, ...]
    arena_without_bytes: int
    loss: float
    tailored: Tailored | None
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
    budget = settings.budget
    use = blocks_used(memories(plan.engine, plan.arena_words, plan.constant_words), plan.in_uram)
    network = network_of(graph)
    cycles = [sum(row.cycles for row in own) for own in step_times(plan, network, design)]
    stays = {item.name: item.start_step < 0 for item in plan.held}
    return CompileReport(
        network=plan.network,
        board=settings.board.name,
        style=STYLE,
        status=plan.status,
        cycles=plan.cycles,
        bound_cycles=plan.bound_cycles,
        clock_mhz=design.clock_mhz,
        fps=design.clock_mhz * 1e6 / plan.cycles,
        latency_us=plan.cycles / design.clock_mhz,
        macs=design.macs,
        dense_macs=total_macs(source),
        multipliers=plan.engine.multipliers,
        macs_per_multiplier_cycle=design.macs / plan.cycles / plan.engine.multipliers,
        engine=plan.engine,
        dsp=plan.dsp,
        dsp_budget=budget.dsp,
        lut=plan.lut,
        lut_budget=budget.lut,
        ff=plan.ff,
        ff_budget=budget.ff,
        memory_bytes=plan.memory_bytes,
        memory_budget_bytes=budget.memory_bytes,
        arena_bytes=plan.arena_words * WORD_BYTES,
        constant_bytes=plan.constant_words * plan.engine.port_bytes,
        fetched_bytes=sum(plan.fetched_words) * plan.engine.bus_bytes,
        bram18=use.bram18,
        uram=use.uram,
        steps=len(plan.steps),
        strips=sum(
            step.kind == "run" and (step.first_row > 0 or step.instance > 0) for step in plan.steps
        ),
        resident=tuple(name for name, stay in stays.items() if stay),
        fetched=tuple(name for name, stay in stays.items() if not stay),
        spilled=tuple(spill_places(plan, network)[0]),
        spilled_bytes=spilled_bytes(plan, network),
        decomposed=plan.choices,
        recomputed=recomputed_strips(plan, network, cycles),
        arena_without_bytes=bytes_without(plan, network),
        loss=plan.loss,
        tailored=plan.tailored,
        accuracy=accuracy,
    )


def rows(report: CompileReport) -> list[tuple[str, str]]:
    """The summary for people."""
    gap = 1 - report.bound_cycles / report.cycles
    proof = "optimal (proved)" if report.status == "optimal" else f"feasible (gap {gap:.1%})"
    found = [
        ("plan", proof),
        ("cycles per image", f"{report.cycles:,} (at least {report.bound_cycles:,})"),
        ("throughput", f"{report.fps:,.1f} images/s at {report.clock_mhz} MHz"),
        ("engine", _sizes(report.engine)),
        ("MAC per multiplier per cycle", f"{report.macs_per_multiplier_cycle:.3f}"),
        ("MACs", kept(report.macs, report.dense_macs)),
        ("DSP slices", f"{report.dsp} of {report.dsp_budget}"),
        (
            "LUTs, flip-flops",
            f"{report.lut:,} of {report.lut_budget:,}, {report.ff:,} of"
            f" {report.ff_budget:,} (a model: no synthesis yet)",
        ),
        (
            "on-chip memory",
            f"{report.memory_bytes:,} of {report.memory_budget_bytes:,} bytes"
            f" ({report.arena_bytes:,} arena, {report.constant_bytes:,} constants);"
            f" {report.bram18} BRAM18, {report.uram} URAM",
        ),
        (
            "constants",
            f"{len(report.resident)} ops resident, {len(report.fetched)} fetched"
            f" ({report.fetched_bytes:,} bytes per image)",
        ),
        ("spilled", _spilled(report)),
        ("steps", f"{report.steps:,}, of which {report.strips:,} go on with a tensor"),
        ("decomposed", described(report.decomposed)),
        ("recomputed", _recomputed(report)),
    ]
    if report.tailored is not None:
        found.append(("an engine of its own", _compared(report.tailored, report.cycles)))
    if report.accuracy is not None:
        found.append(("top-1", str(report.accuracy)))
    return found


def _sizes(engine: Engine) -> str:
    return (
        f"PE {engine.pe} x SIMD {engine.simd}, stripes of {engine.stripe} pixels,"
        f" {engine.vector_lanes} vector lanes, {engine.requant_lanes} results,"
        f" {engine.port_bytes} bytes of constants and {engine.bus_bytes} of DRAM per cycle"
    )


def _compared(tailored: Tailored, cycles: int) -> str:
    if tailored.cycles >= cycles:
        return "none was found that is faster"
    return (
        f"{tailored.cycles:,} cycles ({1 - tailored.cycles / cycles:.1%} fewer):"
        f" {_sizes(tailored.engine)}"
    )


def _spilled(report: CompileReport) -> str:
    if not report.spilled:
        return "none"
    tensors = "tensor" if len(report.spilled) == 1 else "tensors"
    return (
        f"{len(report.spilled)} {tensors} through DRAM ({report.spilled_bytes:,} bytes per image,"
        " there and back)"
    )


def _recomputed(report: CompileReport) -> str:
    again = report.recomputed
    if not again:
        return "none"
    lines = [strip_text(item) for item in again[:MOST_LINES]]
    more = len(again) - MOST_LINES
    lines += [f"and {more} more (report.json)"] if more > 0 else []
    cycles = sum(item.cycles for item in again)
    lines.append(
        f"{len(again)} strips, {cycles:,} cycles; without, the arena would have at least"
        f" {report.arena_without_bytes:,} bytes"
    )
    return "\n".join(lines)


@dataclass(frozen=True)
class SimulateReport:
    """A simulated image; `steps` are those of its time line."""

    images: int
    cycles: int
    fps: float
    clock_mhz: int
    stall_cycles: int
    peak_arena_bytes: int
    steps: tuple[StepTime, ...]


def summarize_simulation(result: SimResult) -> SimulateReport:
    """The summary of a simulation."""
    return SimulateReport(
        images=len(next(iter(result.outputs.values()))),
        cycles=result.cycles,
        fps=result.clock_mhz * 1e6 / result.cycles,
        clock_mhz=result.clock_mhz,
        stall_cycles=result.stalls,
        peak_arena_bytes=result.peak_bytes,
        steps=result.steps,
    )


TIME_LINE = ("step", "kind", "from", "to", "cycles", "computing", "fetching")


def headline(report: SimulateReport) -> str:
    """A simulation in one line."""
    return (
        f"{report.cycles:,} cycles per image, {report.fps:,.1f} images/s at"
        f" {report.clock_mhz} MHz, {report.stall_cycles:,} stall cycles,"
        f" {report.peak_arena_bytes:,} bytes of arena"
    )


def time_line_rows(report: SimulateReport) -> list[tuple[str, ...]]:
    """The time line, a row per step, with the columns `TIME_LINE`."""
    return [
        (
            step.source[-48:] + (f" (again, {step.instance + 1})" if step.instance else ""),
            step.kind,
            f"{step.start_cycle:,}",
            f"{step.end_cycle:,}",
            f"{step.cycles:,}",
            f"{step.compute_trips:,}",
            f"{step.fetch_words:,}",
        )
        for step in report.steps
    ]
