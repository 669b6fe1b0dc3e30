"""The sequential solver: the best engine, cut into strips, order and constants.

Every engine within the budget and every way to cut the network is estimated at once; the most
promising pairs are planned, until none that is left could be better. With decompositions, those
that take the fewest cycles on the most promising engines, or the fewest with a price on constants,
are planned in the same way.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, product

import numpy as np

from hwmap.board import Board, Budget
from hwmap.decompose.apply import apply_parts
from hwmap.decompose.candidates import Candidate
from hwmap.decompose.method import DENSE
from hwmap.dsp import LEAST_INT8
from hwmap.errors import InfeasibleError, TimeLimitError
from hwmap.ir.given import least_weight
from hwmap.ir.graph import Graph
from hwmap.ir.types import Integers
from hwmap.progress import Progress, quiet
from hwmap.sequential.engine import STRIPES, Engine
from hwmap.sequential.layout import WORD_BYTES
from hwmap.sequential.logic import engine_logic
from hwmap.sequential.network import Network, network_of
from hwmap.sequential.plan import Moving, Plan, Tailored
from hwmap.sequential.program_time import stream_size
from hwmap.sequential.solve.again import run_again
from hwmap.sequential.solve.assemble import assemble, with_bound
from hwmap.sequential.solve.choose import Choices
from hwmap.sequential.solve.cuts import refined
from hwmap.sequential.solve.engines import Grid, engines_of
from hwmap.sequential.solve.least import Smallest, least_bytes, least_words
from hwmap.sequential.solve.nodes import Costs
from hwmap.sequential.solve.shapes import (
    Estimates,
    Shape,
    least_constants,
    shapes_of,
    with_costs,
    with_spills,
)
from hwmap.sequential.solve.target import Target
from hwmap.solve.answer import Choice
from hwmap.solve.deadline import Deadline

log = logging.getLogger(__name__)

MOST_MISSES = 25
"""Pairs of an engine and a shape that are planned without finding a better plan."""
CHOSEN_FOR = 3
"""Engines whose best decompositions are planned."""
PRICES = (0.0, 0.5, 2.0)
"""Cycles that a bus word of constants costs, when decompositions are chosen."""
ENOUGH = 1.005
"""What recomputation is to gain at least, and how near to the bound it is not tried, nor other
heights."""
SMALLER = (0.85, 0.7, 0.55)
"""Parts of the arena of a shape that are tried with recomputation."""
AGAIN_TRIES = 6
AGAIN_SHARE = 0.5
"""Searches for recomputations, and the part of the time that they take together."""
NEAR = 1.05
"""How near to the bound no tensor is sent through DRAM."""
MOST_ENGINES = 3000
"""Engines that are estimated with every shape: those with the fewest cycles without any limit on
memory, and the smallest constants' ports."""


@dataclass(frozen=True)
class _Rewritten:
    """A network with some decompositions."""

    network: Network
    choices: tuple[Choice, ...]


