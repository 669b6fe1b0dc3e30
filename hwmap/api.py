"""The verbs: inspect, compile, simulate, verify. The command line is a thin layer over them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hwmap import ladder
from hwmap.board import Board, budget_of, load_board, with_clock
from hwmap.compiler import (
    Compiled,
    Report,
    Settings,
    build,
    distrust,
    find_plan,
    load_network,
)
from hwmap.data import DataSet, load_data
from hwmap.errors import BudgetError, DataError, PlanError, UnsupportedOperatorError
from hwmap.frontend.reader import inspect_model
from hwmap.frontend.runtime import check_model
from hwmap.ir.graph import Graph
from hwmap.ladder import Rung, run_simulation
from hwmap.project import check_output, project_files, read_project, write_project
from hwmap.quantize.calibrate import synthetic_inputs
from hwmap.report import compile_report, inspect_report, measure_accuracy
from hwmap.sim.result import SimResult
from hwmap.solve.plan import Plan, from_json

log = logging.getLogger(__name__)

MAX_ERROR = 0.02
TIME_LIMIT_SECONDS = 20.0
VECTOR_IMAGES = 10


@dataclass(frozen=True)
class CompileResult:
    """A compiled network, its report (see `hwmap.report.compile_report`), and where it is."""

    compiled: Compiled
    report: dict[str, object]
    directory: Path | None


@dataclass(frozen=True)
class VerifyResult:
    """Every rung of the ladder of proof."""

    rungs: tuple[Rung, ...]

    @property
    def holds(self) -> bool:
        """Whether no rung failed."""
        return all(rung.holds is not False for rung in self.rungs)


def _quiet(_: str) -> None:
    """Report nothing."""


def inspect(model: str | Path) -> dict[str, object]:
    """Operators, MACs, parameters, activations of an ONNX file, and every node that is not
    supported, as a JSON object.

    Raises:
        ModelError: it is no ONNX file.
    """
    path = Path(model)
    file = inspect_model(path)
    if file.graph is None:
        return inspect_report(file, None)
    try:
        return inspect_report(file, load_network(path))
    except UnsupportedOperatorError as error:
        return inspect_report(file, None) | {
            "unsupported": [{"node": file.name, "reason": str(error)}]
        }


def compile(
    model: str | Path,
    board: str | Board,
    output: str | Path | None = None,
    *,
    calib: str | Path | None = None,
    test_data: str | Path | None = None,
    mem: int | None = None,
    dsp: int | None = None,
    clock_mhz: int | None = None,
    max_error: float = MAX_ERROR,
    time_limit: float = TIME_LIMIT_SECONDS,
    plan: str | Path | None = None,
    report: Report = _quiet,
) -> CompileResult:
    """Compile an ONNX network for a board into the new directory `output` (None: nowhere).

    `mem` (bytes) and `dsp` (slices) are budgets below what the board has. `calib` is a .npz of
    images for decomposition and quantization, `test_data` a labelled one to measure accuracy on.
    `max_error` limits the summed relative output error of all decomposed ops. `plan` is a plan.json
    to use instead of solving. `report` is told what is going on.

    Raises:
        HwmapError: of the model, data, board or budget; InfeasibleError, TimeLimitError.
    """
    path = Path(model)
    _check_limits(max_error, time_limit)
    if output is not None:
        check_output(Path(output))
    target = load_board(board) if isinstance(board, str) else board
    target = target if clock_mhz is None else with_clock(target, clock_mhz)
    settings = Settings(target, budget_of(target, dsp=dsp, memory_bytes=mem), max_error)
    report("reading the model")
    source = load_network(path)
    check_model(path)
    data = _calibration(calib, source)
    tests = None if test_data is None else _labelled(Path(test_data), source)
    made = _plan(plan, source, settings, data, time_limit, report)
    compiled = build(source, settings, data, made, report)
    if calib is None:
        log.warning(
            "no calibration data: '%s' was quantized on random images, so its accuracy means"
            " nothing; give --calib data.npz",
            source.name,
        )
    report("measuring")
    accuracy = None if tests is None else measure_accuracy(compiled, tests)
    result = compile_report(compiled, accuracy)
    if output is None:
        return CompileResult(compiled, result, None)
    report("writing the project")
    images = (tests or data).first(VECTOR_IMAGES)
    write_project(Path(output), project_files(compiled, path, images, result))
    return CompileResult(compiled, result, Path(output))


def _check_limits(max_error: float, time_limit: float) -> None:
    if not 0 <= max_error <= 100:
        raise BudgetError(f"error limit of {max_error}; give a number from 0 to 100, like 0.02")
    if not 0 < time_limit <= 86400:
        raise BudgetError(f"time limit of {time_limit} s; give a positive number up to 86400")


def _plan(
    plan: str | Path | None,
    source: Graph,
    settings: Settings,
    data: DataSet,
    seconds: float,
    report: Report,
) -> Plan:
    if plan is None:
        return find_plan(source, settings, data, seconds, report)
    path = Path(plan)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{path}: cannot be read; expected a plan.json") from error
    return distrust(source, settings, from_json(text, str(path)), data)


def _labelled(path: Path, source: Graph) -> DataSet:
    data = load_data(path, source)
    if data.labels is None:
        raise DataError(f"{path}: array 'y' is missing; expected a label for each image")
    if len(source.outputs) != 1:
        raise DataError(f"{path}: accuracy needs one output, '{source.name}' has several")
    classes = source.tensors[source.outputs[0]].elements
    if data.labels.min() < 0 or data.labels.max() >= classes:
        raise DataError(
            f"{path}: 'y' holds labels outside 0 to {classes - 1}, the network's classes"
        )
    return data


def _calibration(calib: str | Path | None, source: Graph) -> DataSet:
    if calib is not None:
        return load_data(Path(calib), source)
    return DataSet(dict(synthetic_inputs(source)), None)


def simulate(directory: str | Path, images: int | None = None) -> SimResult:
    """Simulate a build directory on its (first) test images.

    Raises:
        OutputError: it is no complete build.
    """
    return run_simulation(read_project(Path(directory)), images)


def verify(directory: str | Path, report: Callable[[Rung], None] = lambda _: None) -> VerifyResult:
    """Climb the ladder of proof for a build directory; `report` is told each rung.

    Raises:
        OutputError: it is no complete build, or make or g++ is missing.
    """
    project = read_project(Path(directory))
    rungs = []
    for rung in ladder.climb(project, run_simulation(project)):
        report(rung)
        rungs.append(rung)
    return VerifyResult(tuple(rungs))
