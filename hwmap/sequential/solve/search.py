"""The sequential solver: the best engine, and on it the best schedule.

Engines are tried in the order of a quick lower bound; one whose bound is not below the best plan so
far cannot win. What is left of the rest is proved by `relax`, or by a schedule model with so many
extra slots that no further recomputation could pay.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from hwmap.board import Board, Budget
from hwmap.decompose.candidates import Candidate
from hwmap.errors import InfeasibleError, TimeLimitError
from hwmap.ir.given import least_weight
from hwmap.ir.graph import Graph
from hwmap.logic import Logic
from hwmap.progress import Progress, quiet
from hwmap.sequential.engine import MOST_SIDE, Engine, widest_bus
from hwmap.sequential.logic import engine_logic
from hwmap.sequential.plan import Plan
from hwmap.sequential.solve.assemble import assemble, with_bound
from hwmap.sequential.solve.problem import Jobs, Problem, build_problem, jobs_of
from hwmap.sequential.solve.recompute import recompute
from hwmap.sequential.solve.relax import cannot_fit, least_bytes, relax
from hwmap.sequential.solve.schedule import schedule
from hwmap.sequential.solve.space import Schedule, Space
from hwmap.solve.deadline import Deadline

log = logging.getLogger(__name__)

EXTRA_SLOTS = (1, 2, 4)
"""Numbers of extra slots tried where the plan without them is not proved optimal."""
MOST_SLOTS = 16
"""Slots up to which a model with every useful extra slot is solved, for a proof."""
SECONDS_PER_RUN = 1.5e-4
"""Measured on ResNet-20: seconds to build and to solve a model, per run in a slot."""
SHARE = 0.25
"""Part of the time that one schedule model may take."""
SEARCHED = 4
SEARCH_SHARE = 0.05
"""Engines on which the schedule search runs, and the part of the time that it takes on each."""
ENGINES_FOR_LEAST = 6
LEAST_SECONDS = 3.0
"""Engines tried for the least memory, and the seconds for each."""


@dataclass(frozen=True)
class Limits:
    """What the user allows: the budget, the summed loss, and solver seconds."""

    budget: Budget
    max_loss: float
    seconds: float


def engines_of(board: Board, budget: Budget, least_weight: int = -127) -> tuple[Engine, ...]:
    """Every engine for weights from `least_weight` on within the budgets of slices, LUTs and
    flip-flops, in a fixed order."""
    sides = [1 << k for k in range(MOST_SIDE.bit_length())]
    found = []
    for pe, simd, vector, requant in product(sides, repeat=4):
        if requant > min(pe, vector) or vector > pe * simd:
            continue
        bus = widest_bus(pe, simd, requant, board.bus_bytes)
        engine = Engine(pe, simd, vector, requant, bus)
        if engine.dsp <= budget.dsp and _fits(
            engine_logic(engine, board.dsp_slice, least_weight), budget
        ):
            found.append(engine)
    return tuple(found)


def _fits(logic: Logic, budget: Budget) -> bool:
    return logic.lut <= budget.lut and logic.ff <= budget.ff


def _too_few(board: Board, budget: Budget) -> str:
    """Why no engine fits: what the smallest one needs and does not get."""
    smallest = Engine(1, 1, 1, 1, 1)
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


def solve(
    graph: Graph,
    candidates: Mapping[str, Sequence[Candidate]],
    board: Board,
    limits: Limits,
    progress: Progress = quiet,
) -> Plan:
    """The plan with the fewest cycles that was found, with a proved bound.

    Raises:
        InfeasibleError: proved that nothing fits; says the least memory that works.
        TimeLimitError: nothing was found, and nothing proved.
    """
    engines = engines_of(board, limits.budget, least_weight(graph))
    if not engines:
        raise InfeasibleError(_too_few(board, limits.budget))
    jobs = jobs_of(graph, candidates)
    search = _Search(graph, candidates, board, limits, jobs, Deadline(limits.seconds))
    ordered = sorted(
        (
            (_quick_bound(build_problem(jobs, engine, limits.budget, limits.max_loss)), index)
            for index, engine in enumerate(engines)
        )
    )
    state = _try_engines(search, [(low, engines[index]) for low, index in ordered], progress)
    smallest, least = None, 0
    if state.best is None:
        progress("looking for the least memory that works")
        smallest, least = least_memory(search, engines)
        if smallest is not None and smallest.memory_bytes <= limits.budget.memory_bytes:
            state = replace(state, best=smallest)
    state = _try_search(search, state, progress)
    state = _try_extra(search, state, progress)
    if state.best is not None:
        return with_bound(state.best, state.bound())
    message = (
        f"no design fits '{board.name}' in {limits.budget.memory_bytes:,} bytes of on-chip memory"
        f" with {limits.budget.dsp} DSP slices and {limits.budget.lut:,} LUTs"
    )
    remedy = "" if smallest is None else f"; --mem {smallest.memory_bytes} works"
    if state.open or state.unseen is not None:
        raise TimeLimitError(f"{message} within the time limit (infeasibility not proved){remedy}")
    if least > limits.budget.memory_bytes:
        raise InfeasibleError(f"{message} (proved: at least {least:,} bytes are needed){remedy}")
    blocks = f"{limits.budget.bram18} BRAM18 and {limits.budget.uram} URAM"
    raise InfeasibleError(f"{message}, {blocks} (proved){remedy}")


def _quick_bound(problem: Problem) -> int:
    """A lower bound on the cycles, ignoring memory: for a price on loss, every task takes its
    cheapest option; the best price of a few (Lagrangian relaxation of the limit)."""
    overhead = problem.overhead_cycles
    base = 0
    costs = []
    for task in problem.tasks:
        cycles = np.array(
            [o.trips + o.lead_cycles + overhead * len(o.parts) for o in task.options], float
        )
        losses = np.array([o.loss_ppb for o in task.options], float)
        costs.append((cycles, losses))
        base += int(cycles.min())
    best = float(base)
    for price in np.geomspace(1e-3, 1e2, 26):
        value = sum(float((cycles + price * losses).min()) for cycles, losses in costs)
        best = max(best, value - price * problem.loss_ppb)
    return int(np.ceil(best - 1e-6))


@dataclass(frozen=True)
class _Search:
    """What does not change during a search."""

    graph: Graph
    candidates: Mapping[str, Sequence[Candidate]]
    board: Board
    limits: Limits
    jobs: Jobs
    deadline: Deadline

    def problem(self, engine: Engine) -> Problem:
        return build_problem(self.jobs, engine, self.limits.budget, self.limits.max_loss)


@dataclass(frozen=True)
class _Open:
    """An engine on which a better plan is not excluded: none has fewer cycles than `low`."""

    low: int
    problem: Problem
    choice: tuple[int, ...]


@dataclass(frozen=True)
class _State:
    """The best plan so far, the engines that are open, a bound on those not looked at (None: all
    were), and the seconds left."""

    best: Plan | None
    open: tuple[_Open, ...]
    unseen: int | None
    seconds: float

    def bound(self) -> int:
        """No plan has fewer cycles."""
        lows = [item.low for item in self.open] + ([] if self.unseen is None else [self.unseen])
        if self.best is not None:
            lows.append(self.best.cycles)
        return min(lows)


def _try_engines(
    search: _Search, engines: Sequence[tuple[int, Engine]], progress: Progress
) -> _State:
    """Every engine that can win, without extra slots."""
    state = _State(None, (), None, search.limits.seconds)
    for position, (quick, engine) in enumerate(engines):
        if state.best is not None and quick >= state.best.cycles:
            break
        if state.seconds <= 0 or search.deadline.over:
            return replace(state, unseen=quick)
        progress(f"engine {position + 1} of {len(engines)}")
        problem = search.problem(engine)
        if cannot_fit(problem, search.limits.budget.memory_bytes):
            continue
        relaxed = relax(problem, limit_bytes=search.limits.budget.memory_bytes)
        state = replace(state, seconds=state.seconds - relaxed.seconds)
        if relaxed.bound is None:
            continue
        item = _Open(relaxed.bound, problem, relaxed.choice)
        if state.best is None or item.low < state.best.cycles:
            state, _ = _attempt(search, replace(state, open=(*state.open, item)), item, extra=0)
    return state


def _try_search(search: _Search, state: _State, progress: Progress) -> _State:
    """The most promising open engines, with the options of their relaxed answers."""
    for item in sorted(state.open, key=lambda item: item.low)[:SEARCHED]:
        beaten = state.best is not None and item.low >= state.best.cycles
        if state.seconds <= 0 or search.deadline.over or beaten:
            break
        progress(f"recomputation: search, {len(state.open)} engines open")
        seconds = search.limits.seconds * SEARCH_SHARE
        limit = search.limits.budget.memory_bytes
        found = recompute(item.problem, item.choice, limit_bytes=limit, seconds=seconds)
        state = replace(state, seconds=state.seconds - seconds)
        if found is not None and (state.best is None or found.cycles < state.best.cycles):
            state = _improve(search, state, item, found)
    return state


def _try_extra(search: _Search, state: _State, progress: Progress) -> _State:
    """Open engines, the most promising first, with extra slots."""
    for extra in (None, *EXTRA_SLOTS):
        for item in sorted(state.open, key=lambda item: item.low):
            if state.best is not None and item.low >= state.best.cycles:
                state = replace(state, open=tuple(o for o in state.open if o is not item))
                continue
            if state.seconds <= 0 or search.deadline.over:
                return state
            useful = _useful_extra(item, state.best)
            if extra is None and len(item.problem.tasks) + useful > MOST_SLOTS:
                continue
            slots = useful if extra is None else extra
            if Space(item.problem, slots).variables * SECONDS_PER_RUN > state.seconds:
                continue
            progress(f"recomputation: {slots} extra steps, {len(state.open)} engines open")
            state, proved = _attempt(search, state, item, extra=slots)
            if proved and slots >= _useful_extra(item, state.best):
                state = replace(state, open=tuple(o for o in state.open if o is not item))
    return state


def _attempt(search: _Search, state: _State, item: _Open, *, extra: int) -> tuple[_State, bool]:
    """Look for a plan better than the best on one engine; whether what was found is proved best
    for this number of extra slots."""
    outcome = schedule(
        item.problem,
        extra=extra,
        limit_bytes=search.limits.budget.memory_bytes,
        most_cycles=None if state.best is None else state.best.cycles - 1,
        seconds=max(search.limits.seconds * SHARE, 1.0),
        hint=item.choice,
    )
    state = replace(state, seconds=state.seconds - outcome.seconds)
    if outcome.schedule is None:
        return state, outcome.proved
    better = _improve(search, state, item, outcome.schedule)
    return better, outcome.proved and better is not state


def _improve(search: _Search, state: _State, item: _Open, found: Schedule) -> _State:
    """The state with the plan of a schedule that is better than the best; as it was, if the tensors
    do not pack."""
    plan = assemble(
        search.graph,
        search.board,
        item.problem,
        found,
        search.candidates,
        limit_bytes=search.limits.budget.memory_bytes,
    )
    if plan is None:
        log.warning("%d cycles do not pack into the arena", found.cycles)
        return state
    log.info("%s: %d cycles, bound %d", plan.engine, plan.cycles, item.low)
    return replace(state, best=plan)


def _useful_extra(item: _Open, best: Plan | None) -> int:
    """Extra slots beyond which no plan beats `best`: a chain can be cut between any two parts, and
    every run beyond the first adds its overhead to the bound (its trips may hide a fetch)."""
    if best is None:
        return MOST_SLOTS
    tasks = item.problem.tasks
    cuts = sum(max(len(option.parts) for option in task.options) - 1 for task in tasks)
    return cuts + max(best.cycles - 1 - item.low, 0) // item.problem.overhead_cycles


def least_memory(search: _Search, engines: Sequence[Engine]) -> tuple[Plan | None, int]:
    """The plan of least memory that was found on the whole board, and a proved lower bound."""
    whole = replace(search.limits.budget, memory_bytes=search.board.memory_bytes)
    wide = replace(search, limits=replace(search.limits, budget=whole))
    ordered = sorted(
        (least_bytes(wide.problem(engine)), index) for index, engine in enumerate(engines)
    )
    best: Plan | None = None
    for bound, index in ordered[:ENGINES_FOR_LEAST]:
        if best is not None and bound >= best.memory_bytes:
            break
        limit = whole.memory_bytes if best is None else best.memory_bytes - 1
        best = _smallest_on(wide, wide.problem(engines[index]), limit, extra=0) or best
    if best is not None and len(search.jobs.jobs) <= MOST_SLOTS:
        for extra in EXTRA_SLOTS:
            limit = best.memory_bytes - 1
            best = _smallest_on(wide, wide.problem(best.engine), limit, extra=extra) or best
    return best, ordered[0][0]


def _smallest_on(search: _Search, problem: Problem, limit_bytes: int, *, extra: int) -> Plan | None:
    """The plan of least memory on one engine, of at most `limit_bytes`, and of those with so little
    memory the fastest."""
    relaxed = relax(problem, limit_bytes=limit_bytes, least_memory=True)
    if relaxed.bound is None:
        return None
    plan: Plan | None = None
    for least in (True, False):
        outcome = schedule(
            problem,
            extra=extra,
            limit_bytes=limit_bytes if plan is None else plan.memory_bytes,
            most_cycles=None if plan is None else plan.cycles - 1,
            seconds=min(LEAST_SECONDS, search.limits.seconds * SHARE),
            least_memory=least,
            hint=relaxed.choice,
        )
        if outcome.schedule is None:
            return plan
        plan = (
            assemble(
                search.graph,
                search.board,
                problem,
                outcome.schedule,
                search.candidates,
                limit_bytes=limit_bytes if plan is None else plan.memory_bytes,
            )
            or plan
        )
    return plan