def solve(
    graph: Graph,
    candidates: Mapping[str, Sequence[Candidate]],
    target: Target,
    max_loss: float,
    seconds: float,
    progress: Progress = quiet,
) -> Plan:
    """The plan with the fewest cycles that was found, with a proved bound. `max_loss` is that of
    all choices together.

    Raises:
        InfeasibleError: proved that nothing fits; says the least memory that was found to work.
        TimeLimitError: nothing was found, and nothing proved.
    """
    board = target.board
    if board.bus_bytes < WORD_BYTES:
        raise InfeasibleError(
            f"no design fits '{board.name}': its DRAM moves {board.bus_bytes} bytes per cycle at"
            f" {board.clock_mhz} MHz, an engine takes {WORD_BYTES}; lower --clock"
        )
    # An engine for networks to come takes all weights there can be.
    least_of_all = LEAST_INT8 if target.whole_memory else least_weight(graph)
    if target.built is not None:
        engines: tuple[Engine, ...] = (_checked(target.built.engine, least_of_all),)
    else:
        engines = engines_of(board, target.budget, least_of_all, spills=target.whole_memory)
    if not engines:
        raise InfeasibleError(_too_few(board, target.budget))
    deadline = Deadline(seconds)
    network = network_of(graph)
    grid = Grid(engines)
    choices = Choices(network, candidates, grid)
    least = choices.bound(max_loss)
    bound = int((least + _streamed(network, grid)).min())
    best: Plan | None = None
    searches: list[_Search] = []
    for rewritten in _rewritten(graph, network, choices, least, max_loss):
        if best is not None and (best.cycles <= bound or deadline.over):
            break
        searches.append(_Search(rewritten, target, _few(grid, rewritten.network), deadline))
        searches[-1].refine(bound, progress)
        best = searches[-1].plan(best, progress)
    wanted = [search for search in searches if best is None or search.made(best)]
    for search in wanted:
        if best is None or best.cycles > ENOUGH * bound:
            best = search.again(best, seconds * AGAIN_SHARE / len(wanted), progress)
    if best is None:
        progress("looking for the least memory that works")
        smallest = Smallest(network, target, grid)
        best = smallest.plan() or smallest.again(seconds * AGAIN_SHARE)
        if best is None:
            raise _failure(smallest, grid)
    return with_bound(best, bound)


def solve_for(
    graph: Graph,
    candidates: Mapping[str, Sequence[Candidate]],
    target: Target,
    max_loss: float,
    seconds: float,
    progress: Progress = quiet,
) -> Plan:
    """The plan with the fewest cycles on the engine of a target that is built, and what an engine
    of the network's own would take on its board.

    Raises:
        InfeasibleError, TimeLimitError: the network does not fit the engine, or no plan was found.
    """
    half = seconds / 2
    plan = solve(graph, candidates, target, max_loss, half, progress)
    progress("looking for an engine of its own")
    try:
        free = replace(target, built=None)
        own = solve(graph, candidates, free, max_loss, half, progress)
    except TimeLimitError:
        own = plan
    best = min(plan, own, key=lambda found: found.cycles)
    return replace(plan, tailored=Tailored(best.engine, best.cycles))


def _streamed(network: Network, grid: Grid) -> Integers:
    """The cycles of inputs and outputs, whole, on every engine."""
    found = np.zeros(len(grid.engines), np.int64)
    graph = network.graph
    moved: list[tuple[Moving, str]] = [("load", name) for name in graph.inputs]
    moved += [("store", name) for name in graph.outputs]
    for kind, name in moved:
        rows, beats = graph.shape(name)[1], grid.row_beats(network, name, kind)
        words = stream_size(kind, rows, 0).bus_words(grid.bus_bytes)
        found = found + words + grid.overhead + rows * beats
    return found


def _rewritten(
    graph: Graph, network: Network, choices: Choices, least: Integers, max_loss: float
) -> Iterator[_Rewritten]:
    """The network as it is, and with the decompositions that are best on the engines with the
    `least` cycles: without regard to memory, and with a price on constants."""
    yield _Rewritten(network, ())
    if not any(len(items) > 1 for items in choices.candidates.values()):
        return
    seen: set[tuple[int, ...]] = {tuple(0 for _ in choices.cycles)}
    tried: dict[tuple[int, int], int] = {}
    for engine in np.argsort(least, kind="stable").tolist():
        size = choices.grid.engines[engine].pe, choices.grid.engines[engine].simd
        tried.setdefault(size, engine)
        if len(tried) == CHOSEN_FOR:
            break
    for price, engine in product(PRICES, tried.values()):
        picks = choices.best(engine, max_loss, price)
        if tuple(picks.values()) not in seen:
            seen.add(tuple(picks.values()))
            chosen = [choices.candidates[name][pick] for name, pick in picks.items()]
            rewritten = apply_parts(graph, [candidate.graph for candidate in chosen])
            yield _Rewritten(
                network_of(rewritten),
                tuple(
                    Choice(candidate.op, candidate.method, candidate.error, candidate.loss)
                    for candidate in chosen
                    if candidate.method != DENSE
                ),
            )


