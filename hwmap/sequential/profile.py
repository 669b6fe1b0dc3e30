"""A sequential design as layers, spans of steps, and what the arena holds at each."""

from math import prod

from hwmap.ir.graph import Graph
from hwmap.ir.ops import Weighted
from hwmap.profile import Fill, Profile, Span
from hwmap.sequential.design.types import Design
from hwmap.sequential.plan import Plan, Step
from hwmap.sequential.simulate import time_lines
from hwmap.solve.answer import with_method

COLUMNS = ("step", "layer", "weights", "cycles", "computing", "fetched words")


def _place(step: Step, plan: Plan, graph: Graph) -> str:
    """Where the weights of a step lie."""
    op = next((op for op in graph.ops if op.name == step.name), None)
    if not isinstance(op, Weighted):
        return "-"
    return "on chip" if step.name in plan.resident else "fetched"


def profile_of(plan: Plan, design: Design, graph: Graph) -> Profile:
    """The profile of a design; `graph` is its integer graph."""
    ((times, _),) = time_lines(design, 1)
    layers, spans, fills = [], [], []
    for number, step in enumerate(plan.steps):
        own = [row for row in times if (row.source, row.instance) == (step.name, step.instance)]
        if own:
            again = f" (again, {step.instance + 1})" if step.instance else ""
            spans.append(Span(f"{step.name}{again}", own[0].start_cycle, own[-1].end_cycle))
            layers.append(
                (
                    f"{step.kind}{again}",
                    with_method(step.name, plan.choices),
                    _place(step, plan, graph),
                    f"{sum(row.cycles for row in own):,}",
                    f"{sum(row.compute_trips for row in own):,}",
                    f"{sum(row.fetch_words for row in own):,}",
                )
            )
        held = sum(
            prod(graph.shape(kept.tensor))
            for kept in plan.retentions
            if kept.start_step <= number < kept.end_step
        )
        fills.append(Fill(step.name, held, plan.memory.arena_bytes))
    return Profile(
        COLUMNS, tuple(layers), tuple(spans), "the arena, step by step", tuple(fills), plan.cycles
    )
