"""Operators that reduce windows or whole maps, and local normalization."""

from dataclasses import replace
from functools import partial

import numpy as np

from hwmap.frontend.layout import in_our_order, without_batch
from hwmap.frontend.node import Node, UnsupportedError, Value, layout_of
from hwmap.frontend.window import map_shape, need_map, output_size, pads_of, pair, spans_of
from hwmap.ir.function import affine
from hwmap.ir.ops import NO_PADS, AveragePool, Conv, LocalNorm, MaxPool, Pads, Pair


def max_pool(node: Node) -> Value:
    node.expect("storage_order", 0, 0)
    shape, kernel, strides, pads, extra, size = _window(node)
    dilations = pair(node, "dilations", shape)
    grown = _grown(pads, extra)
    op = MaxPool(node.name, (node.tensor(0),), node.output, kernel, strides, grown, dilations)
    return node.emit(op, map_shape(shape, shape[1], size))


def average_pool(node: Node) -> Value:
    shape, kernel, strides, pads, extra, size = _window(node)
    counted = bool(node.attributes.get("count_include_pad", 0))
    dilations = pair(node, "dilations", shape)
    if dilations != (1, 1):
        if extra != (0, 0) or (any(pads) and not counted):
            raise UnsupportedError(
                f"dilations {list(dilations)} with padding that does not count; expected 1"
            )
        return _dilated_mean(node, shape, size, kernel, strides, pads, dilations)
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


def _dilated_mean(
    node: Node,
    shape: tuple[int, ...],
    size: Pair,
    kernel: Pair,
    strides: Pair,
    pads: Pads,
    dilations: Pair,
) -> Value:
    """A pool with dilations, as a convolution of each channel with equal weights."""
    op = Conv(
        node.name,
        (node.tensor(0),),
        node.output,
        *node.constant_pair,
        strides=strides,
        pads=pads,
        dilations=dilations,
        groups=shape[1],
    )
    weight = np.full((shape[1], 1, *kernel), 1 / (kernel[0] * kernel[1]))
    target = map_shape(shape, shape[1], size)
    return node.emit_weights(op, target, weight, np.zeros(shape[1]), None)


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
    if made is node.computed(0):
        return made
    count = int(np.prod(node.computed(0).shape)) // int(np.prod(made.shape))
    return replace(made, function=affine(made.function, float(count), 0.0))


def reduce_max(node: Node) -> Value:
    return _reduce(node, MaxPool)


def _reduce(node: Node, kind: type[AveragePool] | type[MaxPool]) -> Value:
    """A reduction over rows, columns or both, as a pool over whole rows, columns or maps; a mean
    over channels as a convolution. Other axes are brought to rows and columns."""
    shape = node.computed(0).shape
    rank = len(shape)
    if shape[0] != 1 and rank < 4:
        return without_batch(node, partial(_reduce, kind=kind))
    given = node.integers(1, "axes")
    if given is None and node.attributes.get("noop_with_empty_axes", 0):
        return node.computed(0)
    if any(not -rank <= axis < rank for axis in given or ()):
        raise UnsupportedError(f"axes {given} do not fit {list(shape)}")
    axes = {axis % rank for axis in given or range(rank)}
    inner = axes - {0} if shape[0] == 1 else axes
    if not inner or 0 in inner or rank > 4:
        raise UnsupportedError(f"axes must be some of [1, C, H, W], got {given} of {list(shape)}")
    order = _order_of(node, inner, kind)
    if order is None:
        made = _pooled(node, inner, kind)
    else:
        ours = {order[axis] for axis in inner}
        made = in_our_order(node, order, (0,), lambda turned: _pooled(turned, ours, kind))
    if node.attributes.get("keepdims", 1):
        return replace(made, name=node.name, output=node.output)
    kept = tuple(size for axis, size in enumerate(shape) if axis not in axes)
    index = None if made.index is None else made.index.reshape(kept)
    return replace(made, shape=kept, index=index, name=node.name, output=node.output)


def _order_of(
    node: Node, axes: set[int], kind: type[AveragePool] | type[MaxPool]
) -> tuple[int, ...] | None:
    """The order of axes (see `layout_of`) in which a reduction over `axes` is one that we have;
    None: as they are."""
    value = node.computed(0)
    rank = len(value.shape)
    found = layout_of(value, node.draft)
    ours = axes if found is None else {found[axis] for axis in axes}
    means = ours == {1} and kind is AveragePool
    if means or ours <= set(range(2, rank)) or len(axes) == rank - 1:
        return found
    others = [axis for axis in range(1, rank) if axis not in axes]
    return tuple(int(axis) for axis in np.argsort([0, *others, *sorted(axes)]))


def _pooled(node: Node, axes: set[int], kind: type[AveragePool] | type[MaxPool]) -> Value:
    """A reduction in our order of axes, which stay."""
    value = node.computed(0)
    shape = value.shape
    if len(axes) == len(shape) - 1 and len(axes) != 1:
        name, output = node.extra("maps")
        maps = replace(node, name=name, outputs=(output,))
        inner = _pooled(maps, axes - {1}, kind)
        vector = replace(inner, shape=(1, shape[1]))
        made = _pooled(replace(node, inputs=(vector,)), {1}, kind)
        return replace(made, shape=(1,) * len(shape))
    if len(shape) == 2 and kind is MaxPool:
        # The channels as one row.
        index = None if value.index is None else value.index[:, None]
        row = replace(value, shape=(1, 1, shape[1]), index=index, output=f"{value.output}:row")
        return replace(_pooled(replace(node, inputs=(row,)), {2}, kind), shape=(1, 1))
    names = node.extra("reduced") if node.kind == "ReduceSum" else (node.name, node.output)
    if axes == {1} and kind is AveragePool:
        mean = Conv(names[0], (node.tensor(0),), names[1], *node.constant_pair)
        weight = np.full((1, shape[1], 1, 1), 1 / shape[1])
        return node.emit_weights(mean, (1, 1, *shape[2:]), weight, np.zeros(1), None)
    height, width = need_map(shape)
    kernel = (
        height if len(shape) == 4 and 2 in axes else 1,
        width if len(shape) - 1 in axes else 1,
    )
    op = kind(names[0], (node.tensor(0),), names[1], kernel, (1, 1), NO_PADS)
    return node.emit(op, map_shape(shape, shape[1], (height // kernel[0], width // kernel[1])))


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
