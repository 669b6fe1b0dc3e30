"""Second moments of what a convolution reads, from which any change's output error follows."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwmap.ir.evaluate import chunks, walk, windows
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Conv
from hwmap.ir.types import Array

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """`second` (n, n) = mean of p p^T and `mean` (n,) = mean of p, over all windows p of n =
    C_in * K_h * K_w values, on the calibration inputs."""

    second: Floats
    mean: Floats


def measure_moments(
    graph: Graph, inputs: Mapping[str, Array], convs: tuple[Conv, ...]
) -> dict[str, Moments]:
    """The moments of every op in `convs` (groups = 1), by op name."""
    readers: dict[str, list[Conv]] = {}
    for op in convs:
        readers.setdefault(op.inputs[0], []).append(op)
    sums: dict[str, Moments] = {}
    windows_seen: dict[str, int] = {}
    for chunk in chunks(graph, inputs):
        for name, value in walk(graph, chunk):
            for op in readers.get(name, ()):
                patches = _patches(value, op, graph)
                second = (patches @ patches.T).astype(np.float64)
                mean = patches.sum(1, dtype=np.float64)
                before = sums.get(op.name)
                sums[op.name] = (
                    Moments(before.second + second, before.mean + mean)
                    if before
                    else Moments(second, mean)
                )
                windows_seen[op.name] = windows_seen.get(op.name, 0) + patches.shape[1]
    return {
        name: Moments(total.second / windows_seen[name], total.mean / windows_seen[name])
        for name, total in sums.items()
    }


def _patches(x: Array, op: Conv, graph: Graph) -> NDArray[np.float32]:
    """All windows of `op` as columns (C_in * K_h * K_w, windows)."""
    _, channels, rows, columns = graph.constants[op.weight].values.shape
    view = windows(x, (rows, columns), op.strides, op.pads, dilations=op.dilations)
    return view.transpose(1, 4, 5, 0, 2, 3).reshape(channels * rows * columns, -1)


def relative_error(weight: Floats, bias: Floats, change: Floats, moments: Moments) -> float:
    """sqrt(E|change * p|^2 / E|weight * p + bias|^2): the relative error of the op's output
    (before its clamp) when its weights (C_out, n) change by `change`."""
    error = np.einsum("oi,ij,oj->", change, moments.second, change, optimize=True)
    power = np.einsum("oi,ij,oj->", weight, moments.second, weight, optimize=True)
    power += 2 * bias @ (weight @ moments.mean) + bias @ bias
    return float(np.sqrt(max(error, 0.0) / max(power, 1e-30)))
