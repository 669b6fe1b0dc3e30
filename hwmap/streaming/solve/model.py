"""The model of CP-SAT: of each op one of its picks, so that all fit, with what is between them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ortools.sat.python import cp_model

from hwmap.ir.types import Shape
from hwmap.solve.cpsat import new_solver
from hwmap.streaming.network import conversions
from hwmap.streaming.solve.between import layout_of, regrouping_of
from hwmap.streaming.solve.dual import Proof
from hwmap.streaming.solve.price import Pick, code_of, cost_of
from hwmap.streaming.solve.problem import Problem
from hwmap.streaming.timetable import schedule_of

CLOSE = 0.01
"""An answer is small enough if no other of the same picks takes that much less."""
SHARE = 10_000_000
"""What all of a budget weighs when resources are added up."""

Terms = list[list[Any]]


@dataclass(frozen=True)
class Answer:
    """`status` of the solver, and a pick for each op."""

    status: str
    picks: tuple[Pick, ...]

    @property
    def found(self) -> bool:
        """Whether there is an answer."""
        return self.status in ("OPTIMAL", "FEASIBLE")


def choose(proof: Proof, seconds: float) -> Answer:
    """Of the picks of each op that are worth it at the prices of a proof those that take least of
    what is left of the budgets, each counted by its share."""
    problem, pool, budgets = proof.problem, proof.pool(), proof.pricing.budgets
    model = cp_model.CpModel()
    v = [[model.new_bool_var("") for _ in picks] for picks in pool]
    for variables in v:
        model.add_exactly_one(variables)
    used: Terms = [[] for _ in budgets]
    add_picks(used, problem, pool, v)
    for edge in problem.edges:
        writers = _by_end(problem, pool[edge.writer], v[edge.writer], edge.writer, None)
        readers = _by_end(problem, pool[edge.reader], v[edge.reader], edge.reader, edge.place)
        add_transport(model, used, problem, edge.shape, writers, readers)
    for terms, budget in zip(used, budgets, strict=True):
        model.add(sum(terms) <= int(budget))
    model.minimize(
        sum(
            term * (SHARE // max(int(budget), 1))
            for terms, budget in zip(used, budgets, strict=True)
            for term in terms
        )
    )
    solver = new_solver(seconds)
    # On these models a unit of deterministic time is about a second (measured on ResNet-20).
    solver.parameters.max_deterministic_time = seconds
    solver.parameters.linearization_level = 2
    solver.parameters.relative_gap_limit = CLOSE
    status = solver.status_name(solver.solve(model))
    if status not in ("OPTIMAL", "FEASIBLE"):
        return Answer(status, ())
    return Answer(
        status,
        tuple(
            next(
                pick
                for pick, variable in zip(picks, variables, strict=True)
                if solver.boolean_value(variable)
            )
            for picks, variables in zip(pool, v, strict=True)
        ),
    )


def add_picks(
    used: Terms,
    problem: Problem,
    pool: Sequence[Sequence[Pick]],
    v: Sequence[Sequence[cp_model.IntVar]],
) -> None:
    """What the picks of all ops take, for each resource:

    sum over op i, pick k of  cost[i,k] * pick[i,k]
    """
    for op, (picks, variables) in enumerate(zip(pool, v, strict=True)):
        for pick, variable in zip(picks, variables, strict=True):
            for terms, cost in zip(used, cost_of(problem, op, pick).tolist(), strict=True):
                if cost:
                    terms.append(variable * cost)


def add_transport(
    model: cp_model.CpModel,
    used: Terms,
    problem: Problem,
    shape: Shape,
    writers: dict[int, list[cp_model.IntVar]],
    readers: dict[int, list[cp_model.IntVar]],
) -> None:
    """The words of a tensor from what is written to what is read, as a flow of 1:

    sum over what is read of     flow[c,d]  ==  sum of picks that write c
    sum over what is written of  flow[c,d]  ==  sum of picks that read d

    A flow takes what regrouping takes; there is none that takes too many trips.
    """
    flows = {
        (have, wanted): model.new_bool_var("")
        for have in writers
        for wanted in readers
        if _fast_enough(problem, shape, have, wanted)
    }
    for have, picks in writers.items():
        model.add(sum(flow for (c, _), flow in flows.items() if c == have) == sum(picks))
    for wanted, picks in readers.items():
        model.add(sum(flow for (_, d), flow in flows.items() if d == wanted) == sum(picks))
    for (have, wanted), flow in flows.items():
        costs = regrouping_of(shape, have, wanted, problem.target).tolist()
        for terms, cost in zip(used, costs, strict=False):
            if cost:
                terms.append(flow * cost)


def _by_end(
    problem: Problem,
    picks: Iterable[Pick],
    variables: Iterable[cp_model.IntVar],
    op: int,
    place: int | None,
) -> dict[int, list[cp_model.IntVar]]:
    """Picks by what they write, or read as input `place`."""
    found: dict[int, list[cp_model.IntVar]] = {}
    for pick, variable in zip(picks, variables, strict=True):
        code = code_of(problem, op, pick, place)
        found.setdefault(code, []).append(variable)
    return found


def _fast_enough(problem: Problem, shape: Shape, have: int, wanted: int) -> bool:
    units = conversions(layout_of(shape, have), layout_of(shape, wanted))
    return all(schedule_of(unit).trips <= problem.trips for unit in units)
