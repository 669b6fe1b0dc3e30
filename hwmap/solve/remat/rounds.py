"""Rounds of annealing: several ways to begin, and more moves for those that come closest."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import inf

import numpy as np

from hwmap.ir.types import Integers
from hwmap.solve.addresses import live_peak
from hwmap.solve.deadline import Deadline
from hwmap.solve.remat.types import Dag, Ends, SchedulingProblem, new_dag, new_sequence

MOVE_SECONDS = (0.75e-6, 0.1e-9)
"""Of one move, and more for every node of the graph. Measured on layered graphs of 100 to 1000
nodes, two searches at a time on two cores; it can take nearly twice as long (500 nodes, a busy
machine). A time limit counts moves, so that the same seed gives the same answer on every machine.
"""
MOVES_PER_NODE = 2000
"""Of one search in the first round; each further round has twice as many."""
FEW = 100
FIRST_SHARE = 0.75
"""In a fixed order, where there is time for fewer such searches, the first round takes most of it:
long searches come closer than several short ones."""
CHARGE = 0.25
"""In a fixed order for every run above the budget, in mean sizes: without it, many searches end a
unit above. In a free order it costs more than it brings (1000 nodes at 80 %)."""
LEFT = 2
"""Ways that are left in the last rounds, besides that from the best schedule."""
AT_A_TIME = 2
STAGE_MOVES_PER_NODE = 100
"""A stage has no fewer moves: with less time there are fewer stages."""

GIVEN, DEPTH_FIRST, BEST = "given", "depth first", "best"


@dataclass(frozen=True)
class Way:
    """What annealing starts from, first and last temperature (in mean durations), and first and
    last price of a mean size above the budget during one run (in mean durations). Searches, as many
    as `members`, go on after each of the `stages` from what they give together."""

    start: str
    heat: Ends
    price: Ends
    members: int = 1
    stages: int = 1


COOL = (0.2, 0.02), (0.2, 40.0)
HOT = (0.6, 0.015), (0.04, 40.0)
MILD = (0.4, 0.06), (0.2, 20.0)
WARM = (1.0, 0.03), (1.0, 40.0)
STRICT = (3.0, 0.05), (3.0, 40.0)
STRICTEST = (100.0, 0.3), (300.0, 300.0)
WAYS = tuple(Way(start, *heat) for heat in (COOL, HOT) for start in (GIVEN, DEPTH_FIRST))
"""Measured: layered graphs want to begin cool, strips of U-Net hot, other strips depth first."""
FIXED_WAYS = (Way(GIVEN, *MILD, members=4, stages=20),) * 2
"""Schedules in a fixed order can be spliced anywhere, and come closest so, if they come to fit."""
FIRM_WAYS = Way(GIVEN, *WARM), Way(GIVEN, *STRICT)
"""For a fixed order in which the others found nothing."""
SMALL = 64
SMALL_WAYS = Way(GIVEN, *STRICT), Way(GIVEN, *STRICTEST)
"""A high price from the start, with the heat to pay it, finds schedules of graphs as small as this
where little memory is to spare (`tests/bench/small_graphs.py`); large ones are worse off by it."""
FROM_BEST = Way(BEST, *COOL)
KEEPING = (Way(GIVEN, (0.05, 0.02), (1.0, 40.0)),)
"""Keeps most of what it is given."""


@dataclass(frozen=True)
class Result:
    """What one search found: a schedule that fits or none, and how close it came: its duration, or
    the excess that is left."""

    way: Way
    nodes: list[int]
    closeness: tuple[bool, float]


def search(
    problem: SchedulingProblem, budget: int, seconds: float, seed: int, wanted: Sequence[Way] = ()
) -> tuple[list[int], float]:
    """The shortest schedule found (empty if none fits), and the seconds that are left. `wanted`:
    the ways to begin; without any, those that suit the graph."""
    dag = new_dag(problem.reads, problem.sizes, problem.durations)
    starts = {GIVEN: problem.start, BEST: problem.start}
    starts[DEPTH_FIRST] = problem.start if problem.fixed else depth_first(problem.reads)
    least = sum(problem.durations)
    move_seconds = MOVE_SECONDS[0] + MOVE_SECONDS[1] * len(problem.sizes)
    left = int(seconds / move_seconds)
    length = MOVES_PER_NODE * len(problem.sizes)
    ways = list(wanted or _ways(problem))
    if problem.fixed and not wanted and left < FEW * length:
        length = max(int(left * FIRST_SHARE) // len(ways), 1)
    best, turn = Result(FROM_BEST, [], (True, inf)), 64 * seed
    deadline, moves = Deadline(seconds), left
    if live_peak(problem.items(problem.start)) <= budget:
        best = Result(FROM_BEST, problem.start, (False, problem.duration(problem.start)))
    with ThreadPoolExecutor(AT_A_TIME) as threads:
        while left >= len(ways):
            length = min(length, left // len(ways))
            results: list[Result] = []
            for first in range(0, len(ways), AT_A_TIME):
                length = int(deadline.share(moves - left, AT_A_TIME * length)) // AT_A_TIME
                if length < 1:
                    return best.nodes, 0.0
                together = [
                    threads.submit(
                        anneal_from,
                        dag,
                        problem,
                        budget,
                        way,
                        starts[way.start],
                        length,
                        turn + index,
                    )
                    for index, way in enumerate(ways[first : first + AT_A_TIME])
                ]
                results += [future.result() for future in together]
                turn += AT_A_TIME
                left -= length * len(together)
                best = min([best, *results], key=lambda result: result.closeness)
                if best.closeness == (False, least):
                    return best.nodes, left * move_seconds
            results.sort(key=lambda result: result.closeness)
            ways = list(dict.fromkeys(result.way for result in results))[
                : max(len(ways) // 2, LEFT)
            ]
            if not best.nodes and problem.fixed and not wanted:
                ways = list(FIRM_WAYS)
            elif best.nodes:
                starts[BEST] = best.nodes
                ways = [way for way in ways if way != FROM_BEST] + [FROM_BEST]
            length *= 2
    return best.nodes, 0.0


def _ways(problem: SchedulingProblem) -> tuple[Way, ...]:
    """The ways that suit a problem."""
    ways = FIXED_WAYS if problem.fixed else WAYS
    return ways + SMALL_WAYS if len(problem.sizes) <= SMALL else ways


def anneal_from(
    dag: Dag,
    problem: SchedulingProblem,
    budget: int,
    way: Way,
    start: list[int],
    moves: int,
    seed: int,
) -> Result:
    """One search, `way`, from the schedule `start`; `dag` is that of `problem`."""
    # Here, because numba takes its time to load, and few commands search.
    from hwmap.solve.remat.search import anneal
    from hwmap.solve.remat.splice import splice

    nodes = len(problem.sizes)
    duration, size = max(sum(problem.durations) / nodes, 1), max(sum(problem.sizes) / nodes, 1)
    charge = int(CHARGE * size) if problem.fixed else 0
    moves_each = moves // way.members
    stages = max(1, min(way.stages, moves_each // (STAGE_MOVES_PER_NODE * nodes)))
    order, found = np.array(start), list[Integers]()
    for stage in range(stages):
        heat = _part(way.heat, stage, stages, duration)
        price = _part(way.price, stage, stages, duration / size)
        sequences = [
            new_sequence(
                nodes,
                budget,
                charge=charge,
                fixed=problem.fixed,
                most_runs=4 * nodes + len(order) + 64,
                seed=(seed * stages + stage) * way.members + member,
            )
            for member in range(way.members)
        ]
        found += [anneal(dag, each, order, moves_each // stages, heat, price) for each in sequences]
        order = splice(dag, [each.order() for each in sequences], budget, charge, price[1])
    if live_peak(problem.items(order.tolist())) <= budget:
        found.append(order)
    fits = [schedule.tolist() for schedule in found if len(schedule)]
    if fits:
        best = min(fits, key=problem.duration)
        return Result(way, best, (False, problem.duration(best)))
    return Result(way, [], (True, float(min(each.now["excess"][0] for each in sequences))))


def _part(ends: Ends, stage: int, stages: int, unit: float) -> Ends:
    """First and last value of one stage of several, in units of `unit`."""
    ratio = (ends[1] / ends[0]) ** (1 / stages)
    return unit * ends[0] * ratio**stage, unit * ends[0] * ratio ** (stage + 1)


def depth_first(reads: list[list[int]]) -> list[int]:
    """The nodes, each right after what it reads: outputs one by one."""
    read = {value for values in reads for value in values}
    order: dict[int, None] = {}
    stack = [node for node in reversed(range(len(reads))) if node not in read]
    while stack:
        missing = [value for value in reads[stack[-1]] if value not in order]
        if missing:
            stack += reversed(missing)
        else:
            order[stack.pop()] = None
    return list(order)
