"""The choice of one option per op under a limit on the summed loss: a part of every model."""

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray
from ortools.sat.python import cp_model

Choices = list[list[cp_model.IntVar]]


def add_choices(
    model: cp_model.CpModel, losses_ppb: Sequence[Sequence[int]], limit_ppb: int
) -> Choices:
    """A variable per op and option, exactly one of each op's true:

    sum over op i, option k of  loss_ppb[i][k] * choose[i][k]  <=  limit_ppb
    """
    choose = [
        [model.new_bool_var(f"choose{i}_{k}") for k in range(len(losses))]
        for i, losses in enumerate(losses_ppb)
    ]
    for variables in choose:
        model.add_exactly_one(variables)
    model.add(
        sum(
            loss * variable
            for losses, variables in zip(losses_ppb, choose, strict=True)
            for loss, variable in zip(losses, variables, strict=True)
        )
        <= limit_ppb
    )
    return choose


def unbeaten(costs: NDArray[np.generic]) -> list[int]:
    """The rows of `costs` (options, costs) that no other is at most as large as in every cost; of
    equal ones the first."""
    order = np.lexsort(costs.T[::-1])
    kept: list[int] = order[_kept(costs[order])].tolist()
    return sorted(kept)


@njit(cache=True)
def _kept(costs: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Which rows of sorted `costs` no earlier one beats."""
    count, width = costs.shape
    kept = np.zeros(count, np.bool_)
    found = np.zeros(count, np.int64)
    held = 0
    for row in range(count):
        beaten = False
        for at in range(held):
            beaten = True
            for column in range(width):
                if costs[found[at], column] > costs[row, column]:
                    beaten = False
                    break
            if beaten:
                break
        if not beaten:
            kept[row] = True
            found[held] = row
            held += 1
    return kept


def chosen(solver: cp_model.CpSolver, choose: Choices) -> tuple[int, ...]:
    """The option of each op in the answer."""
    return tuple(
        next(k for k, variable in enumerate(variables) if solver.boolean_value(variable))
        for variables in choose
    )
