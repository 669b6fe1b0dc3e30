"""The sequential solver: the best engine, and on it the best schedule.

Engines are tried in the order of a quick lower bound; one whose bound is not below the best plan so
far cannot win. What is left of the rest is proved by `relax`, or by a schedule model with so many
extra slots that no further recomputation could pay.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from hwmap.board import Board, Budget
from hwmap.cost.engine import DSP_PER_REQUANT, Engine
from hwmap.decompose.candidates import Candidate
from hwmap.errors import InfeasibleError, TimeLimitError
from hwmap.ir.graph import Graph
from hwmap.solve.plan import Plan
from hwmap.solve.sequential.assemble import assemble, with_bound
from hwmap.solve.sequential.problem import Network, Problem, build_problem, network_of
from hwmap.solve.sequential.relax import relax
from hwmap.solve.sequential.schedule import schedule

log = logging.getLogger(__name__)

MOST_SIDE = 128
"""Largest PE and SIMD: wider arrays do not route at the boards' clocks."""
MOST_LANES = 64
LARGEST_SPACE = 14
"""Slots up to which a schedule model with extra slots for every useful recomputation is tried."""
MOST_EXTRA = 4
"""Extra slots tried where without them nothing is found."""
SHARE = 0.25
"""Part of the time that is left which one schedule model may take."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Limits:
    """What the user allows: the budget, the summed relative error, and solver seconds."""

    budget: Budget
    max_error: float
    seconds: float


def engines_of(board: Board, budget: Budget) -> tuple[Engine, ...]:
    """Every engine within the DSP budget, in a fixed order."""
    sides = [1 << k for k in range(MOST_SIDE.bit_length())]
    lanes = [side for side in sides if side <= MOST_LANES]
    found = []
    for pe, simd, vector, requant in product(sides, sides, lanes, lanes):
        if requant > min(pe, vector) or vector > pe * simd:
            continue
        bus = min(board.bus_bytes, pe * simd, 8 * requant)
        engine = Engine(pe, simd, vector, requant, bus)
        if engine.dsp <= budget.dsp:
            found.append(engine)
    return tuple(found)


def solve(
    graph: Graph,
    candidates: Mapping[str, Sequence[Candidate]],
    board: Board,
    limits: Limits,
    report: Report = lambda _: None,
) -> Plan:
    """The plan with the fewest cycles that was found, with a proved bound.

    Raises:
        InfeasibleError: proved that nothing fits; says the least memory that works.
        TimeLimitError: nothing was found, and nothing proved.
    """
    engines = engines_of(board, limits.budget)
    if not engines:
        least = 2 + DSP_PER_REQUANT
        raise InfeasibleError(
            f"no design fits {limits.budget.dsp} DSP slices on '{board.name}': the smallest engine"
            f" needs {least}; give --dsp {least} or more"
        )
    network = network_of(graph, candidates)
    search = _Search(graph, candidates, board, limits, network)
    ordered = sorted(
        ((_quick_bound(build_problem(network, engine, limits.budget, limits.max_error)), index)
         for index, engine in enumerate(engines))
    )
    best, bound, proved = search.run([(b, engines[i]) for b, i in ordered], report)
    if best is not None:
        return with_bound(best, bound)
    if proved:
        raise _infeasible(search, engines, report)
    raise TimeLimitError(
        f"no design found for '{board.name}' in the time given (infeasibility not proved);"
        " raise --time-limit or the memory budget"
    )


def _quick_bound(problem: Problem) -> int:
    """A lower bound on the cycles, ignoring memory: for a price on error, every task takes its
    cheapest option; the best price of a few (Lagrangian relaxation of the error limit)."""
    overhead = problem.overhead_cycles
    base = 0
    costs = []
    for task in problem.tasks:
        cycles = np.array([o.trips + overhead * len(o.parts) for o in task.options], float)
        errors = np.array([o.error_ppm for o in task.options], float)
        costs.append((cycles, errors))
        base += int(cycles.min())
    best = float(base)
    for price in np.geomspace(1e-3, 1e2, 26):
        value = sum(float((cycles + price * errors).min()) for cycles, errors in costs)
        best = max(best, value - price * problem.error_ppm)
    return int(np.ceil(best - 1e-6))


@dataclass(frozen=True)
class _Search:
    graph: Graph
    candidates: Mapping[str, Sequence[Candidate]]
    board: Board
    limits: Limits
    network: Network

    def problem(self, engine: Engine) -> Problem:
        return build_problem(self.network, engine, self.limits.budget, self.limits.max_error)

    def run(
        self, engines: Sequence[tuple[int, Engine]], report: Report
    ) -> tuple[Plan | None, int, bool]:
        """The best plan, a bound on all plans, and whether it is proved that there is none."""
        best: Plan | None = None
        left = self.limits.seconds
        bound: int | None = None
        open_engines = False
        for position, (quick, engine) in enumerate(engines):
            if best is not None and quick >= best.cycles:
                break
            if left <= 0:
                bound = quick if bound is None else min(bound, quick)
                open_engines = True
                break
            report(f"engine {position + 1} of {len(engines)}")
            plan, low, proved, used = self._on(engine, best, left)
            left -= used
            if plan is not None:
                log.info("%s: %d cycles, bound %s", engine, plan.cycles, low)
                best = plan
            if not proved:
                open_engines = True
                bound = low if bound is None else min(bound, low)
        if best is None:
            return None, 0, not open_engines
        return best, best.cycles if bound is None else bound, False

    def _on(
        self, engine: Engine, best: Plan | None, seconds: float
    ) -> tuple[Plan | None, int, bool, float]:
        """On one engine: a better plan than `best` or None, a bound on its cycles, whether it is
        proved that it has no better plan than the answer, and the seconds used."""
        problem = self.problem(engine)
        limit = self.limits.budget.memory_bytes
        used = 0.02
        relaxed = relax(problem, limit_bytes=limit)
        if relaxed.bound is None or (best is not None and relaxed.bound >= best.cycles):
            return None, relaxed.bound or 0, True, used
        low = relaxed.bound
        most = None if best is None else best.cycles - 1
        plan: Plan | None = None
        for extra in self._extras(problem, low):
            if extra and plan is not None and extra < self._useful_extra(problem, plan.cycles, low):
                continue
            allowed = max(min(seconds * SHARE, seconds - used), 0.1)
            outcome = schedule(
                problem,
                extra=extra,
                limit_bytes=limit,
                most_cycles=most,
                seconds=allowed,
                hint=relaxed.choice,
            )
            used += allowed if outcome.schedule is None and not outcome.proved else 0.1
            if outcome.schedule is not None:
                made = assemble(
                    self.graph,
                    self.board,
                    problem,
                    outcome.schedule,
                    self.candidates,
                    limit_bytes=limit,
                    bound_cycles=low,
                )
                if made is not None:
                    plan, most = made, made.cycles - 1
                if not outcome.schedule.optimal:
                    used += allowed
            if plan is not None and plan.cycles <= low:
                return plan, low, True, used
            reference = plan.cycles if plan is not None else (most or 0) + 1
            complete = extra >= self._useful_extra(problem, reference, low) and (
                outcome.proved or (outcome.schedule is not None and outcome.schedule.optimal)
            )
            if complete and (plan is not None or best is not None):
                return plan, reference, True, used
            if used >= seconds:
                break
        return plan, low, False, used

    def _extras(self, problem: Problem, low: int) -> Iterator[int]:
        """Numbers of extra slots to try, in order."""
        yield 0
        room = LARGEST_SPACE - len(problem.tasks)
        yield from (extra for extra in (1, 2, MOST_EXTRA) if extra <= max(room, MOST_EXTRA))
        if room > MOST_EXTRA:
            yield room

    def _useful_extra(self, problem: Problem, cycles: int, low: int) -> int:
        """Extra slots beyond which a plan is no better than `cycles`: a chain can be cut between
        any two parts, and every recomputation takes at least the shortest step."""
        cuts = sum(max(len(o.parts) for o in task.options) - 1 for task in problem.tasks)
        shortest = min(
            part.trips
            for task in problem.tasks
            if task.kind == "run"
            for option in task.options
            for part in option.parts
        )
        return cuts + max(cycles - 1 - low, 0) // (shortest + problem.overhead_cycles)


def _infeasible(search: _Search, engines: Sequence[Engine], report: Report) -> InfeasibleError:
    """The error that says how much memory is too little, and how much works."""
    plan, bound = least_memory(search, engines, report)
    limits, board = search.limits, search.board
    needed = f"at least {bound:,} bytes are needed"
    message = (
        f"no design fits '{board.name}' in {limits.budget.memory_bytes:,} bytes of on-chip memory"
        f" with {limits.budget.dsp} DSP slices (proved: {needed})"
    )
    if plan is None:
        return InfeasibleError(f"{message}; no design was found for the whole board either")
    return InfeasibleError(f"{message}; --mem {plan.memory_bytes} works")


def least_memory(
    search: _Search, engines: Sequence[Engine], report: Report
) -> tuple[Plan | None, int]:
    """The plan of least memory that was found on the whole board, and a proved lower bound."""
    whole = replace(
        search.limits.budget, memory_bytes=search.board.memory_bytes
    )
    wide = replace(search, limits=replace(search.limits, budget=whole))
    bounds = []
    for engine in engines:
        relaxed = relax(wide.problem(engine), limit_bytes=whole.memory_bytes, least_memory=True)
        if relaxed.bound is not None:
            bounds.append((relaxed.bound, len(bounds), engine, relaxed.choice))
    best: Plan | None = None
    for bound, _, engine, choice in sorted(bounds)[:ENGINES_FOR_LEAST]:
        if best is not None and bound >= best.memory_bytes:
            break
        report("least memory that works")
        problem = wide.problem(engine)
        limit = whole.memory_bytes if best is None else best.memory_bytes - 1
        outcome = schedule(
            problem,
            extra=0,
            limit_bytes=limit,
            most_cycles=None,
            seconds=search.limits.seconds * SHARE,
            least_memory=True,
            hint=choice,
        )
        if outcome.schedule is None:
            continue
        made = assemble(
            search.graph,
            search.board,
            problem,
            outcome.schedule,
            search.candidates,
            limit_bytes=limit,
            bound_cycles=0,
        )
        if made is not None and (best is None or made.memory_bytes < best.memory_bytes):
            best = made
    return best, min((bound for bound, *_ in bounds), default=0)


ENGINES_FOR_LEAST = 6