def _few(grid: Grid, network: Network) -> Grid:
    """The engines that are worth an estimate with every shape."""
    if len(grid.engines) <= MOST_ENGINES:
        return grid
    total = sum(grid.trips(sweep) for sweeps in network.sweeps.values() for sweep in sweeps)
    order = np.argsort(total, kind="stable")[:MOST_ENGINES]
    return Grid(grid.engines[int(index)] for index in sorted(order))


class _Search:
    """The search for plans of one network."""

    def __init__(
        self,
        rewritten: _Rewritten,
        target: Target,
        grid: Grid,
        deadline: Deadline,
    ) -> None:
        self.rewritten, self.network = rewritten, rewritten.network
        self.target, self.deadline = target, deadline
        self.estimates = Estimates(self.network, grid, target.most_constants)
        self.can_spill = np.array([target.spills(engine) for engine in grid.engines])
        self.costs = Costs(self.network, grid.engines[0])
        self.shapes = shapes_of(self.network, self.costs)
        self.spilled: list[Shape] = []

    def made(self, plan: Plan) -> bool:
        """Whether `plan` has the decompositions of this search."""
        return plan.choices == self.rewritten.choices

    def _promising(self, shapes: Sequence[Shape]) -> Iterator[tuple[int, Shape, Engine]]:
        """(estimated cycles, shape, engine), the fewest cycles first."""
        if not shapes:
            return
        table = np.stack([self.estimates.of(shape) for shape in shapes]).astype(np.float64)
        table[table < 0] = np.inf
        spilled = np.array([bool(shape.cut.spills) for shape in shapes])
        table[spilled[:, None] & ~self.can_spill] = np.inf
        engines = self.estimates.grid.engines
        for flat in np.argsort(table, axis=None, kind="stable"):
            shape, engine = np.unravel_index(flat, table.shape)
            if not np.isfinite(table[shape, engine]):
                return
            yield int(table[shape, engine]), shapes[int(shape)], engines[int(engine)]

    def refine(self, bound: int, progress: Progress) -> None:
        """Other shapes, unless the most promising one is near the bound as it is: that one, cut
        better for its engine; and where it stays far from the bound, shapes with tensors that go
        through DRAM, in the same way."""
        self._cut_better(self.shapes, ENOUGH * bound, progress)
        if all(low > NEAR * bound for low, _, _ in islice(self._promising(self.shapes), 1)):
            self.spilled = with_spills(self.shapes, self.network, self.costs)
            self._cut_better(self.spilled, ENOUGH * bound, progress)

    def _cut_better(self, shapes: list[Shape], enough: float, progress: Progress) -> None:
        """Adds a shape: the most promising one with other heights and spills, unless it takes
        `enough` cycles or fewer as it is."""
        for low, shape, engine in islice(self._promising(shapes), 1):
            if low > enough:
                progress(f"heights of {len(shape.nodes)} strips")
                room = self.target.most_constants
                found = refined(shape, self.network, room, engine, self.deadline)
                if found.cut != shape.cut:
                    shapes.append(found)

    def _assembled(self, shape: Shape, engine: Engine, best: Plan | None) -> Plan | None:
        """The plan of a shape, if it is better than `best`."""
        plan = assemble(self.network, self.target, engine, shape.nodes, shape.order,
                        addresses=shape.addresses, choices=self.rewritten.choices)  # fmt: skip
        if plan is None or (best is not None and plan.cycles >= best.cycles):
            return None
        log.info("%s: %d cycles", engine, plan.cycles)
        return plan

    def plan(self, best: Plan | None, progress: Progress) -> Plan | None:
        """The best plan in which every strip runs once, of the most promising engines and shapes;
        or `best`. The first of either kind of shapes is tried in any case: estimates do not compare
        them well."""
        firsts = [islice(self._promising(shapes), 1) for shapes in (self.shapes, self.spilled)]
        for low, shape, engine in chain(*firsts):
            if best is None or low < best.cycles:
                best = self._planned(shape, engine, best, progress) or best
        misses = 0
        for low, shape, engine in self._promising(self.shapes + self.spilled):
            beaten = best is not None and low >= best.cycles
            if beaten or self.deadline.over or misses > MOST_MISSES:
                break
            found = self._planned(shape, engine, best, progress)
            best, misses = found or best, 0 if found is not None else misses + 1
        return best

    def _planned(
        self, shape: Shape, engine: Engine, best: Plan | None, progress: Progress
    ) -> Plan | None:
        progress(f"PE {engine.pe} x SIMD {engine.simd}, {len(shape.nodes)} strips")
        return self._assembled(with_costs(shape, self.network, engine), engine, best)

    def again(self, best: Plan | None, seconds: float, progress: Progress) -> Plan | None:
        """The best plan of some engines and shapes in a smaller arena, in which strips run again;
        or `best`."""
        smaller = [
            replace(shape, arena_words=int(shape.arena_words * part))
            for shape in self.shapes + self.spilled
            for part in SMALLER
        ]
        promising = self._promising(smaller)
        for low, shape, engine in islice(promising, AGAIN_TRIES):
            beaten = best is not None and low * ENOUGH >= best.cycles
            if beaten or self.deadline.over:
                break
            progress(f"recomputation: {len(shape.nodes)} strips in {shape.arena_words:,} words")
            own = with_costs(shape, self.network, engine)
            found = run_again(own, shape.arena_words, seconds / AGAIN_TRIES)
            if found is not None:
                best = self._assembled(found, engine, best) or best
        return best


