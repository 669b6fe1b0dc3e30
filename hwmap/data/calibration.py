"""Calibration and test data as a user gives it."""

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwmap.data.dataset import DataSet, load_data
from hwmap.data.recipe import load_recipe
from hwmap.errors import DataError
from hwmap.ir.given import is_given
from hwmap.ir.graph import Graph

log = logging.getLogger(__name__)


def read_data(path: str | Path, graph: Graph, preprocess: str | Path | None) -> DataSet:
    """The data in a file, prepared by a recipe if one is given.

    Raises:
        DataError: it cannot be read, or does not fit `graph`, labels included.
    """
    recipe = None if preprocess is None else load_recipe(Path(preprocess))
    data = load_data(Path(path), graph, recipe)
    if data.labels is None or len(graph.outputs) != 1:
        return data
    classes = graph.tensors[graph.outputs[0]].elements
    if data.labels.min() < 0 or data.labels.max() >= classes:
        raise DataError(
            f"{path}: 'y' holds labels outside 0 to {classes - 1}, the network's classes"
        )
    return data


def read_labelled(path: str | Path, graph: Graph, preprocess: str | Path | None) -> DataSet:
    """The same for data to measure accuracy on.

    Raises:
        DataError: also, there are no labels, or several outputs.
    """
    data = read_data(path, graph, preprocess)
    if data.labels is None:
        raise DataError(f"{path}: array 'y' is missing; expected a label for each image")
    if len(graph.outputs) != 1:
        raise DataError(f"{path}: accuracy needs one output, '{graph.name}' has several")
    return data


def read_calibration(
    path: str | Path | None, graph: Graph, preprocess: str | Path | None
) -> DataSet:
    """The same for calibration data; without any, random images."""
    if path is not None:
        return read_data(path, graph, preprocess)
    return DataSet(dict(synthetic_inputs(graph)), None, synthetic=True)


def warn_synthetic(data: DataSet, graph: Graph) -> None:
    """Say that a network was quantized on random images, if it was."""
    if data.synthetic and not is_given(graph):
        log.warning(
            "no calibration data: '%s' was quantized on random images, so its accuracy means"
            " nothing; give --calib data.npz",
            graph.name,
        )


def synthetic_inputs(graph: Graph, count: int = 16) -> dict[str, NDArray[np.float32]]:
    """Random images for a network that comes without calibration data: uniform in 0..1, or of all
    integers that it takes."""
    rng = np.random.default_rng(0)
    found = {}
    for name in graph.inputs:
        values = rng.random((count, *graph.shape(name)), np.float32)
        given = graph.tensors[name].given
        if given is not None:
            integers = given.low + np.floor(values * (given.high - given.low + 1)).astype(np.int64)
            values = given.dequantize(integers).astype(np.float32)
        found[name] = values
    return found
