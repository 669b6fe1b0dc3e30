"""Operators along one axis that stand at the end of networks, and that the host computes."""

from dataclasses import replace
from math import prod

from hwmap.frontend.layout import without_batch
from hwmap.frontend.movement import moved
from hwmap.frontend.node import POSITIONS, Node, UnsupportedError, Value, axis_of
from hwmap.frontend.pointwise import binary
from hwmap.ir.ops import Norm, Softmax, TopK


def _along(node: Node, value: Value, axis: int) -> tuple[str, int, tuple[int, ...]]:
    """A tensor of the draft with the values of `value`, the place of `axis` in it (0 channels, 1
    rows, 2 columns), and its ONNX shape: that of `value`, or (1, before, length, after)."""
    shape = value.shape
    before, after = prod(shape[:axis]), prod(shape[axis + 1 :])
    sizes, place = (1, before, shape[axis], after), 1
    if before == 1:
        sizes, place = (1, shape[axis], after, 1), 0
    elif after == 1:
        sizes, place = (1, before, 1, shape[axis]), 2
    if len(shape) == 4 and shape[0] == 1 and axis > 0:
        return node.draft.as_tensor(value), axis - 1, shape
    index = None if value.index is None else value.index.reshape(sizes)
    turned = replace(value, shape=sizes, index=index, output=f"{value.output}:{node.kind.lower()}")
    source = value if sizes == shape else turned
    return node.draft.as_tensor(source), place, sizes


def softmax(node: Node) -> Value:
    value = node.computed(0)
    axis = axis_of(node, value, -1 if node.opset >= 13 else 1)
    flat = value
    if node.opset < 13:
        # Older opsets take all axes from `axis` on as one.
        shape = (prod(value.shape[:axis]), prod(value.shape[axis:]))
        index = None if value.index is None else value.index.reshape(shape)
        flat, axis = replace(value, shape=shape, index=index, output=f"{value.output}:rows"), 1
    source, place, sizes = _along(node, flat, axis)
    op = Softmax(node.name, (source,), node.output, place, node.kind == "LogSoftmax")
    return replace(node.emit(op, sizes), shape=value.shape)


def _norm(node: Node, value: Value, axis: int, power: int) -> Value:
    """The norm along one axis, which stays."""
    source, place, sizes = _along(node, value, axis)
    name, output = node.extra("norm")
    made = node.emit(Norm(name, (source,), output, place, power), _shortened(sizes, place, 1))
    shape = _shortened(value.shape, axis - 1, 1)
    return replace(made, shape=shape, name=name)


def _shortened(shape: tuple[int, ...], place: int, size: int) -> tuple[int, ...]:
    """`shape` with `size` at `place` behind the batch."""
    return (*shape[: place + 1], size, *shape[place + 2 :])


def reduce_norm(node: Node) -> Value:
    """ReduceL1 and ReduceL2 along one axis."""
    value = node.computed(0)
    if value.shape[0] != 1 and len(value.shape) < 4:
        return without_batch(node, reduce_norm)
    axes = node.integers(1, "axes") or []
    rank = len(value.shape)
    if len(axes) != 1 or not -rank <= axes[0] < rank or axes[0] % rank == 0:
        raise UnsupportedError(f"axes must be one of {list(value.shape)[1:]}, got {axes}")
    axis = axes[0] % rank
    made = replace(_norm(node, value, axis, int(node.kind[-1])), name=node.name, output=node.output)
    if node.attributes.get("keepdims", 1):
        return made
    return replace(made, shape=(*value.shape[:axis], *value.shape[axis + 1 :]))


def lp_normalization(node: Node) -> Value:
    """x divided by its norm."""
    value = node.computed(0)
    axis = axis_of(node, value, -1)
    if axis == 0:
        raise UnsupportedError("axis must not be that of the batch")
    norm = _norm(node, value, axis, int(node.attributes.get("p", 2)))
    divided = replace(node, kind="Div", inputs=(value, norm), attributes={})
    return binary("Div", divided)


def arg_extreme(node: Node) -> Value:
    """ArgMax and ArgMin: the position of the first of the largest or smallest values."""
    value = node.computed(0)
    node.expect("select_last_index", 0, 0)
    axis = axis_of(node, value, 0)
    made = _top(node, value, axis, 1, largest=node.kind == "ArgMax", positions=True)
    if node.attributes.get("keepdims", 1):
        return made
    return moved(node, made, lambda a: a.reshape((*value.shape[:axis], *value.shape[axis + 1 :])))


def top_k(node: Node) -> tuple[Value, ...]:
    value = node.computed(0)
    node.expect("sorted", 1, 1)
    axis = axis_of(node, value, -1)
    count = int(node.attributes.get("k", 0) or node.array(1).item())
    if not 1 <= count <= value.shape[axis]:
        raise UnsupportedError(f"k must be 1 to {value.shape[axis]}, got {count}")
    largest = bool(node.attributes.get("largest", 1))
    made: list[Value] = []
    for output, positions in zip(node.outputs, (False, True), strict=False):
        name = node.name if not made else node.draft.name(f"{node.name}/positions")
        one = replace(node, name=name, outputs=(output,))
        made.append(_top(one, value, axis, count, largest=largest, positions=positions))
    return tuple(made)


def _top(
    node: Node, value: Value, axis: int, count: int, *, largest: bool, positions: bool
) -> Value:
    source, place, sizes = _along(node, value, axis)
    op = TopK(node.name, (source,), node.output, place, count, largest, positions)
    made = node.emit(op, _shortened(sizes, place, count))
    shape = (*value.shape[:axis], count, *value.shape[axis + 1 :])
    made = replace(made, shape=shape)
    return replace(made, raw=True, quant=POSITIONS) if positions else made
