"""The union of styles. Whatever depends on the style of an accelerator is asked here, in a match
for each question; no room above names a style. (Only one style has a curve of memory.)"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, assert_never

from hwmap import sequential, streaming
from hwmap.accuracy import Accuracy
from hwmap.board import Board
from hwmap.decompose.candidates import Candidate
from hwmap.errors import (
    BudgetError,
    HwmapError,
    InfeasibleError,
    PlanError,
    TimeLimitError,
    UnsupportedOperatorError,
)
from hwmap.files.words import tensor_bytes
from hwmap.ir.graph import Graph
from hwmap.ir.types import Array
from hwmap.profile import Profile
from hwmap.progress import Progress
from hwmap.rung import Rung
from hwmap.solve.settings import Settings

log = logging.getLogger(__name__)

Style = sequential.plan.Style | streaming.plan.Style
DEFAULT_STYLE: Style = sequential.plan.STYLE
STYLES: tuple[Style, ...] = (sequential.plan.STYLE, streaming.plan.STYLE)
Wanted = Style | Literal["auto"]
"""A style, or the one that turns out to be faster."""

Plan = sequential.plan.Plan | streaming.plan.Plan
Design = sequential.design.Design | streaming.design.Design
SimResult = sequential.result.SimResult | streaming.result.SimResult
CompileReport = sequential.summary.CompileReport | streaming.summary.CompileReport
SimulateReport = sequential.summary.SimulateReport | streaming.summary.SimulateReport
CurveRow = sequential.curve.CurveRow


def parse_style(text: str) -> Wanted:
    """The style that a user names.

    Raises:
        BudgetError: there is none of that name.
    """
    for style in STYLES:
        if text == style:
            return style
    if text == "auto":
        return "auto"
    raise BudgetError(f"style '{text}' is not known; expected {', '.join(STYLES)} or auto")


def solve(
    style: Wanted,
    source: Graph,
    candidates: Mapping[str, Sequence[Candidate]],
    settings: Settings,
    seconds: float,
    progress: Progress,
) -> Plan:
    """The fastest plan for a float network that was found in the time, with a proved bound.

    Raises:
        InfeasibleError, TimeLimitError: there is none, or none was found.
        UnsupportedOperatorError: the style lacks ops; all are named.
    """
    match style:
        case "sequential":
            target = sequential.solve.Target(
                settings.board, settings.budget, whole_memory=settings.whole_memory
            )
            return sequential.solve.solve(
                source, candidates, target, settings.max_loss, seconds, progress
            )
        case "streaming":
            return streaming.solve.solve(source, candidates, settings, seconds, progress)
        case "auto":
            return _faster(source, candidates, settings, seconds, progress)
        case _:
            assert_never(style)


def solve_for(
    built: Plan,
    source: Graph,
    candidates: Mapping[str, Sequence[Candidate]],
    settings: Settings,
    seconds: float,
    progress: Progress,
) -> Plan:
    """The fastest plan that was found for the hardware that another plan, `built`, has made.

    Raises:
        PlanError: it is one network's hardware.
        InfeasibleError, TimeLimitError: there is no plan, or none was found.
    """
    match built:
        case sequential.plan.Plan():
            target = sequential.solve.Target(settings.board, settings.budget, built)
            return sequential.solve.solve_for(
                source, candidates, target, settings.max_loss, seconds, progress
            )
        case streaming.plan.Plan():
            raise PlanError(
                f"the kernels of '{built.network}' run that network alone; expected a build of"
                f" --style {sequential.plan.STYLE}, whose engine runs any"
            )
        case _:
            assert_never(built)


def _faster(
    source: Graph,
    candidates: Mapping[str, Sequence[Candidate]],
    settings: Settings,
    seconds: float,
    progress: Progress,
) -> Plan:
    """The faster of the plans of all styles; each has its share of the time."""
    plans: list[Plan] = []
    failures: list[HwmapError] = []
    for style in STYLES:
        try:
            share = seconds / len(STYLES)
            plans.append(solve(style, source, candidates, settings, share, progress))
        except (InfeasibleError, TimeLimitError, UnsupportedOperatorError) as error:
            failures.append(error)
            log.warning("no plan of the %s style: %s", style, error)
    if not plans:
        raise failures[0]
    return min(plans, key=lambda plan: plan.cycles)


def check(plan: Plan, graph: Graph, settings: Settings) -> None:
    """Pass if `plan` runs `graph` (rewritten with the plan's choices) as it promises.

    Raises:
        PlanError: the first promise that it breaks.
    """
    match plan:
        case sequential.plan.Plan():
            board, budget = settings.board, settings.budget
            sequential.check.check_plan(plan, graph, board, budget, settings.max_loss)
        case streaming.plan.Plan():
            streaming.check.check_plan(plan, graph, settings)
        case _:
            assert_never(plan)


def plan_to_json(plan: Plan) -> str:
    """The plan as readable JSON."""
    match plan:
        case sequential.plan.Plan():
            return sequential.plan.to_json(plan)
        case streaming.plan.Plan():
            return streaming.plan.to_json(plan)
        case _:
            assert_never(plan)


def plan_from_json(text: str, source: str) -> Plan:
    """The plan that `plan_to_json` wrote; `source` is named in errors.

    Raises:
        PlanError: it is not one, of any style.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = {}
    if isinstance(values, dict) and values.get("style") == streaming.plan.STYLE:
        return streaming.plan.from_json(text, source)
    return sequential.plan.from_json(text, source)


def design_of(graph: Graph, plan: Plan, settings: Settings) -> Design:
    """The design that runs the integer `graph` as `plan` says."""
    board = settings.board
    match plan:
        case sequential.plan.Plan():
            return sequential.design.build_design(graph, plan, board)
        case streaming.plan.Plan():
            return streaming.design.build_design(
                graph,
                plan.foldings,
                plan.depths,
                board,
                recomputed=plan.recomputed,
                by_shifts=settings.by_shifts,
            )
        case _:
            assert_never(plan)


def emit(design: Design) -> dict[str, str | bytes]:
    """Every file of the hardware project: {path: content}."""
    match design:
        case sequential.design.Design():
            return sequential.hls.render(design)
        case streaming.design.Design():
            return streaming.hls.render(design)
        case _:
            assert_never(design)


def input_bytes(design: Design, tensors: Mapping[str, Array]) -> bytes:
    """The integers of the inputs (N, C, H, W) as they go into the accelerator."""
    match design:
        case sequential.design.Design():
            return sequential.vectors.stream_bytes(design, "load", tensors)
        case streaming.design.Design():
            names = [tensor.name for tensor in design.inputs]
            return tensor_bytes(names, tensors)
        case _:
            assert_never(design)


def output_bytes(design: Design, tensors: Mapping[str, Array]) -> bytes:
    """The integers of the outputs (N, C, H, W) as they come out of it."""
    match design:
        case sequential.design.Design():
            return sequential.vectors.stream_bytes(design, "store", tensors)
        case streaming.design.Design():
            names = [tensor.name for tensor in design.outputs]
            return tensor_bytes(names, tensors)
        case _:
            assert_never(design)


def simulate(design: Design, inputs: Mapping[str, Array]) -> SimResult:
    """Values and cycles of `design` on integer `inputs` (N, C, H, W)."""
    match design:
        case sequential.design.Design():
            return sequential.simulate.simulate(design, inputs)
        case streaming.design.Design():
            return streaming.simulate.simulate(design, inputs)
        case _:
            assert_never(design)


def planned_rungs(plan: Plan, simulated: SimResult) -> Iterator[Rung]:
    """What the plan promises of time = the simulator."""
    match simulated:
        case sequential.result.SimResult():
            assert isinstance(plan, sequential.plan.Plan)
            yield sequential.rungs.planned_rung(plan, simulated)
        case streaming.result.SimResult():
            assert isinstance(plan, streaming.plan.Plan)
            yield streaming.rungs.planned_rung(plan, simulated)
        case _:
            assert_never(simulated)


def counted_rungs(design: Design, directory: Path, images: int) -> Iterator[Rung]:
    """The simulator's time = what the C++ has counted in a build directory."""
    match design:
        case sequential.design.Design():
            yield sequential.rungs.counted_rung(design, directory, images)
        case streaming.design.Design():
            yield streaming.rungs.counted_rung(design, directory, images)
        case _:
            assert_never(design)


def summary(
    plan: Plan,
    design: Design,
    settings: Settings,
    source: Graph,
    graph: Graph,
    accuracy: Accuracy | None,
) -> CompileReport:
    """What a compiled design is worth; `source` is the float network, `graph` the integer one."""
    match plan:
        case sequential.plan.Plan():
            assert isinstance(design, sequential.design.Design)
            return sequential.summary.summarize(plan, design, settings, source, graph, accuracy)
        case streaming.plan.Plan():
            assert isinstance(design, streaming.design.Design)
            return streaming.summary.summarize(plan, design, settings, source, graph, accuracy)
        case _:
            assert_never(plan)


def profile(plan: Plan, design: Design, graph: Graph, board: Board) -> Profile:
    """What a design does with its time and its memory; `graph` is its integer graph."""
    match plan:
        case sequential.plan.Plan():
            assert isinstance(design, sequential.design.Design)
            return sequential.profile.profile_of(plan, design, graph)
        case streaming.plan.Plan():
            assert isinstance(design, streaming.design.Design)
            return streaming.profile.profile_of(plan, design, graph, board)
        case _:
            assert_never(plan)


def with_bound(plan: Plan, bound_cycles: int) -> Plan:
    """The plan with a proved bound, and the status that follows from it."""
    bound = min(bound_cycles, plan.cycles)
    return replace(
        plan, status="optimal" if bound == plan.cycles else "feasible", bound_cycles=bound
    )


def summary_rows(report: CompileReport) -> list[tuple[str, str]]:
    """The summary for people: pairs of a name and a value."""
    match report:
        case sequential.summary.CompileReport():
            return sequential.summary.rows(report)
        case streaming.summary.CompileReport():
            return streaming.summary.rows(report)
        case _:
            assert_never(report)


def sim_summary(result: SimResult) -> SimulateReport:
    """What a simulation found, but for the values."""
    match result:
        case sequential.result.SimResult():
            return sequential.summary.summarize_simulation(result)
        case streaming.result.SimResult():
            return streaming.summary.summarize_simulation(result)
        case _:
            assert_never(result)


def sim_table(report: SimulateReport) -> tuple[str, tuple[str, ...], list[tuple[str, ...]]]:
    """The same for people: a line, and a table of names and rows."""
    match report:
        case sequential.summary.SimulateReport():
            rows = sequential.summary.time_line_rows(report)
            return sequential.summary.headline(report), sequential.summary.TIME_LINE, rows
        case streaming.summary.SimulateReport():
            rows = streaming.summary.kernel_rows(report)
            return streaming.summary.headline(report), streaming.summary.KERNELS, rows
        case _:
            assert_never(report)


def memory_curve(graph: Graph, seconds: float, progress: Progress) -> Iterator[CurveRow]:
    """Memory of activations -> extra cycles, which only the sequential style trades."""
    return sequential.curve.memory_curve(graph, seconds=seconds, progress=progress)


def curve_table(
    curve: Iterable[CurveRow],
) -> tuple[str, str, tuple[str, ...], list[tuple[str, ...]]]:
    """The same for people: a title, a caption, and a table of names and rows."""
    made = sequential.curve
    return made.TITLE, made.CAPTION, made.COLUMNS, made.curve_rows(curve)
