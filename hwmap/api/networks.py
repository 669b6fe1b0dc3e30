"""The verbs for networks: inspect, quantize, run, decompose."""

import time
from dataclasses import dataclass
from pathlib import Path

from hwmap.accuracy import top1
from hwmap.compiler import load_source
from hwmap.data.calibration import (
    read_calibration,
    read_data,
    warn_synthetic,
)
from hwmap.data.dataset import as_given
from hwmap.errors import DataError
from hwmap.files.npz import named_npz
from hwmap.files.write import check_file, write_file
from hwmap.frontend.export import export_float, export_integer
from hwmap.frontend.reader import inspect_model
from hwmap.inference import Network, load_network, run_float, run_integer
from hwmap.ir.graph import Graph, total_macs
from hwmap.ir.types import Array
from hwmap.passes import integer_part
from hwmap.progress import Progress, quiet
from hwmap.quantize.calibrate import Estimator
from hwmap.quantize.choose import quantize_graph, schemes_of
from hwmap.quantize.scales import parse_scales, scales_of
from hwmap.reduce.goal import Goal, check_goal
from hwmap.reduce.network import decompose_network
from hwmap.report.decomposed import DecomposeReport, decompose_report
from hwmap.report.inspect import InspectReport, inspect_report, with_curve
from hwmap.report.network import QuantizeReport, RunReport, quantize_report
from hwmap.style import memory_curve

CURVE_SECONDS = 5.0


def inspect(
    model: str | Path,
    *,
    memory: bool = False,
    time_limit: float = CURVE_SECONDS,
    progress: Progress = quiet,
) -> InspectReport:
    """Operators, MACs, parameters, activations of an ONNX file, what the host computes, and every
    node that is not supported or not on hardware.

    With `memory` (a `MemoryReport`) also its curve memory -> extra cycles; `time_limit` is in
    seconds, for one schedule.

    Raises:
        ModelError: it is no ONNX file.
        UnsupportedOperatorError: with `memory`, not all of it is on hardware.
    """
    report = inspect_report(inspect_model(Path(model)))
    if not memory:
        return report
    return with_curve(report, memory_curve(load_source(Path(model)), time_limit, progress))


@dataclass(frozen=True)
class QuantizeResult:
    """An integer network, where it is, and what was measured."""

    graph: Graph
    report: QuantizeReport
    path: Path | None


def quantize(
    model: str | Path,
    output: str | Path | None = None,
    *,
    calib: str | Path | None = None,
    preprocess: str | Path | None = None,
    estimator: Estimator | None = None,
    correct_bias: bool | None = None,
    scales: str | None = None,
    progress: Progress = quiet,
) -> QuantizeResult:
    """Quantize an ONNX network to int8, and write it as a QDQ model `output` (None: nowhere).

    `calib` is a .npz of images, as the model takes them or, with the recipe `preprocess` (TOML), of
    pixels. `estimator` and `correct_bias` say how ranges are estimated and whether biases make up
    for what weights lost; what is not given is chosen by measurement. `scales` are "free", or
    "power-of-two" (None: those of the model, else free).

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
    if data.synthetic and correct_bias:
        raise DataError("biases are corrected on data; give --calib")
    chosen = scales_of(source, parse_scales(scales))
    schemes = schemes_of(estimator, correct_bias, chosen, synthetic=data.synthetic)
    made = quantize_graph(source, data.inputs, schemes, progress)
    warn_synthetic(data, source)
    report = quantize_report(made, data.count)
    if output is None:
        return QuantizeResult(made.graph, report, None)
    progress("writing the model")
    write_file(Path(output), export_integer(made.graph, network.host))
    return QuantizeResult(made.graph, report, Path(output))


@dataclass(frozen=True)
class RunResult:
    """The outputs of a network (N, then the shape of the ONNX output), and what was measured."""

    outputs: dict[str, Array]
    report: RunReport


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
    report = RunReport(
        network=network.whole.name,
        arithmetic="float32" if graph is None else "int8",
        images=images.count,
        seconds=seconds,
        giga_macs_per_second=images.count * total_macs(network.whole) / seconds / 1e9,
        top1=None if images.labels is None else top1(outputs, images.labels),
    )
    shaped = as_given(network.whole, outputs)
    if output is not None:
        write_file(Path(output), named_npz(shaped))
    return RunResult(shaped, report)


def _integer_graph(
    network: Network, calib: str | Path | None, preprocess: str | Path | None, progress: Progress
) -> Graph:
    source = integer_part(network.whole)
    data = read_calibration(calib, source, preprocess)
    schemes = schemes_of(synthetic=data.synthetic)
    graph = quantize_graph(source, data.inputs, schemes, progress).graph
    warn_synthetic(data, source)
    return graph


@dataclass(frozen=True)
class DecomposeResult:
    """A float network with decomposed ops, where it is, and what was measured."""

    graph: Graph
    report: DecomposeReport
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
    report = decompose_report(made, data, tests, progress)
    if output is None:
        return DecomposeResult(made.whole, report, None)
    progress("writing the model")
    write_file(Path(output), export_float(made.whole))
    return DecomposeResult(made.whole, report, Path(output))
