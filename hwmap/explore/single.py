"""The page of one design: a sweep of one point."""

from pathlib import Path

from hwmap import style
from hwmap.compiler import Compiled
from hwmap.explore.page import page
from hwmap.explore.point import Point
from hwmap.style import CompileReport


def design_page(compiled: Compiled, report: CompileReport, model: Path) -> str:
    """The page of a compiled network; `model` is its file."""
    settings, plan = compiled.settings, compiled.plan
    board, budget = settings.board, settings.budget
    profile = style.profile(plan, compiled.design, compiled.graph, board)
    per_second = board.clock_mhz * 1e6
    point = Point(
        number=0,
        board=board.name,
        clock_mhz=board.clock_mhz,
        mem_bytes=budget.memory_bytes,
        dsp=budget.dsp,
        lut=budget.lut,
        max_drop=settings.max_drop,
        style=report.style,
        status=plan.status,
        plan_style=report.style,
        cycles=plan.cycles,
        bound_cycles=plan.bound_cycles,
        fps=report.fps,
        bound_fps=per_second / plan.bound_cycles if plan.bound_cycles else None,
        latency_ms=1e3 * profile.latency_cycles / per_second,
        used_mem_bytes=report.memory_bytes,
        used_dsp=report.dsp,
        used_lut=report.lut,
        used_ff=report.ff,
        decomposed=len(plan.choices),
        top1=None if report.accuracy is None else report.accuracy.integer_top1,
        message="",
    )
    command = f"hwmap compile {model.name} --board {board.name} --plan plan.json"
    if settings.scales != "free":
        command += f" --scales {settings.scales}"
    if settings.max_drop:
        command += f" --max-drop {settings.max_drop:g} --calib CALIBRATION.npz"
    return page(plan.network, [point], {0: profile}, {0: command})
