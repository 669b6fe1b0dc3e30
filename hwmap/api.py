"""The verbs: inspect, quantize, run, compile, simulate, verify. The command line prints them."""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from hwmap import ladder
from hwmap.accuracy import top1
from hwmap.board import Board, budget_of, load_board, with_clock
from hwmap.compiler import (
    Allowed,
    Compiled,
    Settings,
    allow,
    build,
    distrust,
    find_plan,
    load_source,
)
from hwmap.data.calibration import (
    read_calibration,
    read_data,
    read_labelled,
    warn_synthetic,
)
from hwmap.data.dataset import DataSet, as_given
from hwmap.errors import BudgetError, DataError, PlanError
from hwmap.files.npz import named_npz
from hwmap.files.write import check_file, check_output, write_file
from hwmap.frontend.export import export_float, export_integer
from hwmap.frontend.reader import inspect_model
from hwmap.frontend.runtime import check_model
from hwmap.inference import Network, load_network, run_float, run_integer
from hwmap.ir.graph import Graph, total_macs
from hwmap.ir.types import Array
from hwmap.ladder import Rung, run_simulation
from hwmap.passes import hardware_part, integer_part
from hwmap.progress import Progress, quiet
from hwmap.project import project_files, read_project, write_project
from hwmap.quantize.calibrate import Estimator
from hwmap.quantize.choose import quantize_graph, schemes_of
from hwmap.quantize.lower import lower
from hwmap.reduce.goal import Goal, check_drop, check_goal
from hwmap.reduce.network import decompose_network
from hwmap.reduce.report import reduce_report
from hwmap.report.inspect import compile_report, host_shape, inspect_report, measure_accuracy
from hwmap.sequential.curve import memory_curve
from hwmap.sequential.plan import Plan, from_json
from hwmap.sequential.result import SimResult

log = logging.getLogger(__name__)

TIME_LIMIT_SECONDS = 20.0
VECTOR_IMAGES = 10
CURVE_SECONDS = 5.0


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


def inspect(
    model: str | Path,
    *,
    memory: bool = False,
    time_limit: float = CURVE_SECONDS,
    progress: Progress = quiet,
) -> dict[str, object]:
    """Operators, MACs, parameters, activations of an ONNX file, what the host computes, and every
    node that is not supported or not on hardware, as a JSON object.

    With `memory` also its curve memory -> extra cycles, in whole tensors and in strips of rows;
    `time_limit` is in seconds, for one schedule.

    Raises:
        ModelError: it is no ONNX file.
        UnsupportedOperatorError: with `memory`, not all of it is on hardware.
    """
    result = inspect_report(inspect_model(Path(model)))
    if not memory:
        return result
    device = hardware_part(load_network(Path(model)).whole)
    points = memory_curve(device, seconds=time_limit, progress=progress)
    return result | {"memory_curve": [asdict(point) for point in points]}


@dataclass(frozen=True)
class QuantizeResult:
    """An integer network, where it is, and a report as a JSON object."""

    graph: Graph
    report: dict[str, object]
    path: Path | None


def quantize(
    model: str | Path,
    output: str | Path | None = None,
    *,
    calib: str | Path | None = None,
    preprocess: str | Path | None = None,
    estimator: Estimator | None = None,
    correct_bias: bool | None = None,
    progress: Progress = quiet,
) -> QuantizeResult:
    """Quantize an ONNX network to int8, and write it as a QDQ model `output` (None: nowhere).

    `calib` is a .npz of images, as the model takes them or, with the recipe `preprocess` (TOML), of
    pixels. `estimator` and `correct_bias` say how ranges are estimated and whether biases make up
    for what weights lost; what is not given is chosen by measurement.

    Raises:
        HwmapError: of the model or the data.
    """
    path = Path(model)
    if output is not None:
        check_file(Path(output), model, calib, preprocess)
    progress("reading the model")
    network = load_network(path)
    source = integer_part(network.whole)
    data = read_calibration(calib, source, preprocess)
    made = quantize_graph(source, data.inputs, schemes_of(estimator, correct_bias), progress)
    warn_synthetic(calib, source)
    result: dict[str, object] = {
        "network": source.name,
        "images": data.count,
        "estimator": made.scheme.estimator,
        "correct_bias": made.scheme.correct_bias,
        "errors": [asdict(scheme) | {"error": e} for scheme, e in made.errors.items()],
    }
    if output is None:
        return QuantizeResult(made.graph, result, None)
    progress("writing the model")
    write_file(Path(output), export_integer(made.graph, network.host))
    return QuantizeResult(made.graph, result, Path(output))


