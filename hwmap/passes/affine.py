"""Affine maps (batch normalization, added constants) become part of a convolution."""

from dataclasses import replace

import numpy as np

from hwmap.ir.graph import Graph, rewrite
from hwmap.ir.ops import NO_CLAMP, Affine, Conv, Op, Weighted
from hwmap.ir.types import Constant
from hwmap.passes.hardware import host_ops


def _per_channel(op: Affine, graph: Graph) -> bool:
    return graph.constants[op.scale].values.ndim == 1


def fold_affine(graph: Graph) -> Graph:
    """Fold an Affine into the Conv before it.

    Rewrite:
        b = Conv(a, W, v); c = scale * b + shift    ->    c = Conv(a, scale * W, scale * v + shift)

    The same for a ConvTranspose. One whose output others read as well, or that clamps, is left
    alone.
    """
    for op in graph.ops:
        if not isinstance(op, Affine) or not _per_channel(op, graph):
            continue
        before = graph.producers.get(op.inputs[0])
        if not isinstance(before, Weighted) or before.clamp != NO_CLAMP:
            continue
        if graph.sole_reader(before.output) is op:
            return _fold(graph, before, op)
    return graph


def _fold(graph: Graph, conv: Weighted, affine: Affine) -> Graph:
    scale, shift, weight, bias = (
        graph.constants[name].values.astype(np.float64)
        for name in (affine.scale, affine.shift, conv.weight, conv.bias)
    )
    names = f"{conv.name}*{affine.name}.weight", f"{conv.name}*{affine.name}.bias"
    constants = {
        names[0]: Constant((weight * scale[:, None, None, None]).astype(np.float32)),
        names[1]: Constant((bias * scale + shift).astype(np.float32)),
    }
    unit = bool((scale == 1).all() and (shift == 0).all())
    folded = replace(
        conv, output=affine.output, weight=names[0], bias=names[1], fixed=conv.fixed and unit
    )
    ops = [folded if op is conv else op for op in graph.ops if op is not affine]
    return rewrite(graph, ops=ops, constants=constants)


def fold_affine_ahead(graph: Graph) -> Graph:
    """Fold an Affine into the Conv that reads it, if no other op does.

    Rewrite:
        b = scale * a + shift; c = Conv(b, W, v)    ->    c = Conv(a, scale * W, v + W shift)

    A Conv that pads stays, unless shift is 0: its padding is 0 after the Affine, not before it.
    """
    for op in graph.ops:
        after = graph.sole_reader(op.output) if isinstance(op, Affine) else None
        if not isinstance(op, Affine) or not isinstance(after, Conv) or after.fixed:
            continue
        if not _per_channel(op, graph):
            continue
        scale, shift, weight, bias = (
            graph.constants[name].values.astype(np.float64)
            for name in (op.scale, op.shift, after.weight, after.bias)
        )
        if any(after.pads) and shift.any():
            continue
        per_group = weight.shape[1]
        # Channel c of output o's group.
        group = np.arange(len(weight)) * after.groups // len(weight)
        channels = group[:, None] * per_group + np.arange(per_group)
        names = f"{op.name}*{after.name}.weight", f"{op.name}*{after.name}.bias"
        extra = (weight * shift[channels][:, :, None, None]).sum((1, 2, 3))
        grid = graph.constants[after.weight].quant
        if grid is not None and (scale == scale[0]).all() and scale[0] > 0:
            scales = np.multiply(grid.scale, scale[0])
            grid = replace(grid, scale=tuple(scales.tolist()) if scales.ndim else float(scales))
        else:
            grid = None
        constants = {
            names[0]: Constant(
                (weight * scale[channels][:, :, None, None]).astype(np.float32), grid
            ),
            names[1]: Constant((bias + extra).astype(np.float32)),
        }
        folded = replace(after, inputs=op.inputs, weight=names[0], bias=names[1])
        ops = [folded if other is after else other for other in graph.ops if other is not op]
        return rewrite(graph, ops=ops, constants=constants)
    return graph


def lower_affine(graph: Graph) -> Graph:
    """Turn an Affine that could not be folded into a depthwise 1 x 1 convolution.

    Rewrite:
        b = scale * a + shift    ->    b = Conv(a, scale, shift), groups = channels

    One that the host computes, or with constants for every pixel, stays.
    """
    host = {op.name for op in host_ops(graph)}
    lowered = {
        op.name
        for op in graph.ops
        if isinstance(op, Affine) and op.name not in host and _per_channel(op, graph)
    }
    if not lowered:
        return graph
    ops: list[Op] = []
    constants: dict[str, Constant] = {}
    for op in graph.ops:
        if isinstance(op, Affine) and op.name in lowered:
            constants[op.scale] = Constant(graph.constants[op.scale].values[:, None, None, None])
            channels = graph.shape(op.output)[0]
            ops.append(Conv(op.name, op.inputs, op.output, op.scale, op.shift, groups=channels))
        else:
            ops.append(op)
    return rewrite(graph, ops=ops, constants=constants)
