"""The best candidates of all ops for a share of the MACs, of the weights, or of the loss."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Literal

import numpy as np
from ortools.sat.python import cp_model

from hwmap.decompose.candidates import Candidate
from hwmap.decompose.method import DENSE, Method
from hwmap.errors import InfeasibleError, TimeLimitError
from hwmap.solve.answer import PPB, Status, loss_ppb
from hwmap.solve.choices import add_choices, chosen, unbeaten
from hwmap.solve.cpsat import new_solver

Cost = Literal["macs", "weights", "loss"]
SECONDS = 20.0
MUCH = 10**15


@dataclass(frozen=True)
class Limit:
    """The most that all ops together may cost."""

    macs: int | None = None
    weights: int | None = None
    loss: float | None = None


@dataclass(frozen=True)
class Selection:
    """A candidate per op, what they cost together, and whether that is proved to be the least."""

    candidates: tuple[Candidate, ...]
    macs: int
    weights: int
    loss: float
    status: Status

    @property
    def methods(self) -> dict[str, Method]:
        """The ops that are decomposed, and how."""
        return {c.op: c.method for c in self.candidates if c.method != DENSE}


def select(
    candidates: Mapping[str, Sequence[Candidate]],
    minimize: Cost,
    limit: Limit,
    seconds: float = SECONDS,
) -> Selection:
    """The choice of one candidate per op that costs least within `limit`.

    Raises:
        InfeasibleError: proved that none is within it; says the least that is possible.
        TimeLimitError: none was found in time.
    """
    options = [_useful(items, minimize, limit) for items in candidates.values()]
    model = cp_model.CpModel()
    most = MUCH if limit.loss is None else floor(limit.loss * PPB)
    choose = add_choices(model, [[loss_ppb(c.loss) for c in ops] for ops in options], most)
    pairs = [
        (variable, candidate)
        for variables, items in zip(choose, options, strict=True)
        for variable, candidate in zip(variables, items, strict=True)
    ]
    for name, bound in (("macs", limit.macs), ("weights", limit.weights)):
        if bound is not None:
            model.add(sum(v * getattr(c, name) for v, c in pairs) <= bound)
    model.minimize(sum(v * _integer(c, minimize) for v, c in pairs))
    solver = new_solver(seconds)
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        raise InfeasibleError(_why(candidates, limit))
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        raise TimeLimitError(
            f"no choice of decompositions was found in {seconds:g} s; try another share or limit"
        )
    picked = tuple(items[k] for items, k in zip(options, chosen(solver, choose), strict=True))
    return Selection(
        picked,
        sum(c.macs for c in picked),
        sum(c.weights for c in picked),
        sum(c.loss for c in picked),
        "optimal" if status == cp_model.OPTIMAL else "feasible",
    )


def _integer(candidate: Candidate, cost: Cost) -> int:
    return loss_ppb(candidate.loss) if cost == "loss" else int(getattr(candidate, cost))


def _useful(items: Sequence[Candidate], minimize: Cost, limit: Limit) -> list[Candidate]:
    """The candidates that no other beats in what counts."""
    limited = [name for name in ("macs", "weights", "loss") if getattr(limit, name) is not None]
    costs = np.array([[float(getattr(c, name)) for name in (minimize, *limited)] for c in items])
    return [items[index] for index in unbeaten(costs)]


def _why(candidates: Mapping[str, Sequence[Candidate]], limit: Limit) -> str:
    texts = []
    for name, bound in (("macs", limit.macs), ("weights", limit.weights)):
        if bound is not None:
            least = sum(min(getattr(c, name) for c in items) for items in candidates.values())
            texts.append(f"{bound:,} {'MACs' if name == 'macs' else name} (at least {least:,})")
    return f"no choice of decompositions is within {' and '.join(texts)} (proved)"
