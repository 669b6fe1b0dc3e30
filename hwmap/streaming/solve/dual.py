"""Whether any choice can fit its budgets: prices of resources at which every choice costs too much
are a proof that none does.

With a price for each resource that add up to 1, all budgets together cost 1. What the cheapest
choice costs at some prices, less 1, is how far above a budget every choice is at least (Lagrangian
duality). The prices that make the most of it are found by cutting planes (J. E. Kelley, Journal of
SIAM 8, 1960), a step from the best ones so far (smoothing: P. Wentges, ITOR 4, 1997).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
from ortools.linear_solver import pywraplp

from hwmap.streaming.solve.eliminate import Values
from hwmap.streaming.solve.price import RESOURCES, Pick, Pricing
from hwmap.streaming.solve.problem import Problem, Way

ROUNDS = 60
CLOSE = 0.002
EQUAL: Values = np.full(RESOURCES, 1 / RESOURCES)
FEW = 2000
NEIGHBOURS = 40
SPREAD = 0.2
"""A pool has all picks if they are so few; else those of so many choices at prices that differ by
about that much from the best ones."""
STEP = 0.5
"""How far from the best prices to those that the cuts ask for."""


@dataclass(frozen=True, eq=False)
class Proof:
    """What was found: every choice takes at least 1 + `excess` of some budget; `prices` are those
    that prove it, and `choices` all that were the cheapest on the way."""

    pricing: Pricing
    excess: float
    prices: Values
    choices: tuple[tuple[Pick, ...], ...]

    @property
    def infeasible(self) -> bool:
        """Whether no choice fits."""
        return self.excess > 1e-9

    @property
    def problem(self) -> Problem:
        """What it is about."""
        return self.pricing.problem

    @property
    def small(self) -> bool:
        """Whether there are few picks in all."""
        return sum(_count(ways) for ways in self.problem.ops) <= FEW

    def pool(self) -> list[list[Pick]]:
        """All picks of each op, if there are few; else those that are the cheapest at the best
        prices, or near to them."""
        if self.small:
            return [_every(ways) for ways in self.problem.ops]
        random = np.random.default_rng(0)
        choices = dict.fromkeys(self.choices)
        for _ in range(NEIGHBOURS):
            near = self.prices * np.exp(random.normal(0, SPREAD, RESOURCES))
            choices[self.pricing.cheapest(near / near.sum())[1]] = None
        ops = range(len(self.problem.ops))
        return [list(dict.fromkeys(choice[op] for choice in choices)) for op in ops]


def _count(ways: Sequence[Way]) -> int:
    return sum(prod(len(part.rows) for part in way.parts) for way in ways)


def _every(ways: Sequence[Way]) -> list[Pick]:
    return [
        Pick(number, rows)
        for number, way in enumerate(ways)
        for rows in product(*(part.rows.tolist() for part in way.parts))
    ]


def prove(pricing: Pricing, start: Values, *, complete: bool) -> Proof:
    """Prices from `start` on. Without `complete` it ends as soon as it is known whether some choice
    is too much; with it when the prices are the best."""
    cuts: list[Values] = []
    choices: dict[tuple[Pick, ...], None] = {}
    best, best_prices = -np.inf, start
    prices = start
    for _ in range(ROUNDS):
        value, picks = pricing.cheapest(prices)
        if value - 1 > best:
            best, best_prices = value - 1, prices
        choices[picks] = None
        cuts.append(pricing.shares(picks))
        above, wanted = _master(cuts)
        if above - best < CLOSE or (not complete and (best > 1e-9 or above <= 0)):
            break
        prices = best_prices + STEP * (wanted - best_prices)
    return Proof(pricing, best, best_prices, tuple(choices))


def _master(cuts: Sequence[Values]) -> tuple[float, Values]:
    """The prices at which the cheapest of the choices known costs most:

    maximize  t,    t  <=  sum over resource r of  price[r] * (share[k,r] - 1)  for choice k,
    sum of prices  ==  1
    """
    solver = pywraplp.Solver.CreateSolver("GLOP")
    prices = [solver.NumVar(0, 1, "") for _ in range(RESOURCES)]
    least = solver.NumVar(-solver.infinity(), solver.infinity(), "")
    solver.Add(sum(prices) == 1)
    for shares in cuts:
        solver.Add(
            least
            <= sum(price * (float(share) - 1) for price, share in zip(prices, shares, strict=True))
        )
    solver.Maximize(least)
    solver.Solve()
    return least.solution_value(), np.array([price.solution_value() for price in prices])
