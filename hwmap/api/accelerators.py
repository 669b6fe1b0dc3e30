"""The verbs for accelerators: compile, simulate, verify."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hwmap import ladder
from hwmap.board import Board, Budget, budget_of, load_board, parse_bytes, with_clock
from hwmap.compiler import Allowed, Compiled, allow, build, distrust, find_plan, load_source
from hwmap.data.calibration import (
    read_calibration,
    read_labelled,
    warn_synthetic,
)
from hwmap.data.dataset import DataSet
from hwmap.errors import BudgetError, DataError, PlanError
from hwmap.explore.single import design_page
from hwmap.files.write import check_output, write_folder
from hwmap.frontend.runtime import check_model
from hwmap.ir.graph import Graph
from hwmap.ladder import run_simulation
from hwmap.progress import Progress, quiet
from hwmap.project import project_files, read_engine, read_project
from hwmap.quantize.scales import parse_scales, scales_of
from hwmap.reduce.goal import check_drop
from hwmap.report.compiled import compile_report, measure_accuracy
from hwmap.rung import Rung
from hwmap.solve.settings import Settings
from hwmap.style import (
    DEFAULT_STYLE,
    CompileReport,
    Plan,
    SimResult,
    Wanted,
    parse_style,
    plan_from_json,
    solve_for,
)

TIME_LIMIT_SECONDS = 20.0
VECTOR_IMAGES = 10
PAGE = "report.html"


@dataclass(frozen=True)
class CompileResult:
    """A compiled network, what it is worth, and where it is."""

    compiled: Compiled
    report: CompileReport
    directory: Path | None


@dataclass(frozen=True)
class VerifyResult:
    """Every rung of the ladder of proof."""

    rungs: tuple[Rung, ...]

    @property
    def holds(self) -> bool:
        """Whether no rung failed."""
        return all(rung.holds is not False for rung in self.rungs)


def compile(
    model: str | Path,
    board: str | Board | None = None,
    output: str | Path | None = None,
    *,
    calib: str | Path | None = None,
    test_data: str | Path | None = None,
    preprocess: str | Path | None = None,
    mem: int | str | None = None,
    dsp: int | None = None,
    lut: int | None = None,
    clock_mhz: int | None = None,
    max_drop: float = 0.0,
    time_limit: float = TIME_LIMIT_SECONDS,
    style: str = DEFAULT_STYLE,
    scales: str | None = None,
    plan: str | Path | None = None,
    engine: str | Path | None = None,
    whole_memory: bool = False,
    cache: str | Path | None = None,
    progress: Progress = quiet,
) -> CompileResult:
    """Compile an ONNX network for a board into the new directory `output` (None: nowhere).

    `mem` (bytes, or a text such as "256KiB"), `dsp` (slices) and `lut` are budgets below what the
    board has. `calib` is a .npz of images for decomposition and quantization, `test_data` a
    labelled one to measure accuracy on; with the recipe `preprocess` (TOML) both hold pixels.
    `max_drop` is what decompositions may cost: points of top-1 if `calib` has labels, else percent
    of relative error of the outputs; 0 keeps every op as it is. `plan` is a plan.json to use
    instead of solving. `engine` is a build directory, instead of a board and budgets: the network
    becomes a program for the engine that is there; one that was made with `whole_memory` takes any
    network, for it has all memory of the budget, and a port for spills. `style` is one of
    `hwmap.style.STYLES`, or auto for the fastest. `scales` are "free", or "power-of-two": a kernel
    then requantizes by shifts, without DSP slices (None: those of the model, else free). What was
    measured about decompositions is kept in the folder `cache`. `progress` is told what is going
    on.

    Raises:
        HwmapError: of the model, data, board or budget; InfeasibleError, TimeLimitError.
    """
    path = Path(model)
    wanted = parse_style(style)
    check_limits(max_drop, time_limit)
    if max_drop and calib is None:
        raise DataError("decompositions are fitted to data; give --calib, or --max-drop 0")
    if output is not None:
        check_output(Path(output))
    if whole_memory and (wanted != DEFAULT_STYLE or engine is not None or plan is not None):
        raise BudgetError(
            f"all memory is for an engine that is chosen now, of style {DEFAULT_STYLE}; give"
            " --whole-memory without --style, --engine, --plan"
        )
    built = None
    if engine is not None:
        if wanted != DEFAULT_STYLE or any(
            other is not None for other in (board, mem, dsp, lut, clock_mhz, plan)
        ):
            raise BudgetError(
                "an engine that exists has its style, board and budgets, and wants a plan of its"
                " own; give --engine without --style, --board, --mem, --dsp, --lut, --clock, --plan"
            )
        made_for, built = read_engine(Path(engine))
        target, budget = made_for.board, made_for.budget
    else:
        target, budget = _budget(board, mem, dsp, lut, clock_mhz)
    progress("reading the model")
    source = load_source(path)
    check_model(path)
    chosen = scales_of(source, parse_scales(scales))
    data = read_calibration(calib, source, preprocess)
    tests = None if test_data is None else read_labelled(test_data, source, preprocess)
    allowed = allow(source, data, max_drop, None if cache is None else Path(cache), progress)
    settings = Settings(target, budget, max_drop, allowed.max_loss, chosen, whole_memory)
    if built is not None:
        made = solve_for(built, source, allowed.candidates, settings, time_limit, progress)
    else:
        made = _plan(plan, wanted, source, settings, allowed, data, time_limit, progress)
    compiled = build(source, settings, data, made, progress)
    warn_synthetic(data, source)
    return finish(compiled, path, data, tests, output, progress)


def _budget(
    board: str | Board | None,
    mem: int | str | None,
    dsp: int | None,
    lut: int | None,
    clock_mhz: int | None,
) -> tuple[Board, Budget]:
    """The board, and what of it may be used."""
    if board is None:
        raise BudgetError("no board; give --board, or --engine")
    target = load_board(board) if isinstance(board, str) else board
    target = target if clock_mhz is None else with_clock(target, clock_mhz)
    memory_bytes = parse_bytes(mem) if isinstance(mem, str) else mem
    return target, budget_of(target, dsp=dsp, lut=lut, memory_bytes=memory_bytes)


def finish(
    compiled: Compiled,
    model: Path,
    data: DataSet,
    tests: DataSet | None,
    output: str | Path | None,
    progress: Progress,
) -> CompileResult:
    """What a compiled network is worth, and its project in the new directory `output`."""
    progress("measuring")
    accuracy = None if tests is None else measure_accuracy(compiled, tests, data)
    report = compile_report(compiled, accuracy)
    if output is None:
        return CompileResult(compiled, report, None)
    progress("writing the project")
    images = (tests or data).first(VECTOR_IMAGES)
    files = project_files(compiled, model, images, report)
    write_folder(Path(output), {**files, PAGE: design_page(compiled, report, model)})
    return CompileResult(compiled, report, Path(output))


def check_limits(max_drop: float, time_limit: float) -> None:
    """Refuse a limit that is none.

    Raises:
        BudgetError: it is out of range.
    """
    check_drop(max_drop)
    if not 0 < time_limit <= 86400:
        raise BudgetError(f"time limit of {time_limit} s; give a positive number up to 86400")


def _plan(
    plan: str | Path | None,
    wanted: Wanted,
    source: Graph,
    settings: Settings,
    allowed: Allowed,
    data: DataSet,
    seconds: float,
    progress: Progress,
) -> Plan:
    if plan is None:
        return find_plan(wanted, source, settings, allowed, seconds, progress)
    path = Path(plan)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{path}: cannot be read; expected a plan.json") from error
    return distrust(source, settings, allowed, plan_from_json(text, str(path)), data)


def simulate(directory: str | Path, images: int | None = None) -> SimResult:
    """Simulate a build directory on its (first) test images.

    Raises:
        OutputError: it is no complete build.
    """
    return run_simulation(read_project(Path(directory)), images)


def verify(directory: str | Path, show: Callable[[Rung], None] = lambda _: None) -> VerifyResult:
    """Climb the ladder of proof for a build directory; `show` is given each rung.

    Raises:
        OutputError: it is no complete build, or make or g++ is missing.
    """
    project = read_project(Path(directory))
    rungs = []
    for rung in ladder.climb(project, run_simulation(project)):
        show(rung)
        rungs.append(rung)
    return VerifyResult(tuple(rungs))
