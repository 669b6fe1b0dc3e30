"""The reference: runs a graph in numpy, batched. Integer graphs are computed exactly.

An integer convolution goes through float matrix products where every partial sum provably fits
the 24 or 53 bits of a float's mantissa; the result is then the exact integer.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import assert_never

import numpy as np

from hwmap.errors import GraphError
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.ir.ops import (
    Add,
    Affine,
    AveragePool,
    Clip,
    Conv,
    HardwareOp,
    Linear,
    MaxPool,
    Op,
    Pads,
    Pair,
    Reshape,
    Softmax,
)
from hwmap.ir.requantize import requant_of, rescale, saturate
from hwmap.ir.types import Array

CHUNK = 32


def evaluate(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The graph's outputs (N, C, H, W) for `inputs` (N, C, H, W): float32, or integers as int64."""
    count = len(next(iter(inputs.values())))
    parts: dict[str, list[Array]] = {name: [] for name in graph.outputs}
    for start in range(0, count, CHUNK):
        chunk = {name: values[start : start + CHUNK] for name, values in inputs.items()}
        for name, value in walk(graph, chunk):
            if name in parts:
                parts[name].append(value)
    return {name: np.concatenate(values) for name, values in parts.items()}


def walk(graph: Graph, inputs: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """Every tensor of the graph with its values (N, C, H, W), inputs first, in order.

    A tensor is dropped after its last reader, so the peak is that of the whole-tensor order.
    """
    integer = graph.tensors[graph.inputs[0]].quant is not None
    left = Counter(name for op in graph.ops for name in op.inputs)
    values: dict[str, Array] = {}
    for name in graph.inputs:
        given = inputs[name].astype(np.int64 if integer else np.float32)
        values[name] = given.reshape(len(given), *graph.shape(name))
        yield name, values[name]
    ops: tuple[Op, ...] = hardware_ops(graph) if integer else graph.ops
    for op in ops:
        sources = [values[name] for name in op.inputs]
        if integer:
            assert isinstance(op, HardwareOp)
            result: Array = evaluate_integer(op, graph, sources)
        else:
            with np.errstate(over="ignore", invalid="ignore"):
                result = evaluate_float(op, graph, sources)
        values[op.output] = result
        yield op.output, result
        left.subtract(op.inputs)
        for name in set(op.inputs):
            if left[name] == 0:
                del values[name]


def evaluate_float(op: Op, graph: Graph, sources: list[Array]) -> Array:
    """One op in float32; `sources` are (N, C, H, W)."""
    x = sources[0].astype(np.float32, copy=False)
    match op:
        case Conv(clamp=clamp):
            y = convolve(x, graph.constants[op.weight].values.astype(np.float32), op)
            y += graph.constants[op.bias].values.astype(np.float32)[:, None, None]
            return np.clip(y, clamp.low, clamp.high)
        case Linear():
            y = x[:, :, 0, 0] @ graph.constants[op.weight].values.astype(np.float32).T
            return np.asarray(y + graph.constants[op.bias].values.astype(np.float32))[
                :, :, None, None
            ]
        case Affine():
            scale, shift = (graph.constants[name].values for name in (op.scale, op.shift))
            y = x * scale.astype(np.float32)[:, None, None]
            return np.asarray(y + shift.astype(np.float32)[:, None, None])
        case Clip(clamp=clamp):
            return np.clip(x, clamp.low, clamp.high)
        case Add(clamp=clamp):
            return np.clip(x + sources[1].astype(np.float32), clamp.low, clamp.high)
        case MaxPool():
            return np.asarray(windows(x, op.kernel, op.strides, op.pads, fill=-np.inf).max((4, 5)))
        case AveragePool(clamp=clamp):
            y = windows(x, op.kernel, op.strides, op.pads).mean((4, 5))
            return np.asarray(np.clip(y, clamp.low, clamp.high))
        case Reshape():
            return np.asarray(x).reshape(len(x), *graph.shape(op.output))
        case Softmax():
            e = np.exp(x - x.max(1, keepdims=True))
            return np.asarray(e / e.sum(1, keepdims=True))
        case _:
            assert_never(op)


def evaluate_integer(op: HardwareOp, graph: Graph, sources: list[Array]) -> Array:
    """One op in exact integers; `sources` are (N, C, H, W)."""
    quants = [graph.tensors[name].integer for name in op.inputs]
    x = sources[0].astype(np.int64, copy=False)
    requant = requant_of(op, graph)
    match op:
        case MaxPool():
            low = quants[0].low
            return np.asarray(windows(x, op.kernel, op.strides, op.pads, fill=low).max((4, 5)))
        case Conv():
            weight, bias = graph.constants[op.weight].values, graph.constants[op.bias].values
            largest = int(np.abs(weight.astype(np.int64)).sum((1, 2, 3)).max())
            exact = exact_float(largest * (quants[0].high - quants[0].low))
            products = convolve((x - quants[0].zero_point).astype(exact), weight.astype(exact), op)
            total = products.astype(np.int64) + bias.astype(np.int64)[:, None, None]
            shape = (-1, 1, 1)
        case AveragePool():
            centred = x - quants[0].zero_point
            total = windows(centred, op.kernel, op.strides, op.pads).sum((4, 5))
            shape = (-1, 1, 1)
        case Add():
            other = sources[1].astype(np.int64) - quants[1].zero_point
            total = (x - quants[0].zero_point) * requant.multipliers[0]
            total = total + other * requant.multipliers[1]
            return saturate(rescale(total, np.array(1), requant.shifts[0]), requant)
        case _:
            assert_never(op)
    multipliers, shifts = (v.reshape(shape) for v in (requant.multipliers, requant.shifts))
    return saturate(rescale(total, multipliers, shifts), requant)


def exact_float(largest: int) -> type[np.float32] | type[np.float64]:
    """The fastest float type in which integer sums up to `largest` in magnitude are exact."""
    if largest >= 2**53:
        raise GraphError(f"a sum of up to {largest} is not exact in 53 bits")
    return np.float32 if largest < 2**24 else np.float64


def windows(
    x: Array,
    kernel: Pair,
    strides: Pair,
    pads: Pads,
    *,
    dilations: Pair = (1, 1),
    fill: float = 0,
) -> Array:
    """A view (N, C, H_out, W_out, K_h, K_w) of every window of `x` (N, C, H, W)."""
    top, left, bottom, right = pads
    if any(pads):
        x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, spans, axis=(2, 3))
    return view[:, :, :: strides[0], :: strides[1], :: dilations[0], :: dilations[1]]


def convolve(x: Array, weight: Array, op: Conv) -> Array:
    """The products of a convolution, without bias; padded values are 0."""
    out, per_group, *kernel = weight.shape
    view = windows(x, (kernel[0], kernel[1]), op.strides, op.pads, dilations=op.dilations)
    count, _, height, width = view.shape[:4]
    if per_group == 1 and op.groups == out:
        y = np.zeros((count, out, height, width), x.dtype)
        for row, column in np.ndindex(*kernel):
            y += view[..., row, column] * weight[:, 0, row, column, None, None]
        return y
    parts = []
    for group in range(op.groups):
        rows = slice(group * out // op.groups, (group + 1) * out // op.groups)
        columns = view[:, group * per_group : (group + 1) * per_group]
        patches = columns.transpose(0, 1, 4, 5, 2, 3).reshape(count, -1, height * width)
        flat = weight[rows].reshape(out // op.groups, -1)
        parts.append((flat @ patches).reshape(count, -1, height, width))
    return np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
