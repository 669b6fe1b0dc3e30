"""The model of CP-SAT: a candidate for each op, a folding for each op of its chain."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from hwmap.board import BRAM18_BYTES, URAM_BYTES
from hwmap.solve.choices import Choices, add_choices, chosen
from hwmap.solve.cpsat import new_solver
from hwmap.streaming.layout import Layout
from hwmap.streaming.solve.options import Options
from hwmap.streaming.solve.problem import Problem

Picks = list[list[list[list[cp_model.IntVar]]]]
"""By op, way, op of its chain, and folding."""
LUT_COLUMN = 2
CLOSE = 0.02
"""An answer is small enough if no other takes that much less."""
SHARE = 10_000_000
"""What all of a budget weighs when resources are added up."""


@dataclass(frozen=True)
class Answer:
    """`status` of the solver; the way of each op and the folding of each op of its chain."""

    status: str
    ways: tuple[int, ...]
    foldings: tuple[tuple[int, ...], ...]

    @property
    def found(self) -> bool:
        """Whether there is an answer."""
        return self.status in ("OPTIMAL", "FEASIBLE")


@dataclass(frozen=True)
class _Variables:
    ways: Choices
    picks: Picks


def choose(problem: Problem, reserve: tuple[int, ...], seconds: float, *, smallest: bool) -> Answer:
    """An answer within the budgets, with `reserve` of each left for what has no folding.

    `smallest`: the one that takes least of the budgets, each counted by its share, with about what
    it takes to regroup words between ops that do not agree on them. Without it nothing is counted
    for that: if there is no answer, there is none in so many trips.
    """
    model = cp_model.CpModel()
    v = _Variables(
        add_choices(
            model, [[way.loss_ppb for way in own] for own in problem.ops], problem.loss_ppb
        ),
        [],
    )
    for own, selected in zip(problem.ops, v.ways, strict=True):
        v.picks.append([])
        for way, choice in zip(own, selected, strict=True):
            v.picks[-1].append([])
            for part in way.parts:
                picks = [model.new_bool_var("") for _ in part.foldings]
                v.picks[-1][-1].append(picks)
                add_folding(model, picks, choice)
    luts = _regrouping(model, problem, v) if smallest else []
    for column, (limit, kept) in enumerate(zip(problem.budget, reserve, strict=True), start=1):
        add_budget(model, problem, v, column, limit - kept, luts if column == LUT_COLUMN else [])
    add_memory(model, problem, v, reserve)
    add_dram(model, problem, v)
    if smallest:
        model.minimize(
            sum(
                variable * _weight(cost, problem.budget)
                for part, variables in _parts(problem, v)
                for variable, cost in zip(variables, part.costs.tolist(), strict=True)
            )
            + sum(term * (SHARE // max(problem.budget[1], 1)) for term in luts)
        )
    return _answer(model, v, seconds)


def _parts(problem: Problem, v: _Variables) -> Iterator[tuple[Options, list[cp_model.IntVar]]]:
    """The foldings of every op of every candidate, and the variables that pick one."""
    for own, by_way in zip(problem.ops, v.picks, strict=True):
        for way, parts in zip(own, by_way, strict=True):
            yield from zip(way.parts, parts, strict=True)


def _weight(cost: list[int], budget: tuple[int, ...]) -> int:
    return sum(SHARE * value // max(most, 1) for value, most in zip(cost[1:], budget, strict=True))


Layouts = dict[Layout, list[cp_model.IntVar]]


def _regrouping(model: cp_model.CpModel, problem: Problem, v: _Variables) -> list[Any]:
    """LUTs to regroup words: about so many for each byte that is written and read, unless both ends
    of an edge have the same layout."""
    found: list[Any] = []
    pairs = [
        (_written(problem, v, edge.writer), _read(problem, v, edge.reader, edge.place))
        for edge in problem.edges
    ]
    for own, by_way in zip(problem.ops, v.picks, strict=True):
        for way, parts in zip(own, by_way, strict=True):
            for number in range(1, len(parts)):
                one, other = way.parts[number - 1], way.parts[number]
                pairs.append(
                    (
                        _grouped(one.targets, parts[number - 1]),
                        _grouped([layouts[0] for layouts in other.sources], parts[number]),
                    )
                )
    for written, read in pairs:
        for layouts in (written, read):
            found += [
                pick * _regrouping_luts(layout)
                for layout, picks in layouts.items()
                for pick in picks
            ]
        for layout in sorted(
            written.keys() & read.keys(), key=lambda item: (item.lanes, item.pixels)
        ):
            found.append(add_agreement(model, written[layout], read[layout], layout))
    return found


def _regrouping_luts(layout: Layout) -> int:
    """What one end of a regrouping takes: a register and its FIFO for each bit (see `cost.py`)."""
    return 16 * layout.word_bytes + 80


def add_agreement(
    model: cp_model.CpModel,
    written: list[cp_model.IntVar],
    read: list[cp_model.IntVar],
    layout: Layout,
) -> Any:
    """What is saved if both ends of an edge have this layout:

    agree  <=  sum of picks that write it,    agree  <=  sum of picks that read it
    """
    agree = model.new_bool_var("")
    model.add(agree <= sum(written))
    model.add(agree <= sum(read))
    return agree * (-2 * _regrouping_luts(layout))


def _written(problem: Problem, v: _Variables, op: int) -> Layouts:
    found: Layouts = {}
    for way, parts in zip(problem.ops[op], v.picks[op], strict=True):
        for layout, picks in _grouped(way.parts[-1].targets, parts[-1]).items():
            found.setdefault(layout, []).extend(picks)
    return found


def _read(problem: Problem, v: _Variables, op: int, place: int) -> Layouts:
    found: Layouts = {}
    for way, parts in zip(problem.ops[op], v.picks[op], strict=True):
        layouts = [sources[place] for sources in way.parts[0].sources]
        for layout, picks in _grouped(layouts, parts[0]).items():
            found.setdefault(layout, []).extend(picks)
    return found


def _grouped(layouts: Sequence[Layout], picks: list[cp_model.IntVar]) -> Layouts:
    found: Layouts = {}
    for layout, pick in zip(layouts, picks, strict=True):
        found.setdefault(layout, []).append(pick)
    return found


def add_folding(
    model: cp_model.CpModel, picks: list[cp_model.IntVar], choice: cp_model.IntVar
) -> None:
    """An op has one folding if its candidate is chosen, else none:

    sum over folding f of  pick[f]  ==  choose
    """
    model.add(sum(picks) == choice)


def add_budget(
    model: cp_model.CpModel,
    problem: Problem,
    v: _Variables,
    column: int,
    limit: int,
    others: list[Any],
) -> None:
    """A kernel holds what it takes all the time, so a budget is one sum:

    sum over op i, candidate k, part j, folding f of  cost[i,k,j,f] * pick[i,k,j,f]
        +  others  <=  limit
    """
    terms = [
        pick * int(cost)
        for part, picks in _parts(problem, v)
        for pick, cost in zip(picks, part.costs[:, column], strict=True)
        if cost
    ]
    model.add(sum(terms) + sum(others) <= limit)


def add_memory(
    model: cp_model.CpModel, problem: Problem, v: _Variables, reserve: tuple[int, ...]
) -> None:
    """Blocks of memory, in bytes:

    sum over op i, candidate k, part j, folding f of  bytes[i,k,j,f] * pick[i,k,j,f]  <=  memory
    """
    terms = [
        pick * size
        for part, picks in _parts(problem, v)
        for pick, size in zip(picks, _block_bytes(part.costs), strict=True)
        if size
    ]
    kept = BRAM18_BYTES * reserve[3] + URAM_BYTES * reserve[4]
    model.add(sum(terms) <= problem.memory_bytes - kept)


def add_dram(model: cp_model.CpModel, problem: Problem, v: _Variables) -> None:
    """Weights that come from DRAM for every image share its port:

    sum over op i, candidate k, part j, folding f of  fed[i,k,j,f] * pick[i,k,j,f]  <=  bytes
    """
    terms = [
        pick * size
        for part, picks in _parts(problem, v)
        for pick, size in zip(picks, part.fed_bytes.tolist(), strict=True)
        if size
    ]
    model.add(sum(terms) <= problem.dram_bytes)


def _block_bytes(costs: NDArray[np.int64]) -> list[int]:
    sizes: list[int] = (BRAM18_BYTES * costs[:, 4] + URAM_BYTES * costs[:, 5]).tolist()
    return sizes


def _answer(model: cp_model.CpModel, v: _Variables, seconds: float) -> Answer:
    solver = new_solver(seconds)
    # On these models a unit of deterministic time is about a second (measured on ResNet-20).
    solver.parameters.max_deterministic_time = seconds
    # The sums of a choice per op are best bounded by their linear relaxation.
    solver.parameters.linearization_level = 2
    solver.parameters.relative_gap_limit = CLOSE
    status = solver.status_name(solver.solve(model))
    if status not in ("OPTIMAL", "FEASIBLE"):
        return Answer(status, (), ())
    ways = chosen(solver, v.ways)
    foldings = tuple(
        tuple(
            next(f for f, pick in enumerate(picks) if solver.boolean_value(pick))
            for picks in by_way[way]
        )
        for by_way, way in zip(v.picks, ways, strict=True)
    )
    return Answer(status, ways, foldings)
