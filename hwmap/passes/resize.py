"""A Resize of two axes is two of one axis: each is then a blend of two neighbours."""

from dataclasses import replace

import numpy as np

from hwmap.ir.graph import Graph, rewrite
from hwmap.ir.interpolate import is_unit
from hwmap.ir.ops import Op, Resize
from hwmap.ir.types import Constant, Tensor


def split_resize(graph: Graph) -> Graph:
    """Resize rows first, then columns.

    Rewrite:
        b = Resize(a, R, C)    ->    t = Resize(a, R, 1); b = Resize(t, 1, C)

    A Resize that leaves an axis as it is stays.
    """
    ops: list[Op] = []
    tensors: list[Tensor] = []
    constants: dict[str, Constant] = {}
    for op in graph.ops:
        both = isinstance(op, Resize) and not any(
            is_unit(graph.constants[name].values) for name in (op.rows, op.columns)
        )
        if not isinstance(op, Resize) or not both:
            ops.append(op)
            continue
        channels, _, width = graph.shape(op.inputs[0])
        height = graph.shape(op.output)[1]
        tall = f"{op.output}/rows"
        tensors.append(Tensor(tall, (channels, height, width)))
        units = f"{op.name}.same_columns", f"{op.name}.same_rows"
        for name, size in zip(units, (width, height), strict=True):
            constants[name] = Constant(np.eye(size, dtype=np.float32))
        ops.append(replace(op, name=f"{op.name}/rows", output=tall, columns=units[0]))
        ops.append(replace(op, inputs=(tall,), rows=units[1]))
    if not tensors:
        return graph
    return rewrite(graph, ops=ops, tensors=tensors, constants=constants)
