"""The line from a model to a design: import, decompose, solve, check, quantize, design."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hwmap.board import Board, Budget
from hwmap.data import DataSet
from hwmap.decompose.apply import apply_candidates
from hwmap.decompose.candidates import (
    METHODS,
    Candidate,
    enumerate_candidates,
    make_candidate,
    measure_candidate,
)
from hwmap.decompose.moments import measure_moments
from hwmap.design.sequential import build_design
from hwmap.design.types import Design
from hwmap.errors import PlanError
from hwmap.frontend.reader import read_model
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.ir.ops import Conv
from hwmap.passes import canonicalize, hardware_part
from hwmap.quantize.choose import quantize_graph
from hwmap.solve.check import check_plan
from hwmap.solve.plan import Choice, Plan
from hwmap.solve.sequential.search import Limits, solve

log = logging.getLogger(__name__)

Report = Callable[[str], None]
MOMENT_IMAGES = 32
"""Calibration images on which candidates are measured: their windows are enough, and more cost
time in proportion."""


@dataclass(frozen=True)
class Settings:
    """What a plan must respect: kept beside the design, so that it can be checked again."""

    board: Board
    budget: Budget
    max_error: float


@dataclass(frozen=True)
class Compiled:
    """A compiled network: the float graph it came from, the integer graph, plan and design."""

    settings: Settings
    source: Graph
    graph: Graph
    plan: Plan
    design: Design


def load_source(path: Path) -> Graph:
    """The part of the float network of an ONNX file that runs on the accelerator.

    Raises:
        ModelError, UnsupportedOperatorError: it cannot be imported, or is not on hardware.
    """
    return hardware_part(canonicalize(read_model(path)))


def find_plan(
    source: Graph, settings: Settings, data: DataSet, seconds: float, report: Report
) -> Plan:
    """The solver's plan for a float network, with candidates measured on `data`."""
    report("measuring decompositions")
    candidates = enumerate_candidates(
        source,
        data.first(MOMENT_IMAGES).inputs,
        lambda done, total: report(f"decomposing op {done} of {total}"),
    )
    limits = Limits(settings.budget, settings.max_error, seconds)
    return solve(source, candidates, settings.board, limits, report)


def build(source: Graph, settings: Settings, data: DataSet, plan: Plan, report: Report) -> Compiled:
    """Everything after the decisions: rewrite, check, quantize on `data`, design.

    Raises:
        PlanError: the plan is not for this network, or breaks a promise.
    """
    rewritten = apply_candidates(source, _chosen(source, plan))
    report("checking the plan")
    check_plan(plan, rewritten, settings.board, settings.budget, settings.max_error)
    report("quantizing")
    graph = quantize_graph(rewritten, data.inputs, report=report).graph
    return Compiled(settings, source, graph, plan, build_design(graph, plan, settings.board))


def _chosen(source: Graph, plan: Plan) -> list[Candidate]:
    """The candidates that `plan` names."""
    ops = {op.name: op for op in hardware_ops(source)}
    unknown = [choice.op for choice in plan.choices if choice.op not in ops]
    if unknown:
        raise PlanError(f"the plan decomposes op '{unknown[0]}', which the network does not have")
    names = [choice.op for choice in plan.choices]
    for choice in plan.choices:
        if choice.method not in METHODS or names.count(choice.op) > 1:
            raise PlanError(
                f"op '{choice.op}': method '{choice.method}' is not known or the op is decomposed"
                f" twice; expected one of {', '.join(METHODS)}"
            )
    return [
        make_candidate(ops[choice.op], source, choice.method, choice.ranks)
        for choice in plan.choices
    ]


def distrust(source: Graph, settings: Settings, plan: Plan, data: DataSet) -> Plan:
    """A plan that was read from a file, with what cannot be believed taken out: the errors of its
    choices are measured again on `data`, and what it says is proved is not.

    Raises:
        PlanError: it does not fit the network.
    """
    if plan.network != source.name or plan.board != settings.board.name:
        raise PlanError(
            f"the plan is for '{plan.network}' on '{plan.board}'; expected '{source.name}' on"
            f" '{settings.board.name}'"
        )
    chosen = _chosen(source, plan)
    convs = tuple(op for c in chosen if isinstance(op := source.op(c.op), Conv))
    moments = measure_moments(source, data.first(MOMENT_IMAGES).inputs, convs)
    measured = [measure_candidate(candidate, source, moments[candidate.op]) for candidate in chosen]
    choices = tuple(Choice(c.op, c.method, c.ranks, c.error) for c in measured)
    return replace(
        plan,
        status="feasible",
        bound_cycles=0,
        choices=choices,
        error=sum(choice.error for choice in choices),
    )
