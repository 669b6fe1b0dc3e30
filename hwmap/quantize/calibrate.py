"""Activation ranges, estimated from calibration data.

Three estimators: the extremes; the values between which all but 0.01 % lie; and the range that
loses least when it is rounded to int8 (least squared error). The last two need a histogram.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hwmap.errors import BudgetError, ModelError
from hwmap.ir.evaluate import chunks, walk
from hwmap.ir.graph import Graph
from hwmap.ir.types import Array

Range = tuple[float, float]
Estimator = Literal["min-max", "percentile", "mse"]
ESTIMATORS: tuple[Estimator, ...] = ("min-max", "percentile", "mse")

BINS = 2048
TAIL = 1e-4 / 2
"""Share of the values beyond either end of a percentile range."""
SHRINKS = np.linspace(1.0, 0.3, 71)
"""Ranges tried by "mse", as shares of the extremes."""
LEVELS = 255


def measure_ranges(
    graph: Graph, inputs: Mapping[str, Array], estimator: Estimator = "min-max"
) -> dict[str, Range]:
    """The range of every tensor of a float graph, over all images."""
    return estimate_ranges(graph, inputs, (estimator,))[estimator]


def estimate_ranges(
    graph: Graph, inputs: Mapping[str, Array], estimators: tuple[Estimator, ...] = ESTIMATORS
) -> dict[Estimator, dict[str, Range]]:
    """The range of every tensor by each estimator.

    Raises:
        ModelError: a tensor is not finite.
    """
    extremes = _extremes(graph, inputs)
    found: dict[Estimator, dict[str, Range]] = {"min-max": extremes}
    if estimators != ("min-max",):
        counts = _histograms(graph, inputs, extremes)
        for estimator, estimate in (("percentile", _percentile), ("mse", _least_squares)):
            found[estimator] = {  # type: ignore[index]
                name: estimate(counts[name], extremes[name]) for name in extremes
            }
    return {estimator: found[estimator] for estimator in estimators}


def _extremes(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Range]:
    ranges: dict[str, Range] = {}
    for chunk in chunks(graph, inputs):
        for name, value in walk(graph, chunk):
            low, high = float(value.min()), float(value.max())
            if not np.isfinite([low, high]).all():
                raise ModelError(
                    f"{graph.name}: tensor '{name}' overflows on the calibration data; expected"
                    " finite values; check the weights, and that the data is as the model takes it"
                )
            before = ranges.get(name, (low, high))
            ranges[name] = (min(low, before[0]), max(high, before[1]))
    return ranges


def _histograms(
    graph: Graph, inputs: Mapping[str, Array], extremes: Mapping[str, Range]
) -> dict[str, NDArray[np.int64]]:
    counts = {name: np.zeros(BINS, np.int64) for name in extremes}
    for chunk in chunks(graph, inputs):
        for name, value in walk(graph, chunk):
            low, high = extremes[name]
            if high > low:
                scaled = (value - np.float32(low)) * np.float32(BINS / (high - low))
                places = np.minimum(scaled.astype(np.int32), BINS - 1).reshape(-1)
                counts[name] += np.bincount(places, minlength=BINS)
    return counts


def _percentile(counts: NDArray[np.int64], extremes: Range) -> Range:
    low, high = extremes
    total = counts.sum()
    if total == 0:
        return extremes
    step = (high - low) / BINS
    below = np.cumsum(counts) / total
    first = int(np.searchsorted(below, TAIL))
    last = int(np.searchsorted(below, 1 - TAIL))
    return low + first * step, low + min(last + 1, BINS) * step


def _least_squares(counts: NDArray[np.int64], extremes: Range) -> Range:
    """The range, of those that shrink both ends alike, with the least squared error of rounding to
    int8 and clamping."""
    low, high = extremes
    if counts.sum() == 0:
        return extremes
    centres = low + (np.arange(BINS) + 0.5) * (high - low) / BINS
    used = counts > 0
    centres, weights = centres[used], counts[used]
    best, least = extremes, np.inf
    for shrink in SHRINKS:
        bottom, top = min(low * shrink, 0.0), max(high * shrink, 0.0)
        step = (top - bottom) / LEVELS or 1.0
        rounded = np.clip(np.rint(centres / step), np.rint(bottom / step), np.rint(top / step))
        # Within a bin, and within a step, values are spread evenly.
        error = float((weights * (rounded * step - centres) ** 2).sum())
        if error < least:
            best, least = (bottom, top), error
    return best


def parse_estimator(text: str | None) -> Estimator | None:
    """A range estimator.

    Raises:
        BudgetError: it is none.
    """
    for estimator in ESTIMATORS:
        if text == estimator:
            return estimator
    if text is not None:
        raise BudgetError(f"ranges '{text}': expected one of {', '.join(ESTIMATORS)}")
    return None
