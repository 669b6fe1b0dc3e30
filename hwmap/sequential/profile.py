"""A sequential design as layers, spans of steps, and what the arena holds at each."""

from hwmap.ir.graph import Graph
from hwmap.profile import Fill, Profile, Span
from hwmap.sequential.design.types import Design
from hwmap.sequential.layout import WORD_BYTES
from hwmap.sequential.network import network_of
from hwmap.sequential.plan import THROUGH_DRAM, Plan, Step, held_for
from hwmap.sequential.recomputed import recomputed_strips, strip_text
from hwmap.sequential.result import StepTime
from hwmap.sequential.timeline import step_times
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
    network = network_of(graph)
    times = step_times(plan, network, design)
    layers, spans, fills = [], [], []
    for number, (step, own) in enumerate(zip(plan.steps, times, strict=True)):
        fetches = tuple(
            _fetching(row) for row in own if row.fetch_words or row.kind in THROUGH_DRAM
        )
        spans.append(Span(_named(step, plan), own[0].start_cycle, own[-1].end_cycle, fetches))
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
    cycles = [sum(row.cycles for row in own) for own in times]
    again = recomputed_strips(plan, network, cycles)
    return Profile(
        COLUMNS,
        tuple(layers),
        tuple(spans),
        "the arena, step by step",
        tuple(fills),
        plan.cycles,
        tuple(map(strip_text, again)),
    )


def _fetching(row: StepTime) -> tuple[int, int]:
    """The cycles in which DRAM is busy: constants come with the first trips of a row, or after
    what it moves."""
    if row.kind in THROUGH_DRAM:
        return row.end_cycle - row.compute_trips - row.fetch_words, row.end_cycle
    first = row.end_cycle - max(row.compute_trips, row.fetch_words)
    return first, first + row.fetch_words
