"""Operators that reduce windows or whole maps, and local normalization."""

from dataclasses import replace

import numpy as np

from hwmap.frontend.node import Node, UnsupportedError, Value, axis_of
from hwmap.frontend.window import map_shape, need_map, output_size, pads_of, pair, spans_of
from hwmap.ir.function import affine
from hwmap.ir.ops import NO_PADS, AveragePool, Conv, LocalNorm, MaxPool, Pads, Pair, Softmax


def max_pool(node: Node) -> Value:
    node.expect("storage_order", 0, 0)
    shape, kernel, strides, pads, extra, size = _window(node)
    dilations = pair(node, "dilations", shape)
    grown = _grown(pads, extra)
    op = MaxPool(node.name, (node.tensor(0),), node.output, kernel, strides, grown, dilations)
    return node.emit(op, map_shape(shape, shape[1], size))


def average_pool(node: Node) -> Value:
    shape, kernel, strides, pads, extra, size = _window(node)
    if pair(node, "dilations", shape) != (1, 1):
        raise UnsupportedError(f"dilations must be 1, got {node.attributes['dilations']}")
    counted = bool(node.attributes.get("count_include_pad", 0))
    uncounted = (0, 0, *extra) if counted else _grown(pads, extra)
    op = AveragePool(
        node.name,
        (node.tensor(0),),
        node.output,
        kernel,
        strides,
        _grown(pads, extra),
        uncounted=uncounted,
    )
    return node.emit(op, map_shape(shape, shape[1], size))


def _grown(pads: Pads, extra: Pair) -> Pads:
    return pads[0], pads[1], pads[2] + extra[0], pads[3] + extra[1]


def _window(node: Node) -> tuple[tuple[int, ...], Pair, Pair, Pads, Pair, Pair]:
    """Shape, kernel, strides, pads, rows and columns of padding more at the end (below 0: less)
    that `ceil_mode` takes, and output size of a pool."""
    shape = node.computed(0).shape
    need_map(shape)
    if "kernel_shape" not in node.attributes:
        raise UnsupportedError("kernel_shape is missing")
    kernel = pair(node, "kernel_shape", shape)
    strides = pair(node, "strides", shape)
    spans = spans_of(kernel, pair(node, "dilations", shape))
    pads = pads_of(node, shape, spans, strides)
    if max(pads[0], pads[2]) >= spans[0] or max(pads[1], pads[3]) >= spans[1]:
        raise UnsupportedError(f"pads {list(pads)} must be smaller than the kernel {list(spans)}")
    size = output_size(need_map(shape), spans, strides, pads)
    if not node.attributes.get("ceil_mode", 0):
        return shape, kernel, strides, pads, (0, 0), size
    longer = [
        _ceil_size(side, pads[axis], pads[axis + 2], spans[axis], strides[axis])
        for axis, side in enumerate(need_map(shape))
    ]
    extra = [
        max((count - 1) * strides[axis] + spans[axis] - side - pads[axis] - pads[axis + 2], 0)
        for axis, (count, side) in enumerate(zip(longer, need_map(shape), strict=True))
    ]
    return shape, kernel, strides, pads, (extra[0], extra[1]), (longer[0], longer[1])


