"""A sequence of strips -> a plan: steps, rows in the arena, constants, cycles."""

from collections.abc import Sequence
from dataclasses import replace

from hwmap.sequential.engine import Engine
from hwmap.sequential.network import Network
from hwmap.sequential.plan import Held, Plan, Retention
from hwmap.sequential.program import Segment
from hwmap.sequential.program_time import timed_rows
from hwmap.sequential.solve.fetches import fetch
from hwmap.sequential.solve.nodes import Node
from hwmap.sequential.solve.parts import Steps, largest_block, parts_of, steps_of, uses_of
from hwmap.sequential.solve.target import Target
from hwmap.solve.addresses import Item, lifetimes, pack_low, top
from hwmap.solve.answer import Choice, Status

SHARES = (1, 2, 4, 8, 16, 32)
"""Parts of the constant memory that the constants of a step may take."""


def arena_items(nodes: Sequence[Node], order: Sequence[int]) -> list[tuple[int, int, int]]:
    """(node, start, end) of every copy of what a node makes, in positions of `order`."""
    return lifetimes(
        (
            () if nodes[node].kind == "reload" else nodes[node].reads,
            None if nodes[node].kind in ("store", "spill") else node,
        )
        for node in order
    )


def assemble(
    network: Network,
    target: Target,
    engine: Engine,
    nodes: Sequence[Node],
    order: Sequence[int],
    *,
    addresses: Sequence[int] = (),
    choices: tuple[Choice, ...] = (),
) -> Plan | None:
    """The fastest plan of an order that was found, with no bound yet; None if its strips cannot be
    packed beside its constants."""
    spills = any(nodes[node].kind == "spill" for node in order)
    engine = replace(engine, spills=engine.spills or spills)
    items = arena_items(nodes, order)
    sizes = [Item(nodes[node].words, start, end) for node, start, end in items]
    places = tuple(addresses) or pack_low(sizes, 0, 0.0)
    arena = top(sizes, places)
    capacity = target.most_constants(engine, arena)
    if capacity < 0:
        return None
    best: Plan | None = None
    largest = largest_block(network, engine)
    tried: set[tuple[int, ...]] = set()
    for share in SHARES:
        parts = parts_of(network, engine, max(capacity // share, largest))
        counts = tuple(map(len, parts.values()))
        if 2 * largest > capacity or counts in tried:
            continue
        tried.add(counts)
        steps = steps_of(network, engine, nodes, order, parts)
        plan = _with_fetches(network, target, engine, steps, items, places, arena, capacity)
        if plan is not None and (best is None or plan.cycles < best.cycles):
            best = replace(plan, choices=choices, loss=sum(c.loss for c in choices))
    return best


def _with_fetches(
    network: Network,
    target: Target,
    engine: Engine,
    steps: Steps,
    items: Sequence[tuple[int, int, int]],
    places: Sequence[int],
    arena: int,
    capacity: int,
) -> Plan | None:
    uses = uses_of(network, engine, steps)
    found = fetch([use for use, _ in uses], steps.trips, capacity)
    if found is None:
        return None
    held = [Held(*uses[a.use][1], a.start, a.last + 1, a.address) for a in found.arrivals]
    ratio = engine.port_bytes // engine.bus_bytes
    arriving = [
        Segment(a.address * ratio, uses[a.use][0].bus_words) for a in found.arrivals if a.start >= 0
    ]
    timed = timed_rows(steps.sizes, found.fetched, arriving)
    cycles = sum(row.cycles(engine) for rows in timed for row in rows)
    return target.sized(
        Plan(
            network=network.graph.name,
            board=target.board.name,
            status="feasible",
            cycles=cycles,
            bound_cycles=0,
            engine=engine,
            choices=(),
            steps=steps.steps,
            retentions=_retentions(network, steps, items, places),
            held=tuple(held),
            fetched_words=found.fetched,
            arena_words=arena,
            constant_words=found.words,
            memory_bytes=0,
            in_uram=(),
            dsp=0,
            lut=0,
            ff=0,
            loss=0.0,
        )
    )


def _retentions(
    network: Network,
    steps: Steps,
    items: Sequence[tuple[int, int, int]],
    places: Sequence[int],
) -> tuple[Retention, ...]:
    """Positions of the order as steps: a strip that is made in parts is several steps."""
    begins = [i for i, step in enumerate(steps.steps) if step.first_word == 0]
    begins.append(len(steps.steps))
    found = []
    for (_, start, end), address in zip(items, places, strict=True):
        step = steps.steps[begins[start]]
        run = step.kind == "run"
        tensor = network.graph.op(step.name).output if run else step.name
        rows = step.first_row, step.last_row
        found.append(Retention(tensor, *rows, begins[start], begins[end], address))
    return tuple(found)


def with_bound(plan: Plan, bound_cycles: int) -> Plan:
    """`plan` with a proved lower bound on the cycles of all plans."""
    bound = min(bound_cycles, plan.cycles)
    status: Status = "optimal" if bound == plan.cycles else "feasible"
    return replace(plan, bound_cycles=bound, status=status)
