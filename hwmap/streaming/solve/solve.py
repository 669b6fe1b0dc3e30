"""From a float network to a plan: the fastest that fits, with a proved bound."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from functools import partial

from hwmap.board import BRAM18_BYTES
from hwmap.decompose.candidates import Candidate, dense_candidates
from hwmap.decompose.method import DENSE
from hwmap.errors import InfeasibleError, TimeLimitError
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.progress import Progress
from hwmap.solve.answer import Choice
from hwmap.solve.deadline import Deadline
from hwmap.solve.settings import Settings
from hwmap.streaming.plan import STYLE, Plan
from hwmap.streaming.solve.complete import Found, Limits, complete, recompute
from hwmap.streaming.solve.dual import EQUAL, Proof, prove
from hwmap.streaming.solve.model import Answer, choose
from hwmap.streaming.solve.price import Pricing
from hwmap.streaming.solve.problem import Choices, Problem, fewest_trips
from hwmap.streaming.sub_pixel import sub_pixel
from hwmap.streaming.use import SHELL, memory_bytes, target_of

log = logging.getLogger(__name__)

MUCH = 64
"""How many times a budget may be too small for a message to say what would do."""
ATTEMPTS = 12
"""How often a plan is tried, each time with that part of the time."""
STEP = 0.004
"""Relative steps in which the fewest trips are looked for: what a bound may lack."""


def solve(
    source: Graph,
    candidates: Mapping[str, Sequence[Candidate]],
    settings: Settings,
    seconds: float,
    progress: Progress,
) -> Plan:
    """The fastest plan for a float network that was found in the time, with a proved bound.

    First the fewest cycles for which no prices of resources prove that nothing fits: a bound. Then
    plans, from there on: what forks and FIFOs of more than a few words take is kept back from the
    budgets, until everything fits.

    Raises:
        InfeasibleError, TimeLimitError: there is none, or none was found.
    """
    given, source = source, sub_pixel(source)
    dense = dense_candidates(source)
    candidates = {
        op.name: candidates[op.name] if op in given.ops else dense[op.name]
        for op in hardware_ops(source)
    }
    board = settings.board
    target = target_of(source, board, by_shifts=settings.by_shifts)
    choices = Choices(source, candidates, settings, target, progress)
    search = _Search(source, candidates, settings, choices, progress)
    least = search.first(0, astuple(SHELL))
    if least is None:
        raise InfeasibleError(
            f"no streaming design of '{source.name}' fits '{board.name}': its kernels are there all"
            f" at once, and even the smallest need more than the budget: {search.needed()}; raise"
            " it, or take --style sequential"
        )
    bound, found = search.plan(least, seconds)
    if found is None:
        raise TimeLimitError(
            f"no streaming design found in {seconds:g} s (infeasibility not proved); raise"
            " --time-limit or the budgets"
        )
    return _plan(source, found, settings, bound)


class _Search:
    """The numbers of trips that kernels can have, and the prices that proved the last answer, from
    which the next proof starts."""

    def __init__(
        self,
        source: Graph,
        candidates: Mapping[str, Sequence[Candidate]],
        settings: Settings,
        choices: Choices,
        progress: Progress,
    ) -> None:
        self._source, self._candidates, self._settings = source, candidates, settings
        self._choices, self._progress = choices, progress
        floor = fewest_trips(source, candidates, settings.budget)
        self._every = [trips for trips in choices.trips() if trips >= floor]
        self._grid = _thinned(self._every)
        self._prices = EQUAL

    def first(self, start: int, reserve: Sequence[int]) -> int | None:
        """The first place on the grid, from `start` on, that no prices prove to be too fast for
        what `reserve` leaves."""

        def fits(index: int) -> bool:
            self._progress(f"is there a plan of {self._grid[start + index]:,} cycles?")
            return self._proof(start + index, reserve, complete=False) is not None

        found = _first(fits, len(self._grid) - start)
        return None if found is None else start + found

    def plan(self, least: int, seconds: float) -> tuple[int, Found | None]:
        """The fewest cycles that are not excluded, and the first plan from `least` on: what is
        between its kernels and deep FIFOs take is kept back until everything fits."""
        shell = astuple(SHELL)
        bound, at, reserve = self._above(least - 1), least, shell
        limits, deadline = Limits.of(self._settings), Deadline(seconds)
        for _ in range(ATTEMPTS):
            if deadline.over:
                break
            later = self.first(at, reserve)
            if later is None:
                break
            at = later
            self._progress(f"a plan of {self._grid[at]:,} cycles")
            proof = self._proof(at, reserve, complete=True)
            if proof is None:
                at += 1
                continue
            answer = choose(proof, seconds / ATTEMPTS)
            if not answer.found:
                if _excluded(proof, answer) and reserve == shell:
                    bound = self._above(at)
                at += 1
                continue
            found = complete(self._source, self._candidates, proof.problem, answer)
            found = recompute(found, limits, proof.problem.target, deadline, self._progress)
            log.info("%d: %s of %s", self._grid[at], found.cost, proof.problem.budget)
            if limits.excess(found.cost) == 0:
                return bound, found
            reserve = _kept_back(found, proof.problem, reserve)
        return bound, None

    def needed(self) -> str:
        """The budget that is too small if only one is, and the least that is not excluded."""
        problem = self._choices.within(self._grid[-1])
        for what, limit, raised in _larger(problem):
            if not _fits_at_all(raised(MUCH * max(limit, 1))):
                continue
            low, high = limit, MUCH * max(limit, 1)
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if _fits_at_all(raised(middle)) else (middle, high)
            return f"at least {high:,} {what}, there are {limit:,}"
        return "of several resources"

    def _proof(self, index: int, reserve: Sequence[int], *, complete: bool) -> Proof | None:
        """None: there is no plan of so few cycles that leaves `reserve`."""
        pricing = Pricing(self._choices.within(self._grid[index]), reserve)
        if not pricing.possible:
            return None
        proof = prove(pricing, self._prices, complete=complete)
        self._prices = proof.prices
        return None if proof.infeasible else proof

    def _above(self, index: int) -> int:
        """The fewest trips of a kernel above a place on the grid."""
        if index < 0:
            return self._every[0]
        return next((trips for trips in self._every if trips > self._grid[index]), self._grid[-1])


def _larger(problem: Problem) -> Iterator[tuple[str, int, Callable[[int], Problem]]]:
    """What there is a budget of, how much of it, and the problem with another budget."""

    def with_budget(column: int, limit: int) -> Problem:
        budget = (*problem.budget[:column], limit, *problem.budget[column + 1 :])
        return replace(problem, budget=budget)

    yield "LUTs", problem.budget[1], partial(with_budget, 1)
    yield "DSP slices", problem.budget[0], partial(with_budget, 0)
    size = problem.memory_bytes
    yield "bytes of memory", size, lambda limit: replace(problem, memory_bytes=limit)
    yield (
        "BRAM18",
        problem.budget[3],
        lambda limit: replace(with_budget(3, limit), memory_bytes=size + limit * BRAM18_BYTES),
    )


def _fits_at_all(problem: Problem) -> bool:
    """Whether no prices prove that nothing fits."""
    pricing = Pricing(problem, astuple(SHELL))
    return pricing.possible and not prove(pricing, EQUAL, complete=False).infeasible


def _excluded(proof: Proof, answer: Answer) -> bool:
    """Whether no picks at all fit, not only those that a solver was given."""
    return proof.small and answer.status == "INFEASIBLE"


def _thinned(trips: Sequence[int]) -> list[int]:
    """Without those that are less than a step below another."""
    kept = [trips[-1]]
    for count in reversed(trips):
        if count * (1 + STEP) <= kept[-1]:
            kept.append(count)
    return kept[::-1]


def _first(fits: Callable[[int], bool], count: int) -> int | None:
    """The first of the steps 0, 1 ... count - 1 that fits, where every later one does too."""
    low, high = -1, 0
    while high < count and not fits(high):
        low, high = high, min(2 * high + 1, count - 1) if high < count - 1 else count
    if high >= count:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            high = middle
        else:
            low = middle
    return high


def _kept_back(found: Found, problem: Problem, reserve: Sequence[int]) -> tuple[int, ...]:
    """What is to be kept back for what has no folding: where too much was taken, more than that."""
    missing = [a - b for a, b in zip(astuple(found.cost), problem.budget, strict=True)]
    over = memory_bytes(found.cost) - problem.memory_bytes
    if over > 0:
        missing[3] = max(missing[3], -(-over // BRAM18_BYTES))
    return tuple(
        have + max(-(-more * 11 // 10), 0) for have, more in zip(reserve, missing, strict=True)
    )


def _plan(source: Graph, found: Found, settings: Settings, bound: int) -> Plan:
    choices = tuple(
        Choice(item.op, item.method, item.error, item.loss)
        for item in found.picked
        if item.method != DENSE
    )
    cycles = found.network.trips
    return Plan(
        style=STYLE,
        network=source.name,
        board=settings.board.name,
        status="optimal" if cycles <= bound else "feasible",
        cycles=cycles,
        bound_cycles=min(bound, cycles),
        choices=choices,
        foldings=found.foldings,
        depths=found.depths,
        dsp=found.cost.dsp,
        lut=found.cost.lut,
        lutram=found.cost.lutram,
        bram18=found.cost.bram18,
        uram=found.cost.uram,
        ff=found.cost.ff,
        memory_bytes=memory_bytes(found.cost),
        loss=sum((choice.loss for choice in choices), 0.0),
        recomputed=found.recomputed,
    )
