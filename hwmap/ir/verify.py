"""The promises that every Graph keeps; a broken one is a bug of whoever made the graph."""

from math import prod
from typing import assert_never

from hwmap.errors import GraphError
from hwmap.ir.graph import Graph, output_shape
from hwmap.ir.ops import (
    Add,
    Affine,
    AveragePool,
    Clip,
    Concat,
    Conv,
    ConvTranspose,
    FakeQuant,
    Linear,
    LocalNorm,
    Lookup,
    MaxPool,
    Mul,
    Norm,
    Op,
    Pad,
    Reshape,
    Resize,
    Select,
    Softmax,
    TopK,
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
    return _shape_problem(op, graph)


def _shape_problem(op: Op, graph: Graph) -> str | None:
    """What `op` reads that does not fit together."""
    shapes = [graph.shape(name) for name in op.inputs]
    source = shapes[0]
    match op:
        case Conv() | ConvTranspose():
            fits = graph.constants[op.weight].values.shape[1] * op.groups == source[0]
            return None if fits else f"weights do not fit {source[0]} input channels"
        case Linear():
            return None if source[1:] == (1, 1) else f"reads a map of shape {source}"
        case Add():
            return None if shapes[1] == source else f"adds {source} and {shapes[1]}"
        case Mul():
            fits = shapes[1] in (source, (source[0], 1, 1))
            return None if fits else f"multiplies {source} and {shapes[1]}"
        case Concat(axis=axis):
            fits = len({(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}) == 1
            return None if fits else f"joins {shapes} along axis {axis}"
        case Select():
            fits = _within(graph.constants[op.index].values, source)
            return None if fits else "selects values that its input does not have"
        case Reshape():
            target = graph.shape(op.output)
            fits = prod(source) == prod(target)
            return None if fits else f"reshapes {source} to {target}"
        case Affine() | Clip() | Lookup() | MaxPool() | AveragePool() | Pad() | Resize():
            return None
        case LocalNorm() | FakeQuant() | Softmax() | Norm() | TopK():
            return None
        case _:
            assert_never(op)


def _within(index: Array, shape: Shape) -> bool:
    return bool(index.min() >= 0 and index.max() < prod(shape))
