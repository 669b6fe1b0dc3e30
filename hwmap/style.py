"""The union of styles. Whatever depends on the style of an accelerator is asked here, in a match
for each question; no room above names a style. (Where nothing tells styles apart yet, text of a
plan and the curve of memory, there is no match: a second style brings what does.)"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import assert_never

from hwmap import sequential
from hwmap.accuracy import Accuracy
from hwmap.board import Board
from hwmap.decompose.candidates import Candidate
from hwmap.ir.graph import Graph
from hwmap.ir.types import Array
from hwmap.progress import Progress
from hwmap.rung import Rung
from hwmap.solve.settings import Settings

Style = sequential.plan.Style
DEFAULT_STYLE: Style = sequential.plan.STYLE

Plan = sequential.plan.Plan
Design = sequential.design.Design
SimResult = sequential.result.SimResult
CompileReport = sequential.summary.CompileReport
SimulateReport = sequential.summary.SimulateReport
CurveRow = sequential.curve.CurveRow


def solve(
    style: Style,
    source: Graph,
    candidates: Mapping[str, Sequence[Candidate]],
    settings: Settings,
    seconds: float,
    progress: Progress,
) -> Plan:
    """The fastest plan for a float network that was found in the time, with a proved bound.

    Raises:
        InfeasibleError, TimeLimitError: there is none, or none was found.
    """
    match style:
        case "sequential":
            limits = sequential.solve.Limits(settings.budget, settings.max_loss, seconds)
            return sequential.solve.solve(source, candidates, settings.board, limits, progress)
        case _:
            assert_never(style)


def check(plan: Plan, graph: Graph, settings: Settings) -> None:
    """Pass if `plan` runs `graph` (rewritten with the plan's choices) as it promises.

    Raises:
        PlanError: the first promise that it breaks.
    """
    match plan:
        case sequential.plan.Plan():
            board, budget = settings.board, settings.budget
            sequential.check.check_plan(plan, graph, board, budget, settings.max_loss)
        case _:
            assert_never(plan)


def plan_to_json(plan: Plan) -> str:
    """The plan as readable JSON."""
    match plan:
        case sequential.plan.Plan():
            return sequential.plan.to_json(plan)
        case _:
            assert_never(plan)


def plan_from_json(text: str, source: str) -> Plan:
    """The plan that `plan_to_json` wrote; `source` is named in errors.

    Raises:
        PlanError: it is not one, of any style.
    """
    return sequential.plan.from_json(text, source)


def design_of(graph: Graph, plan: Plan, board: Board) -> Design:
    """The design that runs the integer `graph` as `plan` says."""
    match plan:
        case sequential.plan.Plan():
            return sequential.design.build_design(graph, plan, board)
        case _:
            assert_never(plan)


def emit(design: Design) -> dict[str, str | bytes]:
    """Every file of the hardware project: {path: content}."""
    match design:
        case sequential.design.Design():
            return sequential.hls.render(design)
        case _:
            assert_never(design)


def input_bytes(design: Design, tensors: Mapping[str, Array]) -> bytes:
    """The integers of the inputs (N, C, H, W) as they go into the accelerator."""
    match design:
        case sequential.design.Design():
            return sequential.vectors.stream_bytes(design, "load", tensors)
        case _:
            assert_never(design)


def output_bytes(design: Design, tensors: Mapping[str, Array]) -> bytes:
    """The integers of the outputs (N, C, H, W) as they come out of it."""
    match design:
        case sequential.design.Design():
            return sequential.vectors.stream_bytes(design, "store", tensors)
        case _:
            assert_never(design)


def simulate(design: Design, inputs: Mapping[str, Array]) -> SimResult:
    """Values and cycles of `design` on integer `inputs` (N, C, H, W)."""
    match design:
        case sequential.design.Design():
            return sequential.simulate.simulate(design, inputs)
        case _:
            assert_never(design)


def planned_rungs(plan: Plan, simulated: SimResult) -> Iterator[Rung]:
    """What the plan promises of time = the simulator."""
    match plan:
        case sequential.plan.Plan():
            yield sequential.rungs.planned_rung(plan, simulated)
        case _:
            assert_never(plan)


def counted_rungs(design: Design, directory: Path, images: int) -> Iterator[Rung]:
    """The simulator's time = what the C++ has counted in a build directory."""
    match design:
        case sequential.design.Design():
            yield sequential.rungs.counted_rung(design, directory, images)
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
            return sequential.summary.summarize(plan, design, settings, source, graph, accuracy)
        case _:
            assert_never(plan)


def summary_rows(report: CompileReport) -> list[tuple[str, str]]:
    """The summary for people: pairs of a name and a value."""
    match report:
        case sequential.summary.CompileReport():
            return sequential.summary.rows(report)
        case _:
            assert_never(report)


def sim_summary(result: SimResult) -> SimulateReport:
    """What a simulation found, but for the values."""
    match result:
        case sequential.result.SimResult():
            return sequential.summary.summarize_simulation(result)
        case _:
            assert_never(result)


def sim_table(report: SimulateReport) -> tuple[str, tuple[str, ...], list[tuple[str, ...]]]:
    """The same for people: a line, and a table of names and rows."""
    match report:
        case sequential.summary.SimulateReport():
            rows = sequential.summary.time_line_rows(report)
            return sequential.summary.headline(report), sequential.summary.TIME_LINE, rows
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
