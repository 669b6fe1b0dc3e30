"""The least sum of tables that share variables: one variable after the other is minimized away
(bucket elimination: R. Dechter, Artificial Intelligence 113, 1999)."""

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

Values = NDArray[np.float64]
Places = NDArray[np.int64]


@njit(cache=True)
def joined(left: Values, right: Values) -> tuple[Values, Places]:
    """(a, b): the least of left[a, k] + right[k, b], and the k of it."""
    count, inner = left.shape
    width = right.shape[1]
    found = np.full((count, width), np.inf)
    where = np.zeros((count, width), np.int64)
    for a in range(count):
        for k in range(inner):
            base = left[a, k]
            if base == np.inf:
                continue
            for b in range(width):
                value = base + right[k, b]
                if value < found[a, b]:
                    found[a, b] = value
                    where[a, b] = k
    return found, where


def minimum(
    factors: list[tuple[tuple[int, ...], Values]], sizes: Sequence[int]
) -> tuple[float, list[int]]:
    """The least sum of factors, each a table over some variables, and the values of these."""
    factors = list(factors)
    value = 0.0
    steps: list[tuple[int, tuple[int, ...], Places]] = []
    left = set(range(len(sizes)))
    while left:
        scopes = {
            v: sorted({other for scope, _ in factors if v in scope for other in scope} - {v})
            for v in left
        }
        chosen = min(left, key=lambda v: (float(np.prod([sizes[o] for o in scopes[v]])), v))
        left.remove(chosen)
        around = tuple(scopes[chosen])
        own = [factor for factor in factors if chosen in factor[0]]
        factors = [factor for factor in factors if chosen not in factor[0]]
        table, where = _without(own, chosen, around, sizes)
        steps.append((chosen, around, where))
        if around:
            factors.append((around, table))
        else:
            value += float(table)
    values = [0] * len(sizes)
    for variable, around, where in reversed(steps):
        values[variable] = int(where[tuple(values[other] for other in around)])
    return value, values


def _without(
    factors: Sequence[tuple[tuple[int, ...], Values]],
    variable: int,
    around: tuple[int, ...],
    sizes: Sequence[int],
) -> tuple[Values, Places]:
    """The least of a sum of factors over one variable, for all values of those around it."""
    if len(around) == 2:
        pair = [np.zeros((sizes[other], sizes[variable])) for other in around]
        for scope, table in factors:
            if len(scope) == 1:
                pair[0] = pair[0] + table
            elif len(scope) == 2:
                other = scope[0] if scope[1] == variable else scope[1]
                turned = table if scope[1] == variable else table.T
                pair[around.index(other)] = pair[around.index(other)] + turned
            else:
                break
        else:
            return joined(pair[0], np.ascontiguousarray(pair[1].T))
    scope_all = (*around, variable)
    total = np.zeros([sizes[v] for v in scope_all])
    for scope, table in factors:
        order = sorted(range(len(scope)), key=lambda axis: scope_all.index(scope[axis]))
        shape = [sizes[v] if v in scope else 1 for v in scope_all]
        total = total + table.transpose(order).reshape(shape)
    where = total.argmin(-1)
    return np.asarray(total.min(-1)), np.asarray(where)
