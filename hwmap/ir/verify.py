"""The promises that every Graph keeps; a broken one is a bug of whoever made the graph."""

import numpy as np

from hwmap.errors import GraphError
from hwmap.ir.graph import Graph, output_shape
from hwmap.ir.ops import (
    Add,
    Concat,
    Conv,
    ConvTranspose,
    Linear,
    Mul,
    Op,
    Reshape,
    Select,
    constant_names,
)
from hwmap.ir.types import Array, Shape


def verify(graph: Graph, made_by: str) -> Graph:
    """`graph`, if it keeps every promise.

    Raises:
        GraphError: naming `made_by` (a pass), the op, and what is wrong.
    """
    names = [op.name for op in graph.ops]
    if len(set(names)) != len(names):
        duplicate = sorted(name for name in set(names) if names.count(name) > 1)
        raise GraphError(f"{made_by}: several ops are called {duplicate}")
    if len({tensor.quant is None for tensor in graph.tensors.values()}) > 1:
        raise GraphError(f"{made_by}: float and integer tensors are mixed")
    written = set(graph.inputs)
    for op in graph.ops:
        problem = _problem(op, graph, written)
        if problem:
            raise GraphError(f"{made_by}: op '{op.name}': {problem}")
        written.add(op.output)
    missing = sorted(set(graph.outputs) - written)
    if missing:
        raise GraphError(f"{made_by}: nothing writes the graph outputs {missing}")
    return graph


def _problem(op: Op, graph: Graph, written: set[str]) -> str | None:
    """What is wrong with `op`, which runs after the tensors in `written` are there."""
    unknown = [name for name in op.inputs if name not in written]
    if unknown:
        return f"reads {unknown} before it is written"
    if op.output in written:
        return f"writes '{op.output}' a second time"
    lost = [name for name in constant_names(op) if name not in graph.constants]
    if lost:
        return f"reads constants {lost}, which the graph does not have"
    expected = output_shape(op, graph)
    found = graph.shape(op.output)
    if expected is not None and expected != found:
        return f"output shape is {found}, expected {expected}"
    if min(found) < 1:
        return f"output shape {found} is empty"
    match op:
        case Add(inputs=(left, right)) if graph.shape(left) != graph.shape(right):
            return f"adds {graph.shape(left)} and {graph.shape(right)}"
        case Mul(inputs=(left, right)) if graph.shape(right) not in (
            graph.shape(left),
            (graph.shape(left)[0], 1, 1),
        ):
            return f"multiplies {graph.shape(left)} and {graph.shape(right)}"
        case Concat(axis=axis) if (
            len({(*s[:axis], *s[axis + 1 :]) for s in map(graph.shape, op.inputs)}) > 1
        ):
            return f"joins {[graph.shape(name) for name in op.inputs]} along axis {axis}"
        case Select() if not _within(graph.constants[op.index].values, graph.shape(op.inputs[0])):
            return "selects values that its input does not have"
        case Reshape() if np.prod(graph.shape(op.inputs[0])) != np.prod(found):
            return f"reshapes {graph.shape(op.inputs[0])} to {found}"
        case Conv() | ConvTranspose() if (
            graph.constants[op.weight].values.shape[1] * op.groups != (graph.shape(op.inputs[0])[0])
        ):
            return f"weights do not fit {graph.shape(op.inputs[0])[0]} input channels"
        case Linear() if graph.shape(op.inputs[0])[1:] != (1, 1):
            return f"reads a map of shape {graph.shape(op.inputs[0])}"
    return None


def _within(index: Array, shape: Shape) -> bool:
    return bool(index.min() >= 0 and index.max() < np.prod(shape))
