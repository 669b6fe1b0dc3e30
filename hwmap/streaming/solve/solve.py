"""From a float network to a plan: the fastest that fits, with a proved bound."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass

from hwmap.board import BRAM18_BYTES, Board
from hwmap.decompose.apply import apply_parts
from hwmap.decompose.candidates import Candidate
from hwmap.decompose.method import DENSE
from hwmap.errors import InfeasibleError, TimeLimitError, UnsupportedOperatorError
from hwmap.ir.given import least_weight
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.progress import Progress
from hwmap.solve.answer import Choice
from hwmap.solve.settings import Settings
from hwmap.streaming.cost import Cost, Target
from hwmap.streaming.depths import sufficient_depths
from hwmap.streaming.folding import Folding
from hwmap.streaming.network import Network, build_network, not_streaming
from hwmap.streaming.plan import STYLE, Plan
from hwmap.streaming.solve.improve import improve
from hwmap.streaming.solve.model import Answer, choose
from hwmap.streaming.solve.options import Options
from hwmap.streaming.solve.problem import Choices, Problem, fewest_trips, limits_of
from hwmap.streaming.use import SHELL, memory_bytes, network_cost

log = logging.getLogger(__name__)

ROUNDS = 3
STEP = 0.004
"""Relative steps in which the fewest trips are looked for: what a bound may lack."""
IMPROVEMENTS = 3
"""How often neighbours are made to fit, each time with what forks and FIFOs then took."""


@dataclass(frozen=True, eq=False)
class _Found:
    """An answer with the kernels between its ops: does it fit?"""

    picked: tuple[Candidate, ...]
    foldings: tuple[Folding, ...]
    network: Network
    depths: tuple[int, ...]
    cost: Cost


def solve(
    source: Graph,
    candidates: Mapping[str, Sequence[Candidate]],
    settings: Settings,
    seconds: float,
    progress: Progress,
) -> Plan:
    """The fastest plan for a float network that was found in the time, with a proved bound.

    First the best choice without the kernels that regroup words and without FIFOs: a bound. Then
    plans with them: what they take is kept back from the budgets, until everything fits.

    Raises:
        InfeasibleError, TimeLimitError: there is none, or none was found.
        UnsupportedOperatorError: ops have no kernel; all are named.
    """
    missing = not_streaming(source)
    if missing:
        names = ", ".join(f"'{name}' ({kind})" for name, kind in missing)
        raise UnsupportedOperatorError(
            f"{source.name}: has no streaming kernel for {names}; take --style sequential"
        )
    board, budget = settings.board, settings.budget
    target = Target(board.dsp_slice, least_weight(source), board.bus_bytes)
    choices = Choices(source, candidates, settings, target, progress)
    floor = fewest_trips(source, candidates, budget)
    every = [trips for trips in choices.trips() if trips >= floor]
    grid = _thinned(every)
    shell = astuple(SHELL)

    def fits(index: int) -> Answer:
        progress(f"is there a plan of {grid[index]:,} cycles?")
        return choose(choices.within(grid[index]), shell, seconds / 8, smallest=False)

    least, proved = _first(fits, len(grid))
    if least is None:
        raise _failure(proved, source, board)
    bound = every[0]
    if proved and least:
        bound = next(trips for trips in every if trips > grid[least - 1])

    def complete(index: int) -> _Found | None:
        problem = choices.within(grid[index])
        reserve = shell
        for _ in range(ROUNDS):
            progress(f"a plan of {grid[index]:,} cycles")
            answer = choose(problem, reserve, seconds / 8, smallest=True)
            if not answer.found:
                return None
            found = _complete(source, candidates, problem, answer, target)
            log.info("%d: %s of %s", grid[index], found.cost, problem.budget)
            if _fits(found, settings):
                return found
            reserve = _kept_back(found, problem, reserve)
        return None

    index, step = least, 1
    found = complete(index)
    while found is None and index + 1 < len(grid):
        below = index
        index = min(index + step, len(grid) - 1)
        step *= 2
        found = complete(index)
        # Between the last that failed and the first that did not.
        while found is not None and index - below > 1:
            middle = (index + below) // 2
            better = complete(middle)
            found, index, below = (
                (found, index, middle) if better is None else (better, middle, below)
            )
    if found is None:
        raise TimeLimitError(
            f"no streaming design found in {seconds:g} s (infeasibility not proved); raise"
            " --time-limit or the budgets"
        )
    return _plan(source, found, settings, bound)


def _thinned(trips: Sequence[int]) -> list[int]:
    """Without those that are less than a step below another."""
    kept = [trips[-1]]
    for count in reversed(trips):
        if count * (1 + STEP) <= kept[-1]:
            kept.append(count)
    return kept[::-1]


def _first(fits: Callable[[int], Answer], count: int) -> tuple[int | None, bool]:
    """The first of the steps 0, 1 ... count - 1 that fits, where every later one does too; whether
    all before it are proved not to. None: there is none; then, whether that is proved."""
    low, high, proved = -1, 0, True
    while high < count:
        answer = fits(high)
        if answer.found:
            break
        proved = proved and answer.status == "INFEASIBLE"
        low, high = high, min(2 * high + 1, count - 1) if high < count - 1 else count
    if high >= count:
        return None, proved
    while high - low > 1:
        middle = (low + high) // 2
        answer = fits(middle)
        if answer.found:
            high = middle
        else:
            proved = proved and answer.status == "INFEASIBLE"
            low = middle
    return high, proved


def _failure(proved: bool, source: Graph, board: Board) -> Exception:
    if proved:
        return InfeasibleError(
            f"no streaming design of '{source.name}' fits '{board.name}': its kernels are there all"
            " at once, and even the smallest need more than the budget; raise the budgets, or take"
            " --style sequential"
        )
    return TimeLimitError(
        "no streaming design found in time (infeasibility not proved); raise --time-limit"
    )


def _complete(
    source: Graph,
    candidates: Mapping[str, Sequence[Candidate]],
    problem: Problem,
    answer: Answer,
    target: Target,
) -> _Found:
    """The network of an answer, with neighbours that fit, and deep enough FIFOs."""
    picked = tuple(
        candidates[op.name][ways[way].candidate]
        for op, ways, way in zip(hardware_ops(source), problem.ops, answer.ways, strict=True)
    )
    graph = apply_parts(source, [item.graph for item in picked if item.method != DENSE])
    options: dict[str, Options] = {}
    chosen: dict[str, int] = {}
    for ways, way, own in zip(problem.ops, answer.ways, answer.foldings, strict=True):
        for part, index in zip(ways[way].parts, own, strict=True):
            name = part.foldings[index].op
            options[name], chosen[name] = part, index
    limits, trips = problem.budget, problem.trips
    others = astuple(SHELL)
    for _ in range(IMPROVEMENTS):
        left = tuple(most - part for most, part in zip(limits, others, strict=True))
        by_op, used = improve(graph, options, chosen, trips, left, target)
        network = build_network(graph, by_op)
        depths = sufficient_depths(network)
        cost = network_cost(network, depths, graph, target)
        others = tuple(part - own for part, own in zip(astuple(cost), used, strict=True))
        if all(part <= most for part, most in zip(astuple(cost), limits, strict=True)):
            break
    foldings = tuple(by_op[op.name] for op in hardware_ops(graph))
    return _Found(picked, foldings, network, depths, cost)


def _fits(found: _Found, settings: Settings) -> bool:
    limits = astuple(limits_of(settings.board, settings.budget))
    within = all(a <= b for a, b in zip(astuple(found.cost), limits, strict=True))
    return within and memory_bytes(found.cost) <= settings.budget.memory_bytes


def _kept_back(found: _Found, problem: Problem, reserve: tuple[int, ...]) -> tuple[int, ...]:
    """What is to be kept back for what has no folding: where too much was taken, as much more."""
    missing = [a - b for a, b in zip(astuple(found.cost), problem.budget, strict=True)]
    over = memory_bytes(found.cost) - problem.memory_bytes
    if over > 0:
        missing[3] = max(missing[3], -(-over // BRAM18_BYTES))
    return tuple(have + max(more, 0) for have, more in zip(reserve, missing, strict=True))


def _plan(source: Graph, found: _Found, settings: Settings, bound: int) -> Plan:
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
        memory_bytes=memory_bytes(found.cost),
        loss=sum((choice.loss for choice in choices), 0.0),
    )
