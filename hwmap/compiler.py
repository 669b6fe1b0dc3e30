"""The line from a model to a design: import, decompose, solve, check, quantize, design."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hwmap import style
from hwmap.data.dataset import DataSet
from hwmap.decompose.apply import apply_parts
from hwmap.decompose.cache import cache_for
from hwmap.decompose.candidates import (
    Candidate,
    dense_candidates,
    enumerate_candidates,
    measure,
)
from hwmap.decompose.chain import is_decomposable, without_values
from hwmap.decompose.fit import fit_network
from hwmap.decompose.method import DENSE, Method
from hwmap.errors import PlanError
from hwmap.frontend.reader import read_model
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.passes import canonicalize, hardware_part
from hwmap.progress import Progress
from hwmap.quantize.choose import quantize_graph, schemes_of
from hwmap.solve.answer import Choice
from hwmap.solve.drop import check_images, check_labels, loss_limit
from hwmap.solve.settings import Settings
from hwmap.style import Design, Plan, Wanted

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Compiled:
    """A compiled network: the float graph it came from, the integer graph, plan and design.
    `rewritten` is the float graph with the plan's choices (not kept in a project)."""

    settings: Settings
    source: Graph
    graph: Graph
    plan: Plan
    design: Design
    rewritten: Graph | None = None


Known = dict[frozenset[tuple[str, Method]], tuple[Graph, Graph]]
"""By what was chosen for the ops: the rewritten float graph, and the integer graph."""


@dataclass(frozen=True)
class Allowed:
    """What a solver may choose from: candidates of every op, and the most loss of all of them."""

    candidates: Mapping[str, tuple[Candidate, ...]]
    max_loss: float


def load_source(path: Path) -> Graph:
    """The part of the float network of an ONNX file that runs on the accelerator.

    Raises:
        ModelError, UnsupportedOperatorError: it cannot be imported, or is not on hardware.
    """
    return hardware_part(canonicalize(read_model(path)))


def find_candidates(
    source: Graph, data: DataSet, cache: Path | None, progress: Progress
) -> dict[str, tuple[Candidate, ...]]:
    """Every op's candidates, fitted and measured on `data` unless they are in the folder `cache`.

    Raises:
        DataError: there is too little data, or it is not the network's.
    """
    check_images(data)
    check_labels(source, data)
    progress("measuring decompositions")
    found = enumerate_candidates(
        source,
        data.inputs,
        cache_for(cache, source, data.inputs),
        progress,
    )
    alone = all(len(candidates) == 1 for candidates in found.values())
    if alone and any(is_decomposable(op, source) for op in hardware_ops(source)):
        log.warning(
            "nothing can be decomposed: of no op anything smaller comes near it; is the calibration"
            " data like the rest, and without outliers?"
        )
    return found


def allow(
    source: Graph, data: DataSet, max_drop: float, cache: Path | None, progress: Progress
) -> Allowed:
    """The candidates for a limit on the drop; without one, every op as it is.

    Raises:
        DataError: there is too little data.
    """
    if max_drop == 0:
        return Allowed(dense_candidates(source), 0.0)
    candidates = find_candidates(source, data, cache, progress)
    limit = loss_limit(source, candidates, data, max_drop, progress)
    return Allowed(
        {name: tuple(c for c in items if c.loss <= limit) for name, items in candidates.items()},
        limit,
    )


def find_plan(
    wanted: Wanted,
    source: Graph,
    settings: Settings,
    allowed: Allowed,
    seconds: float,
    progress: Progress,
) -> Plan:
    """The solver's plan for a float network."""
    return style.solve(wanted, source, allowed.candidates, settings, seconds, progress)


def build(
    source: Graph,
    settings: Settings,
    data: DataSet,
    plan: Plan,
    progress: Progress,
    known: Known | None = None,
) -> Compiled:
    """Everything after the decisions: fit to `data`, rewrite, check, quantize, design. What was
    fitted and quantized for the same choices is taken from `known`, or added to it.

    Raises:
        PlanError: the plan is not for this network, or breaks a promise.
    """
    _check_choices(source, plan)
    known = {} if known is None else known
    methods = {choice.op: choice.method for choice in plan.choices}
    key = frozenset(methods.items())
    if key in known:
        rewritten, graph = known[key]
        style.check(plan, rewritten, settings)
    else:
        rewritten = apply_parts(source, fit_network(source, methods, data.inputs, progress))
        progress("checking the plan")
        style.check(plan, rewritten, settings)
        progress("quantizing")
        schemes = schemes_of(scales=settings.scales, synthetic=data.synthetic)
        graph = quantize_graph(rewritten, data.inputs, schemes, progress).graph
        known[key] = rewritten, graph
    design = style.design_of(graph, plan, settings)
    return Compiled(settings, source, graph, plan, design, rewritten)


def _check_choices(source: Graph, plan: Plan) -> None:
    """Refuse choices that are not for the network."""
    ops = {op.name: op for op in hardware_ops(source)}
    names = [choice.op for choice in plan.choices]
    for choice in plan.choices:
        if choice.op not in ops:
            raise PlanError(
                f"the plan decomposes op '{choice.op}', which the network does not have"
            )
        if choice.method == DENSE or names.count(choice.op) > 1:
            raise PlanError(f"the plan decomposes op '{choice.op}' twice, or not at all")
        without_values(ops[choice.op], source, choice.method)


def distrust(
    source: Graph, settings: Settings, allowed: Allowed, plan: Plan, data: DataSet
) -> Plan:
    """A plan that was read from a file, with what cannot be believed taken out: the errors of its
    choices are those that were measured on `data`, and what it says is proved is not.

    Raises:
        PlanError: it does not fit the network.
    """
    if plan.network != source.name or plan.board != settings.board.name:
        raise PlanError(
            f"the plan is for '{plan.network}' on '{plan.board}'; expected '{source.name}' on"
            f" '{settings.board.name}'"
        )
    _check_choices(source, plan)
    known = {(c.op, c.method): c for items in allowed.candidates.values() for c in items}
    unknown = {c.op: [c.method] for c in plan.choices if (c.op, c.method) not in known}
    measured = measure(source, data.inputs, unknown)
    choices = []
    for choice in plan.choices:
        found = known.get((choice.op, choice.method)) or measured[choice.op][0]
        choices.append(Choice(choice.op, choice.method, found.error, found.loss))
    return replace(
        plan,
        status="feasible",
        bound_cycles=0,
        choices=tuple(choices),
        loss=sum(choice.loss for choice in choices),
    )
