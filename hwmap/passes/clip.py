"""Clamps (Relu, Relu6, Clip) become part of the op before them."""

from dataclasses import replace

import numpy as np

from hwmap.ir.graph import Graph, rewrite
from hwmap.ir.ops import Add, AveragePool, Clip, Conv, ConvTranspose, FakeQuant, Mul, Op
from hwmap.ir.types import Quant
from hwmap.passes.hardware import host_ops


def fuse_clip(graph: Graph) -> Graph:
    """Fuse a Clip into the Conv, ConvTranspose, Add, Mul or AveragePool before it.

    Rewrite:
        b = Conv(a); c = Clip(b)    ->    c = Conv(a) with clamp

    A producer whose output others read as well is left alone.
    """
    for op in graph.ops:
        if not isinstance(op, Clip):
            continue
        before = graph.producers.get(op.inputs[0])
        if not isinstance(before, Conv | ConvTranspose | Add | Mul | AveragePool):
            continue
        if graph.sole_reader(before.output) is not op:
            continue
        fused = replace(before, output=op.output, clamp=before.clamp.then(op.clamp))
        ops = [fused if other is before else other for other in graph.ops if other is not op]
        return rewrite(graph, ops=ops)
    return graph


def clip_first(graph: Graph) -> Graph:
    """Clamp before rounding, where the bounds are values that are rounded to.

    Rewrite:
        b = FakeQuant(a); c = Clip(b)    ->    t = Clip(a); c = FakeQuant(t)
    """
    for op in graph.ops:
        before = graph.producers.get(op.inputs[0])
        if not isinstance(op, Clip) or not isinstance(before, FakeQuant):
            continue
        on_grid = _is_on(before.quant, op.clamp.low) and _is_on(before.quant, op.clamp.high)
        if graph.sole_reader(before.output) is op and on_grid:
            clip = replace(op, inputs=before.inputs, output=before.output)
            rounded = replace(before, inputs=(before.output,), output=op.output)
            pair: dict[str, Op] = {before.name: clip, op.name: rounded}
            return rewrite(graph, ops=[pair.get(other.name, other) for other in graph.ops])
    return graph


def _is_on(grid: Quant, bound: float) -> bool:
    """Whether a bound is a value of the grid, or clamps nothing of it."""
    (value,) = grid.dequantize(grid.quantize(np.array([bound])))
    return bool(np.isinf(bound)) or abs(float(value) - bound) < 1e-4 * grid.scalar_scale


def lower_clip(graph: Graph) -> Graph:
    """Turn a Clip that could not be fused into an average over 1 x 1 windows, with a clamp.

    Rewrite:
        b = Clip(a)    ->    b = AveragePool(a), kernel 1 x 1, with clamp
    """
    host = {op.name for op in host_ops(graph)}
    lowered = {op.name for op in graph.ops if isinstance(op, Clip)} - host
    if not lowered:
        return graph
    return rewrite(
        graph,
        ops=[
            AveragePool(op.name, op.inputs, op.output, (1, 1), (1, 1), (0, 0, 0, 0), op.clamp)
            if isinstance(op, Clip) and op.name in lowered
            else op
            for op in graph.ops
        ],
    )
