"""The number formats that a model gives its tensors: a QDQ model, or one of integers."""

import numpy as np

from hwmap.ir.graph import Graph
from hwmap.ir.ops import NO_CLAMP, NO_PADS, AveragePool, Op, Resize, Weighted
from hwmap.ir.types import Quant


def given_format(graph: Graph, name: str) -> Quant | None:
    """The format that a tensor of a float graph has in the model: its grid, that of an input of
    integers, or that which all that read an input round it to; between the two steps of an
    interpolation that of what is interpolated. None where it is free."""
    tensor = graph.tensors[name]
    writer = graph.producers.get(name)
    if isinstance(writer, Resize) and isinstance(graph.sole_reader(name), Resize):
        return tensor.grid or given_format(graph, writer.inputs[0])
    if tensor.grid or writer is not None:
        return tensor.grid
    if tensor.given:
        return tensor.given.as_signed
    rounded = {
        graph.tensors[op.output].grid if _only_rounds(op) else None for op in graph.readers[name]
    }
    return rounded.pop() if len(rounded) == 1 else None


def least_weight(graph: Graph) -> int:
    """The least int8 weight that the network has or will have: -128 only if the model says so, for
    weights that are quantized here lie in [-127, 127]."""
    least = -127
    for op in graph.ops:
        if not isinstance(op, Weighted):
            continue
        weight = graph.constants[op.weight]
        if weight.values.dtype == np.int8:
            least = min(least, int(weight.values.min()))
        elif weight.quant is not None:
            scales = np.asarray(weight.quant.scale, np.float64).reshape(-1)
            fits = scales.size in (1, len(weight.values))
            integers = weight.values / scales[:, None, None, None] if fits else np.array(-128.0)
            least = min(least, max(int(np.rint(integers.min())), -128))
    return least


def _only_rounds(op: Op) -> bool:
    if not isinstance(op, AveragePool):
        return False
    one = op.kernel == op.strides == (1, 1)
    return one and op.pads == NO_PADS and op.clamp == NO_CLAMP


def is_given(graph: Graph) -> bool:
    """Whether the model gives every tensor its format, so that no data is needed."""
    return all(given_format(graph, name) for name in graph.tensors)
