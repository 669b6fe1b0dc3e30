"""A float network with fewer MACs or weights: selected, fitted, measured, also after int8."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import floor
from pathlib import Path

from hwmap.accuracy import output_loss, top1
from hwmap.compiler import find_candidates
from hwmap.data import DataSet
from hwmap.decompose.apply import apply_parts
from hwmap.decompose.candidates import Candidate
from hwmap.decompose.fit import fit_network
from hwmap.decompose.method import DENSE
from hwmap.drop import labels_for, loss_limit
from hwmap.errors import BudgetError, InfeasibleError
from hwmap.inference import Network, dequantized
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import Graph, total_macs
from hwmap.ir.ops import Conv, Weighted
from hwmap.passes import integer_part
from hwmap.progress import Progress
from hwmap.quantize.choose import quantize_graph, quantize_inputs
from hwmap.solve.select import Limit, Selection, select

MUCH_WORSE = 2.0
MUCH_ERROR = 0.1
"""A measured error so much above the expected one, and above this, deserves a warning."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Goal:
    """What a decomposition is for, one of: a share (0 to 1) of the MACs, or of the weights, or a
    limit on the drop (see `hwmap.drop.Drop`)."""

    macs: float | None = None
    weights: float | None = None
    max_drop: float | None = None


def check_goal(goal: Goal) -> None:
    """Refuse a goal that is none.

    Raises:
        BudgetError: not exactly one limit is given, or it is out of range.
    """
    given = {name: value for name, value in asdict(goal).items() if value is not None}
    if len(given) != 1:
        raise BudgetError(
            f"{len(given)} goals; give one of --macs 60%, --weights 50% and --max-drop 1"
        )
    ((name, value),) = given.items()
    if name == "max_drop":
        check_drop(value)
    elif not 0 < value <= 1:
        raise BudgetError(
            f"{value:.6g} of the {'MACs' if name == 'macs' else name}; give a share above 0 and up"
            " to 1, or with a percent sign: 60%"
        )


def check_drop(max_drop: float) -> None:
    """Refuse a limit on the drop that is none.

    Raises:
        BudgetError: it is not from 0 to 100.
    """
    if not 0 <= max_drop <= 100:
        raise BudgetError(f"drop of {max_drop}; give points or percent from 0 to 100, like 0.5")


@dataclass(frozen=True)
class Reduced:
    """A selection, and what it made: the original's part for the accelerator, that part after, and
    the whole network after."""

    selection: Selection
    source: Graph
    device: Graph
    whole: Graph


def decompose_network(
    network: Network, data: DataSet, goal: Goal, cache: Path | None, progress: Progress
) -> Reduced:
    """The network with the best selection for `goal`, fitted to `data`.

    Raises:
        DataError: there is too little data, or it is not the network's.
        InfeasibleError: the share is proved to be too small.
    """
    source = integer_part(network.whole)
    candidates = find_candidates(source, data, cache, progress)
    if goal.max_drop is not None:
        loss = loss_limit(source, candidates, data, goal.max_drop, progress)
        selection = select(candidates, "macs", Limit(loss=loss))
    else:
        selection = _select(source, candidates, goal)
    parts = fit_network(source, selection.methods, data.inputs, progress)
    return Reduced(selection, source, apply_parts(source, parts), apply_parts(network.whole, parts))


def _select(
    source: Graph, candidates: Mapping[str, tuple[Candidate, ...]], goal: Goal
) -> Selection:
    try:
        return select(candidates, "loss", _limit(candidates, goal))
    except InfeasibleError as error:
        convs = [op for op in source.ops if isinstance(op, Conv)]
        stay = {
            "factors": sum(op.factor for op in convs),
            "integers": sum(source.constants[op.weight].quant is not None for op in convs),
        }
        reason = "".join(
            f"; {count} ops are {what} already, and stay" for what, count in stay.items() if count
        )
        raise InfeasibleError(f"{error}{reason}") from error


def _limit(candidates: Mapping[str, tuple[Candidate, ...]], goal: Goal) -> Limit:
    dense = [items[0] for items in candidates.values()]
    if goal.macs is not None:
        return Limit(macs=floor(goal.macs * sum(c.macs for c in dense)))
    assert goal.weights is not None
    return Limit(weights=floor(goal.weights * sum(c.weights for c in dense)))


def reduce_report(
    made: Reduced, data: DataSet, tests: DataSet | None, progress: Progress
) -> dict[str, object]:
    """What was decomposed and what that cost, in float and after int8, as a JSON object; measured
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
    errors = {name: output_loss(o, exact) ** 0.5 for name, o in outputs.items()}
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
    return {
        "network": made.source.name,
        "status": made.selection.status,
        "macs": made.selection.macs,
        "dense_macs": total_macs(made.source),
        "weights": made.selection.weights,
        "dense_weights": sum(
            made.source.constants[op.weight].values.size for op in dense if isinstance(op, Weighted)
        ),
        "expected_error": expected,
        "measured_on": "images that it was fitted to" if tests is None else "test images",
        "images": measured.count,
        "error": errors,
        "top1": None
        if labels is None
        else {
            "original": top1(exact, labels),
            **{name: top1(output, labels) for name, output in outputs.items()},
        },
        "decomposed": [
            {"op": c.op, "method": asdict(c.method), "error": c.error, "loss": c.loss}
            for c in made.selection.candidates
            if c.method != DENSE
        ],
    }