def _ceil_size(size: int, before: int, after: int, span: int, stride: int) -> int:
    """Windows along an axis with ceil_mode: those that start inside the map or the padding before
    it (ONNX: a window that starts in the padding after it is ignored)."""
    count = -(-(size + before + after - span) // stride) + 1
    return count - 1 if (count - 1) * stride >= size + before else count


def global_average_pool(node: Node) -> Value:
    return _global(node, AveragePool)


def global_max_pool(node: Node) -> Value:
    return _global(node, MaxPool)


def _global(node: Node, kind: type[AveragePool] | type[MaxPool]) -> Value:
    shape = node.computed(0).shape
    size = need_map(shape)
    op = kind(node.name, (node.tensor(0),), node.output, size, (1, 1), NO_PADS)
    return node.emit(op, map_shape(shape, shape[1], (1, 1)))


def reduce_mean(node: Node) -> Value:
    return _reduce(node, AveragePool)


def reduce_sum(node: Node) -> Value:
    """The mean, times how many values it is of."""
    made = _reduce(node, AveragePool)
    count = int(np.prod(node.computed(0).shape)) // int(np.prod(made.shape))
    return replace(made, function=affine(made.function, float(count), 0.0))


def reduce_max(node: Node) -> Value:
    return _reduce(node, MaxPool)


def _reduce(node: Node, kind: type[AveragePool] | type[MaxPool]) -> Value:
    """A reduction over rows, columns or both, as a pool over whole rows, columns or maps."""
    shape = node.computed(0).shape
    height, width = need_map(shape)
    given = node.integers(1, "axes")
    if given is None and node.attributes.get("noop_with_empty_axes", 0):
        return node.computed(0)
    axes = {axis % len(shape) for axis in given or range(len(shape))}
    if axes == {1} and kind is AveragePool:
        return _channel_mean(node, shape)
    if not axes or not axes <= set(range(2, len(shape))):
        raise UnsupportedError(f"axes must be rows and columns of [1, C, H, W], got {given}")
    along_rows = len(shape) == 4 and 2 in axes
    along_columns = len(shape) - 1 in axes
    kernel = (height if along_rows else 1, width if along_columns else 1)
    name, output = node.extra("windows") if node.kind == "ReduceSum" else (node.name, node.output)
    op = kind(name, (node.tensor(0),), output, kernel, (1, 1), NO_PADS)
    made = node.emit(op, map_shape(shape, shape[1], (height // kernel[0], width // kernel[1])))
    return _without(node, made, shape, axes)


def _without(node: Node, made: Value, shape: tuple[int, ...], axes: set[int]) -> Value:
    """What a reduction of `shape` made, without the reduced axes if the node drops them."""
    made = replace(made, name=node.name, output=node.output)
    if node.attributes.get("keepdims", 1):
        return made
    return replace(made, shape=tuple(s for axis, s in enumerate(shape) if axis not in axes))


def _channel_mean(node: Node, shape: tuple[int, ...]) -> Value:
    """The mean over channels, as a convolution with equal weights."""
    name, output = node.extra("mean") if node.kind == "ReduceSum" else (node.name, node.output)
    op = Conv(name, (node.tensor(0),), output, *node.constant_pair)
    weight = np.full((1, shape[1], 1, 1), 1 / shape[1])
    made = node.emit_weights(op, (1, 1, *shape[2:]), weight, np.zeros(1), None)
    return _without(node, made, shape, {1})


def local_norm(node: Node) -> Value:
    shape = node.computed(0).shape
    need_map(shape)
    size = int(node.attributes.get("size", 0))
    if not 1 <= size < 2 * shape[1] + 1:
        raise UnsupportedError(f"size must be 1 to {2 * shape[1]}, got {size}")
    numbers = [
        float(node.attributes.get(name, default))
        for name, default in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))
    ]
    if not np.isfinite(numbers).all():
        raise UnsupportedError(f"alpha, beta and bias must be finite, got {numbers}")
    op = LocalNorm(node.name, (node.tensor(0),), node.output, size, *numbers)
    return node.emit(op, shape)


def softmax(node: Node) -> Value:
    value = node.computed(0)
    axis = axis_of(node, value, -1 if node.opset >= 13 else 1)
    shape = value.shape
    if node.opset < 13:
        # Older opsets take all axes from `axis` on as one.
        shape = (int(np.prod(shape[:axis])), int(np.prod(shape[axis:])))
        axis = 1
    # Softmax along one axis of (before, length, after).
    before, after = int(np.prod(shape[:axis])), int(np.prod(shape[axis + 1 :]))
    sizes = (1, before, shape[axis], after)
    place = 1
    if before == 1:
        sizes, place = (1, shape[axis], after, 1), 0
    elif after == 1:
        sizes, place = (1, before, 1, shape[axis]), 2
    if len(value.shape) == 4 and value.shape[0] == 1 and axis > 0 and node.opset >= 13:
        sizes, place = value.shape, axis - 1
    index = None if value.index is None else value.index.reshape(sizes)
    same = sizes == value.shape
    turned = replace(value, shape=sizes, index=index, output=f"{value.output}:softmax")
    source = value if same else turned
    log = node.kind == "LogSoftmax"
    op = Softmax(node.name, (node.draft.as_tensor(source),), node.output, place, log)
    return replace(node.emit(op, sizes), shape=value.shape)
