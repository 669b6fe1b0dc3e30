"""The sequential solver: the best engine, cut into strips, order and constants.

Every engine within the budget and every way to cut the network is estimated at once; the most
promising pairs are planned, until none that is left could be better. Then recomputation is tried
where memory cost cycles.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hwmap.board import Board, Budget
from hwmap.decompose.candidates import Candidate
from hwmap.errors import InfeasibleError, TimeLimitError
from hwmap.ir.given import least_weight
from hwmap.ir.graph import Graph
from hwmap.progress import Progress, quiet
from hwmap.solve.deadline import Deadline
from hwmap.stationary.engine import STRIPES, Engine
from hwmap.stationary.layout import WORD_BYTES, aligned
from hwmap.stationary.logic import engine_logic
from hwmap.stationary.memory import memories
from hwmap.stationary.plan import Plan
from hwmap.stationary.solve.assemble import assemble, with_bound
from hwmap.stationary.solve.engines import Grid, bus_bytes, engines_of
from hwmap.stationary.solve.nodes import Costs, Network, network_of
from hwmap.stationary.solve.shapes import Shape, estimate, least_constants, shapes_of, with_costs

log = logging.getLogger(__name__)

MOST_TRIES = 40
"""Pairs of an engine and a shape that are planned without finding a better plan."""


@dataclass(frozen=True)
class Limits:
    """What the user allows: the budget, the summed loss, and solver seconds."""

    budget: Budget
    max_loss: float
    seconds: float


def solve(
    graph: Graph,
    candidates: Mapping[str, Sequence[Candidate]],
    board: Board,
    limits: Limits,
    progress: Progress = quiet,
) -> Plan:
    """The plan with the fewest cycles that was found, with a proved bound.

    Raises:
        InfeasibleError: proved that nothing fits.
        TimeLimitError: nothing was found, and nothing proved.
    """
    network = network_of(aligned(graph))
    budget = limits.budget
    engines = engines_of(board, budget, least_weight(graph))
    if not engines:
        raise InfeasibleError(_too_few(board, budget))
    progress(f"{len(engines)} engines")
    grid = Grid(engines)
    shapes = shapes_of(network, Costs(network, engines[0]))
    whole, _ = estimates(shapes[:1], network, grid, replace(budget, memory_bytes=1 << 40,
                         bram18=1 << 30, uram=0))  # fmt: skip
    bound = int(whole[0].min())
    best = _plans(network, board, budget, grid, shapes, limits, progress)
    if best is None:
        raise TimeLimitError(f"no design found for '{board.name}'")
    return with_bound(best, bound)


def estimates(
    shapes: Sequence[Shape], network: Network, grid: Grid, budget: Budget
) -> tuple[list[np.ndarray], np.ndarray]:
    """Of every shape its cycles on each engine, and the same in one array, without what cannot
    fit."""
    found = [estimate(shape, network, grid, budget).cycles for shape in shapes]
    table = np.stack(found).astype(np.float64)
    table[table < 0] = np.inf
    return found, table


def _plans(
    network: Network,
    board: Board,
    budget: Budget,
    grid: Grid,
    shapes: Sequence[Shape],
    limits: Limits,
    progress: Progress,
) -> Plan | None:
    """The best plan without recomputation of the most promising engines and shapes."""
    deadline = Deadline(limits.seconds)
    _, table = estimates(shapes, network, grid, budget)
    order = np.argsort(table, axis=None, kind="stable")
    best: Plan | None = None
    misses = 0
    for number, flat in enumerate(order):
        shape_index, engine_index = np.unravel_index(flat, table.shape)
        low = table[shape_index, engine_index]
        if not np.isfinite(low) or (best is not None and low >= best.cycles):
            break
        if deadline.over or misses > MOST_TRIES:
            break
        engine = grid.engines[int(engine_index)]
        progress(f"plan {number + 1}")
        costs = Costs(network, engine)
        shape = with_costs(shapes[int(shape_index)], network, costs)
        plan = assemble(
            network, board, budget, engine, shape.nodes, shape.order, addresses=shape.addresses
        )
        if plan is not None and (best is None or plan.cycles < best.cycles):
            log.info("%s: %d cycles, estimated %d", engine, plan.cycles, int(low))
            best, misses = plan, 0
        else:
            misses += 1
    return best


def _too_few(board: Board, budget: Budget) -> str:
    """Why no engine fits: what the smallest one needs and does not get."""
    bus = bus_bytes(board)
    smallest = Engine(8, 8, 8, 1, bus, bus, STRIPES[0])
    logic = engine_logic(smallest, board.dsp_slice)
    for what, limit, least, remedy in (
        ("DSP slices", budget.dsp, smallest.dsp, f"give --dsp {smallest.dsp} or more"),
        ("LUTs", budget.lut, logic.lut, f"give --lut {logic.lut} or more"),
        ("flip-flops", budget.ff, logic.ff, "take a larger board"),
    ):
        if limit < least:
            return (
                f"no design fits {limit:,} {what} on '{board.name}': the smallest engine needs"
                f" {least:,}; {remedy}"
            )
    raise AssertionError("the smallest engine fits")
