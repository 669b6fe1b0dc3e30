"""Selects: channel shuffles become convolutions with fixed weights, the rest stays copies."""

from dataclasses import replace

import numpy as np

from hwmap.ir.graph import Graph, rewrite
from hwmap.ir.ops import Conv, Op, Select
from hwmap.ir.select import channel_runs, separated
from hwmap.ir.types import Constant, Tensor
from hwmap.passes.hardware import host_ops

MOST_RUNS = 2
"""Runs of neighbouring channels that are cheaper to copy than to shuffle on the matrix array."""


def lower_select(graph: Graph) -> Graph:
    """Turn the channel part of a Select into a 1 x 1 convolution with weights 0 and 1.

    Rewrite:
        b = Select(a), channels 0 2 4 1 3 5    ->    b = Conv(a), fixed

    Rows and columns stay a Select. A Select of at most two runs of channels, one that mixes axes,
    and those that the host does are left alone.
    """
    host = {op.name for op in host_ops(graph)}
    ops: list[Op] = []
    constants: dict[str, Constant] = {}
    tensors: list[Tensor] = []
    for op in graph.ops:
        parts = separated(op, graph) if isinstance(op, Select) and op.name not in host else None
        if not isinstance(op, Select) or parts is None or channel_runs(parts[0]) <= MOST_RUNS:
            ops.append(op)
            continue
        channels, rows, columns = parts
        shape = graph.shape(op.inputs[0])
        weight = np.zeros((len(channels), shape[0], 1, 1), np.float32)
        weight[np.arange(len(channels)), channels] = 1
        names = f"{op.name}.weight", f"{op.name}.bias"
        constants[names[0]] = Constant(weight)
        constants[names[1]] = Constant(np.zeros(len(channels), np.float32))
        conv = Conv(op.name, op.inputs, op.output, *names, fixed=True)
        same = len(rows) == shape[1] and len(columns) == shape[2]
        if same and (rows == np.arange(len(rows))).all() and (
            columns == np.arange(len(columns))
        ).all():  # fmt: skip
            ops.append(conv)
            continue
        shuffled = f"{op.output}/channels"
        tensors.append(Tensor(shuffled, (len(channels), *shape[1:])))
        index = (np.arange(len(channels))[:, None, None] * shape[1] + rows[:, None]) * shape[2]
        constants[op.index] = Constant((index + columns).astype(np.int32))
        ops.append(replace(conv, name=f"{op.name}/channels", output=shuffled))
        ops.append(replace(op, inputs=(shuffled,)))
    if not constants:
        return graph
    return rewrite(graph, ops=ops, tensors=tensors, constants=constants)
