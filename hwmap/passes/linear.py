"""Linear layers are convolutions whose kernel covers the whole map."""

import numpy as np

from hwmap.ir.graph import Graph, rewrite
from hwmap.ir.ops import Conv, Linear, Op, Reshape
from hwmap.ir.types import Constant


def lower_linear(graph: Graph) -> Graph:
    """Turn every Linear into a Conv, and take the Flatten in front of it along.

    Rewrite:
        b = Reshape(a: C x H x W -> C*H*W); c = Linear(b)    ->    c = Conv(a), kernel H x W
        c = Linear(b)                                        ->    c = Conv(b), kernel 1 x 1

    A Reshape that others read as well stays for them.
    """
    ops: list[Op] = []
    constants: dict[str, Constant] = {}
    for op in graph.ops:
        if not isinstance(op, Linear):
            ops.append(op)
            continue
        source = op.inputs[0]
        before = graph.producers.get(source)
        if isinstance(before, Reshape):
            source = before.inputs[0]
        weight = graph.constants[op.weight]
        values = np.reshape(weight.values, (len(weight.values), *graph.shape(source)))
        constants[op.weight] = Constant(values, weight.quant)
        ops.append(Conv(op.name, (source,), op.output, op.weight, op.bias))
    if not constants:
        return graph
    read = {name for op in ops for name in op.inputs}
    live = (
        op
        for op in ops
        if not isinstance(op, Reshape) or op.output in read or op.output in graph.outputs
    )
    return rewrite(graph, ops=live, constants=constants)
