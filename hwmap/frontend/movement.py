"""Operators that move values, and compute none: each is done on an array of positions.

What numpy does to the array of positions of a tensor is what the operator does to the tensor; a
constant is moved as it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from hwmap.frontend.node import (
    MOST_CONSTANT_ELEMENTS,
    MOST_ELEMENTS,
    TRAINING_MODE,
    Node,
    UnsupportedError,
    Value,
    axis_of,
    check_size,
)
from hwmap.ir.types import Array

Move = Callable[[Array], Array]


def moved(node: Node, value: Value, move: Move, output: int = 0) -> Value:
    """`value` after `move`, which takes and gives an array."""
    name = node.outputs[output]
    if value.array is not None:
        array = move(value.array)
        # Of a shape, nothing may be left.
        check_size([max(size, 1) for size in array.shape], MOST_CONSTANT_ELEMENTS)
        return Value(array.shape, array=array, name=node.name, output=name, quant=value.quant)
    if value.index is None:
        check_size(value.shape, MOST_ELEMENTS)
        index = np.arange(int(np.prod(value.shape)), dtype=np.int32).reshape(value.shape)
    else:
        index = value.index
    moved = move(index)
    check_size(moved.shape, MOST_ELEMENTS)
    same_order = moved.size == index.size and bool((moved.reshape(-1) == index.reshape(-1)).all())
    kept = None if value.index is None and same_order else moved
    return replace(value, shape=moved.shape, index=kept, name=node.name, output=name)


def _reshaped(node: Node, shape: Sequence[int]) -> Value:
    """The same values in the same order in `shape`."""
    value = node.any_value(0)
    sizes = tuple(int(size) for size in shape)
    check_size(sizes, MOST_CONSTANT_ELEMENTS)
    if np.prod(sizes, dtype=np.int64) != np.prod(value.shape, dtype=np.int64):
        raise UnsupportedError(f"reshapes {list(value.shape)} to {list(sizes)}")
    if value.array is not None:
        return moved(node, value, lambda a: a.reshape(sizes))
    index = None if value.index is None else value.index.reshape(sizes)
    return replace(value, shape=sizes, index=index, name=node.name, output=node.output)


def identity(node: Node) -> Value:
    return node.any_value(0)


def dropout(node: Node) -> Value:
    """At inference, the identity."""
    if node.has(2) and (not node.is_constant(2) or node.array(2).any()):
        raise UnsupportedError(TRAINING_MODE)
    return node.any_value(0)


def flatten(node: Node) -> Value:
    shape = node.any_value(0).shape
    axis = int(node.attributes.get("axis", 1))
    if not -len(shape) <= axis <= len(shape):
        raise UnsupportedError(f"axis must be within {list(shape)}, got {axis}")
    axis = axis + len(shape) if axis < 0 else axis
    return _reshaped(node, (int(np.prod(shape[:axis])), int(np.prod(shape[axis:]))))


def reshape(node: Node) -> Value:
    shape = node.any_value(0).shape
    wanted = node.integers(1, "shape")
    if wanted is None:
        raise UnsupportedError("the target shape is missing")
    target = list(wanted)
    keep_zero = node.attributes.get("allowzero", 0)
    for i, size in enumerate(target):
        if size == 0 and not keep_zero and i < len(shape):
            target[i] = shape[i]
    if target.count(-1) == 1:
        rest = -int(np.prod(target, dtype=object))
        target[target.index(-1)] = int(np.prod(shape)) // rest if rest > 0 else 0
    if min(target, default=0) < 1 and target:
        raise UnsupportedError(f"reshapes {list(shape)} to {wanted}")
    return _reshaped(node, target)


def squeeze(node: Node) -> Value:
    shape = node.any_value(0).shape
    given = node.integers(1, "axes")
    axes = _axes(given, len(shape)) if given is not None else {
        i for i, size in enumerate(shape) if size == 1
    }  # fmt: skip
    if any(shape[axis] != 1 for axis in axes):
        raise UnsupportedError(f"squeezes axes {sorted(axes)} of {list(shape)}, which are not 1")
    return _reshaped(node, [size for i, size in enumerate(shape) if i not in axes])


def unsqueeze(node: Node) -> Value:
    shape = node.any_value(0).shape
    given = node.integers(1, "axes")
    if given is None:
        raise UnsupportedError("axes are missing")
    axes = _axes(given, len(shape) + len(given))
    sizes = iter(shape)
    return _reshaped(node, [1 if i in axes else next(sizes) for i in range(len(shape) + len(axes))])


def _axes(given: Sequence[int], rank: int) -> set[int]:
    axes = {axis + rank if axis < 0 else axis for axis in given}
    if len(axes) != len(given) or not axes <= set(range(rank)):
        raise UnsupportedError(f"axes {list(given)} do not fit rank {rank}")
    return axes


def transpose(node: Node) -> Value:
    value = node.any_value(0)
    rank = len(value.shape)
    order = [int(axis) for axis in node.attributes.get("perm", range(rank)[::-1])]
    if sorted(order) != list(range(rank)):
        raise UnsupportedError(f"perm {order} is no order of {rank} axes")
    return moved(node, value, lambda a: a.transpose(order))


def gather(node: Node) -> Value:
    value, index = node.any_value(0), node.array(1).astype(np.int64)
    axis = axis_of(node, value, 0)
    size = value.shape[axis]
    if index.size == 0 or index.min() < -size or index.max() >= size:
        raise UnsupportedError(f"indices must be within {-size} to {size - 1}")
    return moved(node, value, lambda a: np.take(a, index, axis=axis))


def slice_node(node: Node) -> Value:
    value = node.any_value(0)
    starts, ends = node.integers(1, "starts"), node.integers(2, "ends")
    axes, steps = node.integers(3, "axes"), node.integers(4, "steps")
    if starts is None or ends is None:
        raise UnsupportedError("starts or ends are missing")
    axes = axes if axes is not None else list(range(len(starts)))
    steps = steps if steps is not None else [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise UnsupportedError("starts, ends, axes and steps must be as many, and no step 0")
    _axes(axes, len(value.shape))
    cut = [slice(None)] * len(value.shape)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        low = max(end + value.shape[axis], -1) if end < 0 else end
        cut[axis] = slice(start, None if step < 0 and low < 0 else end, step)
    return moved(node, value, lambda a: a[tuple(cut)])


def split(node: Node) -> tuple[Value, ...]:
    value = node.any_value(0)
    axis = axis_of(node, value, 0)
    size, count = value.shape[axis], len(node.outputs)
    given = node.integers(1, "split")
    each = -(-size // count)
    sizes = given or [min(each, size - i * each) for i in range(count)]
    if sum(sizes) != size or len(sizes) != count or min(sizes) < 1:
        raise UnsupportedError(f"splits {size} values into {sizes}")
    edges = np.cumsum([0, *sizes])
    return tuple(
        moved(
            node,
            value,
            lambda a, low=low, high=high: np.take(a, np.arange(low, high), axis=axis),  # type: ignore[misc]
            i,
        )
        for i, (low, high) in enumerate(pairwise(edges))
    )


def expand(node: Node) -> Value:
    value = node.any_value(0)
    shape = tuple(int(size) for size in node.array(1).reshape(-1))
    if min(shape, default=1) < 1:
        raise UnsupportedError(f"expands {list(value.shape)} to {list(shape)}")
    target = np.broadcast_shapes(value.shape, shape)
    check_size(target, MOST_CONSTANT_ELEMENTS)
    return moved(node, value, lambda a: np.broadcast_to(a, target))


def tile(node: Node) -> Value:
    value = node.value(0)
    repeats = [int(item) for item in node.array(1).reshape(-1)]
    if len(repeats) != len(value.shape) or min(repeats, default=1) < 1:
        raise UnsupportedError(f"repeats {repeats} do not fit {list(value.shape)}")
    check_size([a * b for a, b in zip(value.shape, repeats, strict=True)], MOST_ELEMENTS)
    return moved(node, value, lambda a: np.tile(a, repeats))


def depth_to_space(node: Node) -> Value:
    value, block = node.any_value(0), int(node.attributes.get("blocksize", 0))
    count, channels, height, width = (*value.shape, 0, 0, 0, 0)[:4]
    if block < 1 or channels % (block * block) or len(value.shape) != 4:
        raise UnsupportedError(f"blocksize {block} does not fit {list(value.shape)}")
    depth = channels // (block * block)
    if node.attributes.get("mode", "DCR") == "DCR":
        parts, order = (count, block, block, depth, height, width), (0, 3, 4, 1, 5, 2)
    else:
        parts, order = (count, depth, block, block, height, width), (0, 1, 4, 2, 5, 3)
    target = (count, depth, height * block, width * block)
    return moved(node, value, lambda a: a.reshape(parts).transpose(order).reshape(target))


def space_to_depth(node: Node) -> Value:
    value, block = node.any_value(0), int(node.attributes.get("blocksize", 0))
    count, channels, height, width = (*value.shape, 0, 0, 0, 0)[:4]
    if block < 1 or height % block or width % block or len(value.shape) != 4:
        raise UnsupportedError(f"blocksize {block} does not fit {list(value.shape)}")
    parts = (count, channels, height // block, block, width // block, block)
    target = (count, channels * block * block, height // block, width // block)
    blocks_first = node.attributes.get("mode", "DCR") == "DCR"
    order = (0, 3, 5, 1, 2, 4) if blocks_first else (0, 1, 3, 5, 2, 4)
    return moved(node, value, lambda a: a.reshape(parts).transpose(order).reshape(target))
