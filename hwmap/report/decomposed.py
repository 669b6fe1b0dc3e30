"""What was decomposed, and what that cost, in float and after int8."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from hwmap.accuracy import mean_error, top1
from hwmap.data.dataset import DataSet
from hwmap.decompose.method import DENSE
from hwmap.inference import dequantized
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import total_macs
from hwmap.ir.ops import Weighted
from hwmap.progress import Progress
from hwmap.quantize.choose import quantize_graph, quantize_inputs
from hwmap.reduce.network import Reduced
from hwmap.solve.answer import Choice, Status
from hwmap.solve.drop import labels_for

MUCH_WORSE = 2.0
MUCH_ERROR = 0.1
"""A measured error so much above the expected one, and above this, deserves a warning."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DecomposeReport:
    """A decomposed network. `error` (relative, of the outputs) is in "float" and in "int8", `top1`
    also that of the "original", or None without labels; both on so many images, `measured_on` says
    on which."""

    network: str
    status: Status
    macs: int
    dense_macs: int
    weights: int
    dense_weights: int
    expected_error: float
    measured_on: str
    images: int
    error: Mapping[str, float]
    top1: Mapping[str, float] | None
    decomposed: tuple[Choice, ...]


def decompose_report(
    made: Reduced, data: DataSet, tests: DataSet | None, progress: Progress
) -> DecomposeReport:
    """What was decomposed and what that cost, in float and after int8, measured
    on `tests`, or else on the images that it was fitted to."""
    progress("quantizing")
    integer = quantize_graph(made.device, data.inputs, progress=progress).graph
    progress("measuring")
    measured = data if tests is None else tests
    exact = evaluate(made.source, measured.inputs)
    outputs = {
        "float": evaluate(made.device, measured.inputs),
        "int8": dequantized(integer, evaluate(integer, quantize_inputs(integer, measured.inputs))),
    }
    errors = {name: mean_error(o, exact) for name, o in outputs.items()}
    expected = made.selection.loss**0.5
    if errors["int8"] > MUCH_WORSE * expected and errors["int8"] > MUCH_ERROR:
        log.warning(
            "the outputs' error is %.1f%%, expected were %.1f%%: is the calibration data like the"
            " rest, and without outliers?",
            100 * errors["int8"],
            100 * expected,
        )
    labels = labels_for(made.source, measured)
    dense = [made.source.op(c.op) for c in made.selection.candidates]
    return DecomposeReport(
        network=made.source.name,
        status=made.selection.status,
        macs=made.selection.macs,
        dense_macs=total_macs(made.source),
        weights=made.selection.weights,
        dense_weights=sum(
            made.source.constants[op.weight].values.size for op in dense if isinstance(op, Weighted)
        ),
        expected_error=expected,
        measured_on="images that it was fitted to" if tests is None else "test images",
        images=measured.count,
        error=errors,
        top1=None
        if labels is None
        else {name: top1(found, labels) for name, found in {"original": exact, **outputs}.items()},
        decomposed=tuple(
            Choice(c.op, c.method, c.error, c.loss)
            for c in made.selection.candidates
            if c.method != DENSE
        ),
    )
