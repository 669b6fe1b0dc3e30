"""Comparisons of the integer reference with onnxruntime, shared by tests and benchmarks."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hwmap.frontend.export import export_integer
from hwmap.frontend.runtime import Session
from hwmap.inference import Network, run_integer
from hwmap.ir.graph import Graph
from hwmap.ladder import differences_by_op
from hwmap.quantize.choose import quantize_inputs


def worst_level(graph: Graph, inputs: Mapping[str, NDArray]) -> int:
    """The largest of the differences of all ops."""
    differences = differences_by_op(graph, quantize_inputs(graph, inputs)).values()
    return max((largest for largest, _ in differences), default=0)


def runtime_outputs(
    network: Network, integer: Graph, inputs: Mapping[str, NDArray], *, optimized: bool
) -> NDArray:
    """onnxruntime's first output for the exported integer network (N, values), as real values."""
    session = Session(export_integer(integer, network.host), optimized=optimized)
    rows = []
    for index in range(len(next(iter(inputs.values())))):
        feeds = {}
        for name, shape in session.shapes.items():
            given = network.whole.tensors[name].given
            values = inputs[name][index]
            values = values if given is None else given.quantize(values)
            feeds[name] = values.reshape(shape).astype(session.types[name])
        rows.append(session.run(feeds)[0].reshape(-1))
    values = np.stack(rows)
    given = network.whole.tensors[network.whole.outputs[0]].given
    return values if given is None else given.dequantize(values)


def reference_outputs(network: Network, integer: Graph, inputs: Mapping[str, NDArray]) -> NDArray:
    """The same of the integer reference."""
    outputs = run_integer(network, integer, inputs)[network.whole.outputs[0]]
    return outputs.reshape(len(outputs), -1)
