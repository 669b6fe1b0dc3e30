"""Interpolation along an axis: in fixed point, and as loops that hardware can run."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwmap.ir.types import Array

FRACTION_BITS = 11
"""Bits behind the point of a factor: two of them and an activation fit 32 bits."""


def fixed_point(matrix: Array) -> NDArray[np.int64]:
    """Factors (out, in) as integers at 2**-FRACTION_BITS, each row with its exact sum; those of an
    integer graph are that already."""
    if matrix.dtype.kind == "i":
        return matrix.astype(np.int64)
    one = 1 << FRACTION_BITS
    exact = matrix.astype(np.float64)
    integers = np.rint(exact * one)
    missing = np.rint(exact.sum(1) * one) - integers.sum(1)
    integers[np.arange(len(matrix)), np.abs(integers).argmax(1)] += missing
    return integers.astype(np.int64)


@dataclass(frozen=True)
class Blend:
    """Outputs start, start + step ... (count of them) are factors[0] * x[i] + factors[1] * x[i + 1]
    for i = source, source + source_step ..."""

    start: int
    step: int
    source: int
    source_step: int
    count: int
    factors: tuple[int, int]


def blends(matrix: Array) -> tuple[Blend, ...] | None:
    """Factors (out, in) as blends of two neighbours, or None if some output mixes others."""
    by_factors: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for position, row in enumerate(fixed_point(matrix)):
        used = np.flatnonzero(row)
        first = int(used[0]) if len(used) else 0
        if len(used) and used[-1] > first + 1:
            return None
        second = int(row[first + 1]) if first + 1 < len(row) else 0
        by_factors.setdefault((int(row[first]), second), []).append((position, first))
    return tuple(
        blend for factors, places in by_factors.items() for blend in _regular(places, factors)
    )


def _regular(places: list[tuple[int, int]], factors: tuple[int, int]) -> list[Blend]:
    """(output, source) places as blends with even steps, from left to right."""
    found = []
    start = 0
    while start < len(places):
        end = start + 1
        step, source_step = 1, 0
        if end < len(places):
            step, source_step = (b - a for a, b in zip(places[start], places[end], strict=True))
            while end < len(places) and (
                places[end][0] - places[end - 1][0] == step
                and places[end][1] - places[end - 1][1] == source_step
            ):
                end += 1
        found.append(Blend(places[start][0], step, places[start][1], source_step, end - start,
                           factors))  # fmt: skip
        start = end
    return found


def is_unit(matrix: Array) -> bool:
    """Whether an axis stays as it is."""
    unit = fixed_point(np.eye(len(matrix)))
    return matrix.shape == unit.shape and bool((fixed_point(matrix) == unit).all())