@dataclass(frozen=True)
class RunResult:
    """The outputs of a network (N, then the shape of the ONNX output), and a report as a JSON
    object: images, seconds and, with labels, top-1."""

    outputs: dict[str, Array]
    report: dict[str, object]


def run(
    model: str | Path,
    data: str | Path,
    *,
    integer: bool = False,
    calib: str | Path | None = None,
    preprocess: str | Path | None = None,
    output: str | Path | None = None,
    progress: Progress = quiet,
) -> RunResult:
    """Run an ONNX network on a .npz in float, or (`integer`) as the exact integer network that it
    is quantized to from `calib`; a QDQ model keeps its scales. Writes the outputs to the .npz
    `output`, if given.

    Raises:
        HwmapError: of the model or the data.
    """
    path = Path(model)
    if output is not None:
        check_file(Path(output), model, data, calib, preprocess)
    if calib is not None and not integer:
        raise DataError(f"{calib}: calibration data needs integer=True (--integer)")
    progress("reading the model")
    network = load_network(path)
    images = read_data(data, network.whole, preprocess)
    graph = _integer_graph(network, calib, preprocess, progress) if integer else None
    start = time.perf_counter()

    outputs = (
        run_float(network, images.inputs, progress)
        if graph is None
        else run_integer(network, graph, images.inputs, progress)
    )
    seconds = time.perf_counter() - start
    result: dict[str, object] = {
        "network": network.whole.name,
        "arithmetic": "float32" if graph is None else "int8",
        "images": images.count,
        "seconds": seconds,
        "giga_macs_per_second": images.count * total_macs(network.whole) / seconds / 1e9,
        "top1": None,
    }
    if images.labels is not None:
        result["top1"] = top1(outputs, images.labels)
    shaped = {
        name: values.reshape(len(values), *host_shape(network.whole, name)[1:])
        for name, values in as_given(network.whole, outputs).items()
    }
    if output is not None:
        write_file(Path(output), named_npz(shaped))
    return RunResult(shaped, result)


def _integer_graph(
    network: Network, calib: str | Path | None, preprocess: str | Path | None, progress: Progress
) -> Graph:
    source = integer_part(network.whole)
    data = read_calibration(calib, source, preprocess)
    if all(tensor.grid for tensor in source.tensors.values()):
        return lower(source, {})
    graph = quantize_graph(source, data.inputs, progress=progress).graph
    warn_synthetic(calib, source)
    return graph


@dataclass(frozen=True)
class DecomposeResult:
    """A float network with decomposed ops, where it is, and a report as a JSON object."""

    graph: Graph
    report: dict[str, object]
    path: Path | None


def decompose(
    model: str | Path,
    output: str | Path | None = None,
    *,
    calib: str | Path,
    macs: float | None = None,
    weights: float | None = None,
    max_drop: float | None = None,
    test_data: str | Path | None = None,
    preprocess: str | Path | None = None,
    cache: str | Path | None = None,
    progress: Progress = quiet,
) -> DecomposeResult:
    """Decompose ops of an ONNX network, and write it as an ordinary float model `output` (None:
    nowhere), to be fine-tuned elsewhere, quantized or compiled.

    The goal is one of: the share `macs` of the MACs, the share `weights` of the weights (0 to 1),
    both with the least expected error; or the fewest MACs within `max_drop` (see `compile`).
    `calib` is a .npz of images that the factors are fitted to, `test_data` one to measure on. What
    was measured about decompositions is kept in the folder `cache`.

    Raises:
        HwmapError: of the model, the data or the goal; InfeasibleError.
    """
    goal = Goal(macs, weights, max_drop)
    check_goal(goal)
    if output is not None:
        check_file(Path(output), model, calib, test_data, preprocess)
    progress("reading the model")
    network = load_network(Path(model))
    data = read_data(calib, network.whole, preprocess)
    tests = None
    if test_data is not None:
        tests = read_data(test_data, network.whole, preprocess)
    folder = None if cache is None else Path(cache)
    made = decompose_network(network, data, goal, folder, progress)
    result = reduce_report(made, data, tests, progress)
    if output is None:
        return DecomposeResult(made.whole, result, None)
    progress("writing the model")
    write_file(Path(output), export_float(made.whole))
    return DecomposeResult(made.whole, result, Path(output))


