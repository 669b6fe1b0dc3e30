"""The reference: runs a graph in numpy, batched. Integer graphs are computed exactly.

An integer convolution goes through float matrix products where every partial sum provably fits
the 24 or 53 bits of a float's mantissa; the result is then the exact integer.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import assert_never

import numpy as np

from hwmap.errors import GraphError
from hwmap.ir.function import apply
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.ir.ops import (
    Add,
    Affine,
    AveragePool,
    Clip,
    Concat,
    Conv,
    ConvTranspose,
    FakeQuant,
    HardwareOp,
    Linear,
    LocalNorm,
    Lookup,
    MaxPool,
    Mul,
    Norm,
    Op,
    Pad,
    Pads,
    Pair,
    Reshape,
    Resize,
    Select,
    Softmax,
    TopK,
    Weighted,
)
from hwmap.ir.requantize import requant_of, requantize, window_sizes
from hwmap.ir.types import Array, Quant

CHUNK = 32
CHUNK_ELEMENTS = 1 << 22
"""Images, and values of a tensor, that are computed together."""


def evaluate(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The graph's outputs (N, C, H, W) for `inputs` (N, C, H, W): float32, or integers as int8."""
    parts: dict[str, list[Array]] = {name: [] for name in graph.outputs}
    for chunk in chunks(graph, inputs):
        for name, value in walk(graph, chunk):
            if name in parts:
                parts[name].append(value)
    return {name: np.concatenate(values) for name, values in parts.items()}


