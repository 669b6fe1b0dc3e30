"""Reshapes: the hardware has none, because rows in memory have one order."""

from dataclasses import replace

from hwmap.ir.graph import Graph, rewrite
from hwmap.ir.ops import Op, Reshape
from hwmap.ir.types import Tensor


def remove_noop_reshape(graph: Graph) -> Graph:
    """Drop a Reshape that keeps the shape (also what Identity and Dropout are imported as).

    Rewrite:
        b = Reshape(a) with the shape of a; c = f(b)    ->    c = f(a)

    One that writes a graph output from a graph input stays: both names are part of the interface.
    """
    for op in graph.ops:
        source, target = op.inputs[0], op.output
        same = isinstance(op, Reshape) and graph.shape(source) == graph.shape(target)
        if same and not (source in graph.inputs and target in graph.outputs):
            return _bypass(graph, op)
    return graph


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
                graph, tensors={**graph.tensors, source: Tensor(source, graph.shape(target))}
            )
            return _bypass(shaped, op)
        if (
            target in graph.outputs
            and not graph.readers[target]
            and graph.sole_reader(source) is op
        ):
            shaped = replace(
                graph, tensors={**graph.tensors, target: Tensor(target, graph.shape(source))}
            )
            return _bypass(shaped, op)
    return graph


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