def compile(
    model: str | Path,
    board: str | Board,
    output: str | Path | None = None,
    *,
    calib: str | Path | None = None,
    test_data: str | Path | None = None,
    preprocess: str | Path | None = None,
    mem: int | None = None,
    dsp: int | None = None,
    clock_mhz: int | None = None,
    max_drop: float = 0.0,
    time_limit: float = TIME_LIMIT_SECONDS,
    plan: str | Path | None = None,
    cache: str | Path | None = None,
    progress: Progress = quiet,
) -> CompileResult:
    """Compile an ONNX network for a board into the new directory `output` (None: nowhere).

    `mem` (bytes) and `dsp` (slices) are budgets below what the board has. `calib` is a .npz of
    images for decomposition and quantization, `test_data` a labelled one to measure accuracy on;
    with the recipe `preprocess` (TOML) both hold pixels.
    `max_drop` is what decompositions may cost: points of top-1 if `calib` has labels, else percent
    of relative error of the outputs; 0 keeps every op as it is. `plan` is a plan.json to use
    instead of solving. What was measured about decompositions is kept in the folder `cache`.
    `progress` is told what is going on.

    Raises:
        HwmapError: of the model, data, board or budget; InfeasibleError, TimeLimitError.
    """
    path = Path(model)
    _check_limits(max_drop, time_limit)
    if max_drop and calib is None:
        raise DataError("decompositions are fitted to data; give --calib, or --max-drop 0")
    if output is not None:
        check_output(Path(output))
    target = load_board(board) if isinstance(board, str) else board
    target = target if clock_mhz is None else with_clock(target, clock_mhz)
    budget = budget_of(target, dsp=dsp, memory_bytes=mem)
    progress("reading the model")
    source = load_source(path)
    check_model(path)
    data = read_calibration(calib, source, preprocess)
    tests = None if test_data is None else read_labelled(test_data, source, preprocess)
    allowed = allow(source, data, max_drop, None if cache is None else Path(cache), progress)
    settings = Settings(target, budget, max_drop, allowed.max_loss)
    made = _plan(plan, source, settings, allowed, data, time_limit, progress)
    compiled = build(source, settings, data, made, progress)
    warn_synthetic(calib, source)
    progress("measuring")
    accuracy = None if tests is None else measure_accuracy(compiled, tests)
    result = compile_report(compiled, accuracy)
    if output is None:
        return CompileResult(compiled, result, None)
    progress("writing the project")
    images = (tests or data).first(VECTOR_IMAGES)
    write_project(Path(output), project_files(compiled, path, images, result))
    return CompileResult(compiled, result, Path(output))


def _check_limits(max_drop: float, time_limit: float) -> None:
    check_drop(max_drop)
    if not 0 < time_limit <= 86400:
        raise BudgetError(f"time limit of {time_limit} s; give a positive number up to 86400")


def _plan(
    plan: str | Path | None,
    source: Graph,
    settings: Settings,
    allowed: Allowed,
    data: DataSet,
    seconds: float,
    progress: Progress,
) -> Plan:
    if plan is None:
        return find_plan(source, settings, allowed, seconds, progress)
    path = Path(plan)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{path}: cannot be read; expected a plan.json") from error
    return distrust(source, settings, allowed, from_json(text, str(path)), data)


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
