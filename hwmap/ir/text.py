"""A stable text form of a graph, for people and for golden files."""

import hashlib
from dataclasses import fields

from hwmap.ir.graph import Graph
from hwmap.ir.ops import NO_CLAMP, Op, constant_names
from hwmap.ir.types import Tensor


def to_text(graph: Graph) -> str:
    """One line per op: output and shape, kind, inputs, attributes; constants by content hash."""
    lines = [f"graph {graph.name}"]
    lines += [f"  input {_tensor(graph.tensors[name])}" for name in graph.inputs]
    lines += [f"  {_op(op, graph)}" for op in graph.ops]
    lines += [f"  output {name}" for name in graph.outputs]
    return "\n".join(lines) + "\n"


def _op(op: Op, graph: Graph) -> str:
    skipped = {"name", "inputs", "output"}
    attributes = []
    for item in fields(op):
        value = getattr(op, item.name)
        if item.name in skipped or value == item.default or value == NO_CLAMP:
            continue
        if value in constant_names(op):
            value = _constant(value, graph)
        attributes.append(f"{item.name}={value}")
    arguments = ", ".join([*op.inputs, *attributes])
    return f"{_tensor(graph.tensors[op.output])} = {type(op).__name__}({arguments})  # {op.name}"


def _tensor(tensor: Tensor) -> str:
    shape = "x".join(map(str, tensor.shape))
    if tensor.quant is None:
        return f"{tensor.name}:{shape}"
    quant = tensor.quant
    kind = f"{'' if quant.signed else 'u'}int{quant.width_bits}"
    return f"{tensor.name}:{shape}:{kind}(scale={quant.scale!r}, zero={quant.zero_point})"


def _constant(name: str, graph: Graph) -> str:
    constant = graph.constants[name]
    content = constant.values.tobytes() + repr(constant.quant).encode()
    shape = "x".join(map(str, constant.values.shape))
    return f"{constant.values.dtype}[{shape}]#{hashlib.sha256(content).hexdigest()[:8]}"
