"""A sequential design as layers, spans of steps, and what the arena holds at each."""

from hwmap.ir.graph import Graph
from hwmap.profile import Fill, Profile, Span
from hwmap.sequential.design.types import Design
from hwmap.sequential.layout import WORD_BYTES
from hwmap.sequential.network import network_of
from hwmap.sequential.plan import Plan, Step, held_for
from hwmap.sequential.program_time import step_sweeps
from hwmap.sequential.timeline import time_lines
from hwmap.solve.answer import with_method

COLUMNS = ("step", "layer", "weights", "cycles", "computing", "fetched words")


def _place(plan: Plan, index: int) -> str:
    """Where the constants of a step lie."""
    number = held_for(plan, index)
    if number is None:
        return "-"
    return "on chip" if plan.held[number].start_step < 0 else "fetched"


def _named(step: Step, plan: Plan) -> str:
    again = f" (again, {step.instance + 1})" if step.instance else ""
    return f"{with_method(step.name, plan.choices)} [{step.first_row}:{step.last_row}]{again}"


def profile_of(plan: Plan, design: Design, graph: Graph) -> Profile:
    """The profile of a design; `graph` is its integer graph."""
    ((times, _),) = time_lines(design, 1)
    network = network_of(graph)
    layers, spans, fills = [], [], []
    at = 0
    for number, step in enumerate(plan.steps):
        rows = len(step_sweeps(step, network)) if step.kind == "run" else 1
        own = times[at : at + rows]
        at += rows
        spans.append(Span(_named(step, plan), own[0].start_cycle, own[-1].end_cycle))
        layers.append(
            (
                step.kind,
                _named(step, plan),
                _place(plan, number),
                f"{sum(row.cycles for row in own):,}",
                f"{sum(row.compute_trips for row in own):,}",
                f"{sum(row.fetch_words for row in own):,}",
            )
        )
        held = sum(
            (kept.last_row - kept.first_row) * network.row_words(kept.tensor) * WORD_BYTES
            for kept in plan.retentions
            if kept.start_step <= number < kept.end_step
        )
        fills.append(Fill(step.name, held, plan.arena_words * WORD_BYTES))
    return Profile(
        COLUMNS, tuple(layers), tuple(spans), "the arena, step by step", tuple(fills), plan.cycles
    )
