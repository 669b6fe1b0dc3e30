"""Activation ranges, measured on calibration data."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hwmap.errors import ModelError
from hwmap.ir.evaluate import CHUNK, walk
from hwmap.ir.graph import Graph
from hwmap.ir.types import Array

Range = tuple[float, float]


def measure_ranges(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Range]:
    """The smallest and the largest value of every tensor of a float graph, over all images."""
    ranges: dict[str, Range] = {}
    count = len(next(iter(inputs.values())))
    for start in range(0, count, CHUNK):
        chunk = {name: values[start : start + CHUNK] for name, values in inputs.items()}
        for name, value in walk(graph, chunk):
            if not np.isfinite(value).all():
                raise ModelError(
                    f"{graph.name}: tensor '{name}' overflows on the calibration data; expected"
                    " finite values; check the weights, and that the data is as the model takes it"
                )
            low, high = ranges.get(name, (np.inf, -np.inf))
            ranges[name] = (min(low, float(value.min())), max(high, float(value.max())))
    return ranges


def synthetic_inputs(graph: Graph, count: int = 16) -> dict[str, NDArray[np.float32]]:
    """Random images, uniform in 0..1, for a network that comes without calibration data."""
    rng = np.random.default_rng(0)
    return {
        name: rng.random((count, *graph.shape(name)), dtype=np.float32) for name in graph.inputs
    }