def _checked(engine: Engine, least_weight: int) -> Engine:
    """`engine`, if it multiplies such weights.

    Raises:
        InfeasibleError: it does not.
    """
    if least_weight < engine.least_weight:
        raise InfeasibleError(
            f"a weight of the network is {least_weight}, the engine multiplies"
            f" {engine.least_weight} or more; clip the weights, or compile without --engine"
        )
    return engine


def _failure(smallest: Smallest, grid: Grid) -> Exception:
    """Why there is no plan."""
    target, budget = smallest.target, smallest.target.budget
    if target.built is not None:
        return _does_not_fit(smallest.network, grid, target.built)
    message = (
        f"no design fits '{target.board.name}' in {budget.memory_bytes:,} bytes of on-chip memory"
        f" with {budget.dsp} DSP slices and {budget.lut:,} LUTs"
    )
    least = least_bytes(smallest.network, grid)
    enough = smallest.least_memory()
    remedy = "" if enough is None else f"; --mem {enough} works"
    if least > budget.memory_bytes:
        return InfeasibleError(f"{message} (proved: at least {least:,} bytes are needed){remedy}")
    return TimeLimitError(f"{message} that was found (infeasibility not proved){remedy}")


def _does_not_fit(network: Network, grid: Grid, built: Plan) -> Exception:
    """Why there is no program for an engine that exists."""
    port = built.engine.port_bytes
    for memory, has, least, size in (
        ("arena", built.arena_words, least_words(network), WORD_BYTES),
        ("constant memory", built.constant_words, int(least_constants(network, grid)[0]), port),
    ):
        if least > has:
            return InfeasibleError(
                f"'{network.graph.name}' does not fit the engine: its {memory} has {has * size:,}"
                f" bytes, {least * size:,} are needed; compile without --engine"
            )
    return TimeLimitError(
        f"no program of '{network.graph.name}' was found for the engine, whose arena has"
        f" {built.arena_words * WORD_BYTES:,} bytes and whose constant memory has"
        f" {built.constant_words * port:,}; compile without --engine"
    )


def _too_few(board: Board, budget: Budget) -> str:
    """Why no engine fits: what the smallest one needs and does not get."""
    bus = board.bus_bytes
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
