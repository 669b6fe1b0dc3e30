"""The points of a sweep as a table for people."""

from collections.abc import Sequence

from rich.table import Table

from hwmap.explore.point import Point, Solved, Task, pareto

Answer = tuple[Task, Solved]

KIB = 1024
NUMBERS = ("memory", "DSP", "LUTs", "drop", "images/s", "at most", "latency", "in use", "top-1")


def explore_table(points: Sequence[Point]) -> Table:
    """A row per point, without what is the same for all; those that none beats in throughput and
    memory have a star."""
    front = set(pareto(points))
    rows = [_cells(point, star=point.number in front) for point in points]
    table = Table(title="what a budget costs", caption="*: no point beats it in both")
    shown = [name for name in rows[0] if len({row[name] for row in rows}) > 1]
    for name in shown:
        table.add_column(name, justify="right" if name in NUMBERS else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(row[name] for name in shown))
    return table


def answers_table(answers: Sequence[Answer]) -> Table:
    """A row per answer of a solver, while a sweep goes on."""
    table = Table()
    for name in ("board", "memory", "DSP", "LUTs", "drop", "style", "status", "images/s"):
        table.add_column(name, justify="right" if name in NUMBERS else "left", no_wrap=True)
    for task, answer in answers:
        rate = task.clock_mhz * 1e6 / answer.cycles if answer.plan else None
        table.add_row(
            f"{task.board}, {task.clock_mhz} MHz",
            f"{task.mem_bytes / KIB:,.0f} KiB",
            f"{task.dsp:,}",
            f"{task.lut:,}",
            f"{task.max_drop:g}",
            task.style,
            answer.status,
            _shown(rate, "{:,.1f}"),
        )
    return table


def _cells(point: Point, *, star: bool) -> dict[str, str]:
    used = None if point.used_mem_bytes is None else point.used_mem_bytes / KIB
    return {
        "": f"{point.number}{'*' if star else ''}",
        "board": f"{point.board}, {point.clock_mhz} MHz",
        "memory": f"{point.mem_bytes / KIB:,.0f} KiB",
        "DSP": f"{point.dsp:,}",
        "LUTs": f"{point.lut:,}",
        "drop": f"{point.max_drop:g}",
        "style": point.plan_style or point.style,
        "status": point.status,
        "images/s": _shown(point.fps, "{:,.1f}"),
        "at most": _shown(point.bound_fps, "{:,.1f}"),
        "latency": _shown(point.latency_ms, "{:,.3f} ms"),
        "in use": _shown(used, "{:,.0f} KiB"),
        "top-1": _shown(point.top1, "{:.2%}"),
    }


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