def chunks(graph: Graph, inputs: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
    """`inputs` a few images at a time, so that no tensor of a chunk is large."""
    count = len(next(iter(inputs.values())))
    largest = max(tensor.elements for tensor in graph.tensors.values())
    step = max(min(CHUNK, CHUNK_ELEMENTS // largest), 1)
    for start in range(0, count, step):
        yield {name: values[start : start + step] for name, values in inputs.items()}


def walk(graph: Graph, inputs: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """Every tensor of the graph with its values (N, C, H, W), inputs first, in order."""
    for name in graph.inputs:
        yield name, _given(graph, inputs, name)
    for op, _, value in run_ops(graph, inputs):
        yield op.output, value


def run_ops(graph: Graph, inputs: Mapping[str, Array]) -> Iterator[tuple[Op, list[Array], Array]]:
    """Every op in order, with what it reads and writes (N, C, H, W).

    A tensor is dropped after its last reader, so the peak is that of the whole-tensor order.
    """
    integer = _is_integer(graph)
    left = Counter(name for op in graph.ops for name in op.inputs)
    values = {name: _given(graph, inputs, name) for name in graph.inputs}
    ops: tuple[Op, ...] = hardware_ops(graph) if integer else graph.ops
    for op in ops:
        sources = [values[name] for name in op.inputs]
        if integer:
            assert isinstance(op, HardwareOp)
            result: Array = evaluate_integer(op, graph, sources)
        else:
            with np.errstate(over="ignore", invalid="ignore"):
                result = on_grid(evaluate_float(op, graph, sources), graph.tensors[op.output].grid)
        values[op.output] = result
        yield op, sources, result
        left.subtract(op.inputs)
        for name in set(op.inputs):
            if left[name] == 0:
                del values[name]


def _is_integer(graph: Graph) -> bool:
    return any(tensor.quant is not None for tensor in graph.tensors.values())


def _given(graph: Graph, inputs: Mapping[str, Array], name: str) -> Array:
    given = inputs[name].astype(np.int8 if _is_integer(graph) else np.float32)
    given = given.reshape(len(given), *graph.shape(name))
    return given if _is_integer(graph) else on_grid(given, graph.tensors[name].grid)


def on_grid(values: Array, grid: Quant | None) -> Array:
    """Float values, rounded to the grid of their tensor if it has one."""
    if grid is None:
        return values
    return grid.dequantize(grid.quantize(values)).astype(np.float32)


def evaluate_float(op: Op, graph: Graph, sources: list[Array]) -> Array:
    """One op in float32; `sources` are (N, C, H, W)."""
    x = sources[0].astype(np.float32, copy=False)

    def constant(name: str) -> Array:
        return graph.constants[name].values.astype(np.float32, copy=False)

    match op:
        case Conv(clamp=clamp) | ConvTranspose(clamp=clamp):
            y = products(x, constant(op.weight), op)
            y += constant(op.bias)[:, None, None]
            return np.clip(y, clamp.low, clamp.high, out=y)
        case Linear():
            y = x[:, :, 0, 0] @ constant(op.weight).T + constant(op.bias)
            return np.asarray(y)[:, :, None, None]
        case Affine():
            scale, shift = constant(op.scale), constant(op.shift)
            if scale.ndim == 1:
                scale, shift = scale[:, None, None], shift[:, None, None]
            return np.asarray(x * scale + shift)
        case Clip(clamp=clamp):
            return np.clip(x, clamp.low, clamp.high)
        case Lookup():
            return apply(op.function, x)
        case Add(clamp=clamp, signs=(first, second)):
            y = first * x + second * sources[1].astype(np.float32, copy=False)
            return np.clip(y, clamp.low, clamp.high, out=y)
        case Mul(clamp=clamp):
            return np.clip(x * sources[1].astype(np.float32, copy=False), clamp.low, clamp.high)
        case Concat(axis=axis):
            return np.concatenate(sources, axis=axis + 1)
        case MaxPool():
            return max_pool(x, op, -np.inf)
        case AveragePool(clamp=clamp):
            y = sum_pool(x, op) / window_sizes(op, graph).astype(np.float32)
            return np.clip(y, clamp.low, clamp.high, out=y)
        case Pad(pads=(top, left, bottom, right), value=value):
            widths = ((0, 0), op.channels, (top, bottom), (left, right))
            return np.pad(x, widths, constant_values=value)
        case Select():
            return select(x, op, graph)
        case Resize():
            return constant(op.rows) @ x @ constant(op.columns).T
        case LocalNorm():
            return _local_norm(x, op)
        case Reshape():
            return x.reshape(len(x), *graph.shape(op.output))
        case FakeQuant(quant=quant):
            return quant.dequantize(quant.quantize(x)).astype(np.float32)
        case Softmax(axis=axis):
            below = x - x.max(axis + 1, keepdims=True)
            total = np.exp(below).sum(axis + 1, keepdims=True)
            return np.asarray(below - np.log(total) if op.log else np.exp(below) / total)
        case Norm(axis=axis, power=power):
            sums = (np.abs(x) if power == 1 else x * x).sum(axis + 1, keepdims=True)
            return np.asarray(sums if power == 1 else np.sqrt(sums))
        case TopK(axis=axis, count=count):
            order = np.argsort(-x if op.largest else x, axis + 1, kind="stable")
            best = np.take(order, np.arange(count), axis + 1)
            found = best if op.positions else np.take_along_axis(x, best, axis + 1)
            return np.asarray(found, np.float32)
        case _:
            assert_never(op)


def _local_norm(x: Array, op: LocalNorm) -> Array:
    """ONNX LRN: the sum goes over channels [c - floor((n-1)/2), c + ceil((n-1)/2)]."""
    before, after = (op.size - 1) // 2, op.size - 1 - (op.size - 1) // 2
    squares = np.pad(x * x, ((0, 0), (before, after), (0, 0), (0, 0)))
    total = sum(squares[:, i : i + x.shape[1]] for i in range(op.size))
    return np.asarray(x / (op.bias + op.alpha / op.size * total) ** op.beta, np.float32)


def select(x: Array, op: Select, graph: Graph) -> Array:
    """The values of `x` (N, C, H, W) that a Select names, (N, C_out, H_out, W_out)."""
    return x.reshape(len(x), -1)[:, graph.constants[op.index].values]


def evaluate_integer(op: HardwareOp, graph: Graph, sources: list[Array]) -> Array:
    """One op in exact integers; `sources` and the result are (N, C, H, W) int8."""
    quants = [graph.tensors[name].integer for name in op.inputs]
    x, zero = sources[0], quants[0].zero_point
    match op:
        case MaxPool():
            return max_pool(x, op, quants[0].low)
        case Select():
            return select(x, op, graph)
        case Lookup():
            return np.asarray(graph.constants[op.table].values[x.astype(np.int16) + 128])
    requant = requant_of(op, graph)
    multipliers, shifts = requant.multipliers, requant.shifts
    match op:
        case Conv() | ConvTranspose():
            total = _integer_products(op, graph, x, quants[0])
            by_channel = multipliers[:, None, None], shifts[:, None, None]
            return requantize(total, *by_channel, requant)
        case AveragePool():
            total = sum_pool(x.astype(np.float32) - np.float32(zero), op)
            return requantize(total, multipliers, shifts, requant)
        case Add():
            total = (x.astype(np.float64) - zero) * multipliers[0]
            total += (sources[1].astype(np.float64) - quants[1].zero_point) * multipliers[1]
            return requantize(total, np.array(1), shifts[0], requant)
        case Mul():
            other = sources[1].astype(np.float64) - quants[1].zero_point
            return requantize((x.astype(np.float64) - zero) * other, multipliers, shifts, requant)
        case Concat(axis=axis):
            parts = [
                requantize(part.astype(np.float64) - quant.zero_point, m, s, requant)
                for part, quant, m, s in zip(sources, quants, multipliers, shifts, strict=True)
            ]
            return np.concatenate(parts, axis=axis + 1)
        case Resize():
            rows, columns = (
                graph.constants[name].values.astype(np.float64) for name in (op.rows, op.columns)
            )
            total = rows @ (x.astype(np.float64) - zero) @ columns.T
            return requantize(total, multipliers, shifts, requant)
        case _:
            assert_never(op)


def _integer_products(op: Weighted, graph: Graph, x: Array, quant: Quant) -> Array:
    """Accumulators of a convolution (N, C, H, W), exact integers in a float type."""
    weight, bias = graph.constants[op.weight].values, graph.constants[op.bias].values
    sums = np.abs(weight.astype(np.int64)).sum((1, 2, 3))
    largest = int((sums * (quant.high - quant.low) + np.abs(bias.astype(np.int64))).max())
    exact = exact_float(largest)
    centred = np.subtract(x, quant.zero_point, dtype=exact)
    total = products(centred, weight.astype(exact), op)
    total += bias.astype(exact)[:, None, None]
    return total


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


def max_pool(x: Array, op: MaxPool, lowest: float) -> Array:
    """The largest value under each window, a tap at a time; padding is `lowest`."""
    view = windows(x, op.kernel, op.strides, op.pads, dilations=op.dilations, fill=lowest)
    y = view[..., 0, 0].copy()
    for row, column in np.ndindex(*op.kernel):
        np.maximum(y, view[..., row, column], out=y)
    return y


def sum_pool(x: Array, op: AveragePool) -> Array:
    """The sum under each window; padding is 0."""
    view = windows(x, op.kernel, op.strides, op.pads)
    if view.shape[2:4] == (1, 1):
        return np.asarray(view.sum((4, 5)))
    y = view[..., 0, 0].copy()
    for row, column in np.ndindex(*op.kernel):
        if row or column:
            y += view[..., row, column]
    return y


def products(x: Array, weight: Array, op: Weighted) -> Array:
    """The products of a convolution, without bias."""
    return convolve(x, weight, op) if isinstance(op, Conv) else scatter(x, weight, op)


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
    y = np.empty((count, out, height * width), x.dtype)
    step = out // op.groups
    flat = weight.reshape(op.groups, step, -1)
    if kernel == [1, 1] and op.strides == (1, 1) and not any(op.pads):
        columns = x.reshape(count, op.groups, per_group, -1)
        return np.asarray(np.matmul(flat, columns)).reshape(count, out, height, width)
    # One image at a time: its patches stay in the cache and take little memory.
    for image in range(count):
        for group in range(op.groups):
            part = view[image, group * per_group : (group + 1) * per_group]
            patches = part.transpose(0, 3, 4, 1, 2).reshape(-1, height * width)
            np.matmul(flat[group], patches, out=y[image, group * step : (group + 1) * step])
    return y.reshape(count, out, height, width)


def scatter(x: Array, weight: Array, op: ConvTranspose) -> Array:
    """The products of a transposed convolution, without bias."""
    out, per_group, *kernel = weight.shape
    count, _, height, width = x.shape
    full = [
        (size - 1) * stride + (k - 1) * dilation + 1
        for size, stride, k, dilation in zip(
            (height, width), op.strides, kernel, op.dilations, strict=True
        )
    ]
    top, left, bottom, right = op.pads
    y = np.zeros((count, out, full[0] + max(-bottom, 0), full[1] + max(-right, 0)), x.dtype)
    flat = x.reshape(count, op.groups, per_group, -1)
    split = weight.reshape(op.groups, out // op.groups, per_group, *kernel)
    for row, column in np.ndindex(*kernel):
        tap = np.matmul(split[..., row, column], flat).reshape(count, out, height, width)
        start = row * op.dilations[0], column * op.dilations[1]
        y[
            :,
            :,
            start[0] : start[0] + (height - 1) * op.strides[0] + 1 : op.strides[0],
            start[1] : start[1] + (width - 1) * op.strides[1] + 1 : op.strides[1],
        ] += tap
    return y[:, :, top : full[0] - bottom, left : full[1] - right]
