"""Pad and Concat: operators that move values, and need a tensor of their own for it."""

from dataclasses import replace

import numpy as np

from hwmap.frontend.layout import in_our_order
from hwmap.frontend.movement import moved
from hwmap.frontend.node import (
    MOST_ELEMENTS,
    Node,
    UnsupportedError,
    Value,
    axis_of,
    check_size,
    finite,
    layout_of,
)
from hwmap.frontend.pointwise import by_constants
from hwmap.frontend.window import MOST_SIDE, need_map
from hwmap.ir.ops import Concat, Pad, Pads


def pad(node: Node) -> Value:
    value = node.value(0)
    rank = len(value.shape)
    given = node.integers(1, "pads")
    if given is None:
        raise UnsupportedError("pads are missing")
    axes = node.integers(3, "axes")
    axes = [axis % rank for axis in axes] if axes is not None else list(range(rank))
    if len(given) != 2 * len(axes) or max(map(abs, given), default=0) >= MOST_SIDE:
        raise UnsupportedError(f"pads {given} do not fit {list(value.shape)}")
    widths = [(0, 0)] * rank
    for i, axis in enumerate(axes):
        widths[axis] = (given[i], given[i + len(axes)])
    order = None if value.array is not None else layout_of(value, node.draft)
    if order is not None:
        back = [order.index(axis) for axis in range(rank)]
        ours = {"pads": [widths[axis][end] for end in (0, 1) for axis in back]}
        turned = replace(node, inputs=node.inputs[:3])
        return in_our_order(turned, order, (0,), pad, ours)
    mode = node.attributes.get("mode", "constant")
    if mode not in ("constant", "edge", "reflect", "wrap"):
        raise UnsupportedError(f"mode '{mode}' is not known")
    check_size([s + sum(w) for s, w in zip(value.shape, widths, strict=True)], MOST_ELEMENTS)
    # Pads below 0 cut off.
    cut = tuple(
        slice(max(-low, 0), size - max(-high, 0))
        for (low, high), size in zip(widths, value.shape, strict=True)
    )
    grown = [(max(low, 0), max(high, 0)) for low, high in widths]
    if mode != "constant":
        return moved(node, value, lambda a: np.pad(a[cut], grown, mode=mode))
    number = node.attributes.get("value", 0.0)
    if node.has(2):
        number = node.array(2).item()
    if value.array is not None:
        return moved(node, value, lambda a: np.pad(a[cut], grown, constant_values=number))
    inner = value if all(w == g for w, g in zip(widths, grown, strict=True)) else moved(
        node, value, lambda a: a[cut]
    )  # fmt: skip
    if not any(map(any, grown)):
        return inner
    return _constant_pad(node, inner, grown, float(number))


def _constant_pad(node: Node, value: Value, widths: list[tuple[int, int]], number: float) -> Value:
    need_map(value.shape)
    if any(widths[0]) or not np.isfinite(number) or (any(widths[1]) and number != 0):
        raise UnsupportedError(
            f"pads {widths} with {number}; expected rows and columns, or channels with 0"
        )
    (top, bottom), (left, right) = ((0, 0), *widths[2:])[-2:]
    pads: Pads = (top, left, bottom, right)
    if value.output == node.output:
        value = replace(value, name=f"{node.name}/cut", output=f"{node.output}:cut")
    shape = [size + sum(width) for size, width in zip(value.shape, widths, strict=True)]
    tensor = node.draft.as_tensor(value)
    op = Pad(node.name, (tensor,), node.output, pads, number, channels=widths[1])
    return node.emit(op, shape)


def concat(node: Node) -> Value:
    values = [node.value(i) for i in range(len(node.inputs))]
    axis = axis_of(node, values[0], 1)
    shapes = {(*v.shape[:axis], 0, *v.shape[axis + 1 :]) for v in values}
    if len(shapes) != 1:
        raise UnsupportedError(
            f"joins {[list(v.shape) for v in values]} along axis {axis}; expected equal shapes"
        )
    if all(v.array is not None for v in values):
        arrays = [v.array for v in values if v.array is not None]
        return moved(node, values[0], lambda _: np.concatenate(arrays, axis=axis))
    if len(values) == 1:
        return values[0]
    if any(v.array is not None for v in values):
        like = next(v for v in values if v.array is None)
        values = [v if v.array is None else _as_computed(node, v, like) for v in values]
        node = replace(node, inputs=tuple(values))
    orders = {layout_of(v, node.draft) if v.array is None else None for v in values}
    order = orders.pop()
    if order is not None and not orders:
        everyone = range(len(values))
        return in_our_order(node, order, everyone, concat, {"axis": order[axis]})
    shape = list(values[0].shape)
    shape[axis] = sum(v.shape[axis] for v in values)
    return _concat(node, values, shape, axis)


def _as_computed(node: Node, constant: Value, like: Value) -> Value:
    """A constant as a tensor: what is computed, times 0, plus the constant."""
    assert constant.array is not None
    name, output = node.extra("zeros")
    zeros = moved(
        replace(node, name=name, outputs=(output,)),
        like,
        lambda a: np.broadcast_to(a.reshape(-1)[0], constant.shape),
    )
    name, output = node.extra("constant")
    inner = replace(node, name=name, outputs=(output,), inputs=(zeros,))
    array = finite(constant)
    return by_constants(inner, 0, np.zeros_like(array), array)


def _concat(node: Node, values: list[Value], shape: list[int], axis: int) -> Value:
    """Join tensors; where their shapes are none of ours, as long rows that are moved afterwards."""
    if len(shape) in (2, 3, 4) and shape[0] == 1 and axis > 0:
        names = tuple(node.tensor(i) for i in range(len(values)))
        place = axis - 1 if len(shape) == 4 else (0, 2)[axis - 1]
        return node.emit(Concat(node.name, names, node.output, place), shape)
    counts = [int(np.prod(value.shape)) for value in values]
    rows = [
        replace(
            value,
            shape=(1, count),
            index=None if value.index is None else value.index.reshape(1, count),
            output=f"{value.output}:flat",
        )
        for value, count in zip(values, counts, strict=True)
    ]
    parts = tuple(node.draft.as_tensor(row) for row in rows)
    name, output = node.extra("rows")
    made = node.emit(Concat(name, parts, output, 0), (1, sum(counts)))
    starts = np.cumsum([0, *counts])
    positions = [
        np.arange(start, start + count, dtype=np.int32).reshape(value.shape)
        for start, count, value in zip(starts, counts, values, strict=False)
    ]
    index = np.concatenate(positions, axis=axis)
    return replace(made, shape=index.shape, index=index, output=node.output)
