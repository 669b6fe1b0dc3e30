"""Reshapes: the hardware has none, because rows in memory have one order."""

from dataclasses import replace

import numpy as np

from hwmap.ir.graph import Graph, rewrite
from hwmap.ir.ops import Op, Reshape, Select
from hwmap.ir.select import is_identity
from hwmap.ir.types import Constant, Tensor
from hwmap.passes.hardware import host_ops


def remove_noop_reshape(graph: Graph) -> Graph:
    """Drop a Reshape that keeps the shape, and a Select of everything in its order.

    Rewrite:
        b = Reshape(a) with the shape of a; c = f(b)    ->    c = f(a)

    One that writes a graph output from a graph input or another output stays, but nothing reads
    it: both names are part of the interface.
    """
    for op in graph.ops:
        source, target = op.inputs[0], op.output
        same = isinstance(op, Reshape) and graph.shape(source) == graph.shape(target)
        same = same or (isinstance(op, Select) and is_identity(op, graph))
        if not same:
            continue
        if target not in graph.outputs or source not in (*graph.inputs, *graph.outputs):
            return _bypass(graph, op)
        if graph.readers[target]:
            return rewrite(graph, ops=_reading(graph, target, source))
    return graph


def _reading(graph: Graph, old: str, new: str) -> list[Op]:
    """The ops, with `new` read where `old` was."""
    return [
        replace(op, inputs=tuple(new if name == old else name for name in op.inputs))
        for op in graph.ops
    ]


def remove_outer_reshape(graph: Graph) -> Graph:
    """Drop a Reshape at the border of the graph: the host gives and takes the values in the
    network's order, whatever the shape.

    Rewrite:
        b = Reshape(graph input a); c = f(b)         ->    c = f(a), a has the shape of b
        graph output b = Reshape(a), a = f(...)      ->    b = f(...), b has the shape of a

    A Reshape of an input that others read in the first shape stays.
    """
    for op in graph.ops:
        if not isinstance(op, Reshape):
            continue
        source, target = op.inputs[0], op.output
        if source in graph.inputs and target in graph.outputs:
            continue
        if source in graph.inputs and graph.sole_reader(source) is op:
            shaped = replace(
                graph, tensors={**graph.tensors, source: _reshaped(graph, source, target)}
            )
            return _bypass(shaped, op)
        if (
            target in graph.outputs
            and not graph.readers[target]
            and graph.sole_reader(source) is op
        ):
            shaped = replace(
                graph, tensors={**graph.tensors, target: _reshaped(graph, target, source)}
            )
            return _bypass(shaped, op)
    return graph


def _reshaped(graph: Graph, name: str, like: str) -> Tensor:
    """The tensor `name` with the shape of `like`."""
    return replace(graph.tensors[name], shape=graph.shape(like))


def lower_reshape(graph: Graph) -> Graph:
    """Turn the Reshapes that are left on the accelerator into Selects.

    Rewrite:
        b = Reshape(a)    ->    b = Select(a), index 0, 1, 2 ...

    Those that the host does stay.
    """
    host = {op.name for op in host_ops(graph)}
    left = [op for op in graph.ops if isinstance(op, Reshape) and op.name not in host]
    if not left:
        return graph
    constants = {
        f"{op.name}.index": Constant(
            np.arange(graph.tensors[op.output].elements, dtype=np.int32).reshape(
                graph.shape(op.output)
            )
        )
        for op in left
    }
    ops = [
        Select(op.name, op.inputs, op.output, f"{op.name}.index") if op in left else op
        for op in graph.ops
    ]
    return rewrite(graph, ops=ops, constants=constants)


def _bypass(graph: Graph, op: Op) -> Graph:
    """Everyone who touched `op`'s output touches its input; a graph output keeps its name."""
    source, target = op.inputs[0], op.output
    old, new = (source, target) if target in graph.outputs else (target, source)
    ops = []
    for other in graph.ops:
        if other is op:
            continue
        inputs = tuple(new if name == old else name for name in other.inputs)
        output = new if other.output == old else other.output
        ops.append(replace(other, inputs=inputs, output=output))
    return rewrite(graph, ops=ops)
