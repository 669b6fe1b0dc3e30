"""Operators that map value by value: one tensor by a function, or two tensors."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import prod, sqrt

import numpy as np

from hwmap.frontend.layout import in_our_order
from hwmap.frontend.movement import moved
from hwmap.frontend.node import Node, UnsupportedError, Value, ir_shape, layout_of
from hwmap.ir import function as functions
from hwmap.ir.function import MOST_DEPTH, Function, X, affine, clip
from hwmap.ir.ops import Add, Affine, Clamp, Clip, Mul, per_channel
from hwmap.ir.types import Array

Build = Callable[[Node, Function], Function]


def mapped(build: Build, node: Node) -> Value:
    """The operator that maps every value v of its input by build(node, v)."""
    value = node.computed(0)
    return _pending(node, value, build(node, value.function), partial(build, node))


def _pending(
    node: Node, value: Value, function: Function, build: Callable[[Function], Function]
) -> Value:
    """`value` under `function`; where that would hide a tensor that others need, or grow too deep,
    the function so far becomes an op."""
    selected = node.draft.selects(value)
    if functions.depth(function) > MOST_DEPTH or selected:
        value = node.draft.settled(value, moves=selected)
        function = build(X)
    result = replace(value, function=function, name=node.name, output=node.output)
    return node.draft.settled(result) if node.shared else result


def _number(node: Node, attribute: str, default: float) -> float:
    value = float(node.attributes.get(attribute, default))
    if not np.isfinite(value):
        raise UnsupportedError(f"{attribute} must be finite, got {value}")
    return value


def _leaky(v: Function, slope: float) -> Function:
    return ("add", clip(v, 0.0, np.inf), ("mul", clip(v, -np.inf, 0.0), float(slope)))


def _hard_sigmoid(v: Function, alpha: float, beta: float) -> Function:
    return clip(affine(v, alpha, beta), 0.0, 1.0)


def _softplus(v: Function) -> Function:
    # log(1 + exp(v)) without overflow: max(v, 0) + log(1 + exp(-|v|)).
    small = ("exp", ("mul", ("abs", v), -1.0))
    return ("add", clip(v, 0.0, np.inf), ("log", ("add", small, 1.0)))


def _elu(v: Function, alpha: float) -> Function:
    below = ("add", ("exp", clip(v, -np.inf, 0.0)), -1.0)
    return ("add", clip(v, 0.0, np.inf), ("mul", below, float(alpha)))


def _gelu(node: Node, v: Function) -> Function:
    if node.attributes.get("approximate", "none") == "tanh":
        cube = ("mul", v, ("mul", v, v))
        inner = ("mul", ("add", v, ("mul", cube, 0.044715)), sqrt(2 / np.pi))
        return ("mul", ("mul", v, 0.5), ("add", ("tanh", inner), 1.0))
    return ("mul", ("mul", v, 0.5), ("add", ("erf", ("mul", v, sqrt(0.5))), 1.0))


def _selu(node: Node, v: Function) -> Function:
    alpha = _number(node, "alpha", 1.67326319217681884765625)
    return ("mul", _elu(v, alpha), _number(node, "gamma", 1.05070102214813232421875))


UNARY: dict[str, Build] = {
    "Abs": lambda _, v: ("abs", v),
    "Celu": lambda n, v: _celu(v, _number(n, "alpha", 1.0)),
    "Elu": lambda n, v: _elu(v, _number(n, "alpha", 1.0)),
    "Ceil": lambda _, v: ("ceil", v),
    "Cos": lambda _, v: ("cos", v),
    "Erf": lambda _, v: ("erf", v),
    "Floor": lambda _, v: ("floor", v),
    "Round": lambda _, v: ("round", v),
    "Sign": lambda _, v: ("sign", v),
    "Sin": lambda _, v: ("sin", v),
    "Exp": lambda _, v: ("exp", v),
    "Gelu": _gelu,
    "HardSigmoid": lambda n, v: _hard_sigmoid(v, _number(n, "alpha", 0.2), _number(n, "beta", 0.5)),
    "HardSwish": lambda _, v: ("mul", v, _hard_sigmoid(v, 1 / 6, 0.5)),
    "LeakyRelu": lambda n, v: _leaky(v, _number(n, "alpha", 0.01)),
    "Log": lambda _, v: ("log", v),
    "Mish": lambda _, v: ("mul", v, ("tanh", _softplus(v))),
    "Neg": lambda _, v: affine(v, -1.0, 0.0),
    "Reciprocal": lambda _, v: ("div", 1.0, v),
    "Relu": lambda _, v: clip(v, 0.0, np.inf),
    "Selu": _selu,
    "Sigmoid": lambda _, v: ("sigmoid", v),
    "Softplus": lambda _, v: _softplus(v),
    "Softsign": lambda _, v: ("div", v, ("add", ("abs", v), 1.0)),
    "Sqrt": lambda _, v: ("sqrt", v),
    "Swish": lambda n, v: ("mul", v, ("sigmoid", ("mul", v, _number(n, "alpha", 1.0)))),
    "Tanh": lambda _, v: ("tanh", v),
    "ThresholdedRelu": lambda n, v: _thresholded(v, _number(n, "alpha", 1.0)),
}


def _thresholded(v: Function, alpha: float) -> Function:
    above = clip(("sign", affine(v, 1.0, -alpha)), 0.0, np.inf)
    return ("mul", v, above)


def _celu(v: Function, alpha: float) -> Function:
    below = ("add", ("exp", ("mul", clip(v, -np.inf, 0.0), 1 / alpha)), -1.0)
    return ("add", clip(v, 0.0, np.inf), ("mul", below, float(alpha)))


def clip_node(node: Node) -> Value:
    bounds = [-np.inf, np.inf]
    for position, name in ((1, "min"), (2, "max")):
        if node.opset < 11 and name in node.attributes:
            bounds[position - 1] = float(node.attributes[name])
        elif node.has(position):
            bounds[position - 1] = _bound(node, position)
    low, high = bounds
    # ONNX: where min is above max, everything becomes max.
    return mapped(lambda _, v: clip(v, min(low, high), high), node)


def _bound(node: Node, position: int) -> float:
    """A bound of a Clip; an infinite one is none."""
    given = node.value(position).array
    if given is None or given.dtype.kind != "f" or np.isfinite(given).all():
        return float(node.array(position).item())
    if given.size != 1 or np.isnan(given).any():
        raise UnsupportedError(f"input {position} must be a number, got {given.tolist()}")
    return float(given.item())


def prelu(node: Node) -> Value:
    shape = node.computed(0).shape
    axes = layout_of(node.computed(0), node.draft)
    slopes = node.array(1).astype(np.float32)
    if slopes.size == 1 or len(set(slopes.flat)) == 1:
        return mapped(lambda _, v: _leaky(v, float(slopes.flat[0])), node)
    if axes is not None:
        return in_our_order(node, axes, (0, 1), prelu)
    slopes = _per_channel(slopes, shape)
    source, sizes = node.tensor(0), ir_shape(shape)
    draft = node.draft
    above, above_out = node.extra("above")
    draft.add(Clip(above, (source,), above_out, Clamp(low=0.0)), sizes)
    below, below_out = node.extra("below")
    draft.add(Clip(below, (source,), below_out, Clamp(high=0.0)), sizes)
    sloped, sloped_out = node.extra("slope")
    names = f"{sloped}.scale", f"{sloped}.shift"
    arrays = {names[0]: slopes, names[1]: np.zeros(len(slopes), np.float32)}
    draft.add(Affine(sloped, (below_out,), sloped_out, *names), sizes, arrays)
    return node.emit(Add(node.name, (above_out, sloped_out), node.output), shape)


def binary(kind: str, node: Node) -> Value:
    """Add, Sub, Mul, Div, Max, Min, Pow of two tensors, or of a tensor and a constant."""
    if len(node.inputs) > 2:
        return _several(kind, node)
    constant = next((i for i in (0, 1) if node.is_constant(i)), None)
    if constant is not None:
        return _with_constant(kind, node, 1 - constant, constant)
    left, right = node.computed(0), node.computed(1)
    same_moves = left.index is right.index or left.index is None is right.index
    if left.tensor == right.tensor and left.shape == right.shape and same_moves:
        function = _binary(kind, left.function, right.function)
        if not (left.function == right.function == X and kind in ("Add", "Mul")):
            return _pending(node, left, function, lambda _: function)
    return _two_tensors(kind, node, left, right)


def _binary(kind: str, left: Function, right: Function) -> Function:
    if kind == "Sub":
        return ("add", left, ("mul", right, -1.0))
    return (kind.lower(), left, right)


def _with_constant(kind: str, node: Node, position: int, constant: int) -> Value:
    number = node.array(constant).astype(np.float64)
    shape = node.computed(position).shape
    if len(number.shape) > len(shape) and number.size > 1:
        raise UnsupportedError(
            f"a constant of shape {list(number.shape)} makes {list(shape)} larger"
        )
    if number.size == 1 or (len(set(number.flat)) == 1 and _fits(number.shape, shape)):
        value = node.computed(position)
        scalar = float(number.flat[0])
        return _pending(
            node,
            value,
            _scalar(kind, value.function, scalar, first=constant == 0),
            lambda v: _scalar(kind, v, scalar, first=constant == 0),
        )
    scale, shift = _affine_of(kind, number, first=constant == 0)
    if not _fits(number.shape, shape):
        raise UnsupportedError(
            f"a constant of shape {list(number.shape)} does not fit {list(shape)}"
        )
    return by_constants(node, position, scale, shift)


def where(node: Node) -> Value:
    """A choice, by a constant, between a tensor and a constant."""
    position = 2 if node.is_constant(1) else 1
    if node.is_constant(position):
        raise UnsupportedError("chooses between two constants by what is computed")
    mask = node.array(0).astype(np.float64)
    taken = mask if position == 1 else 1 - mask
    other = node.array(3 - position).astype(np.float64)
    shape = node.computed(position).shape
    scale, shift = np.broadcast_arrays(taken, (1 - taken) * other)
    if not _fits(scale.shape, shape):
        raise UnsupportedError(f"constants of shape {list(scale.shape)} do not fit {list(shape)}")
    return by_constants(node, position, scale, shift)


def by_constants(node: Node, position: int, scale: Array, shift: Array) -> Value:
    """scale * x + shift with constants that broadcast to the shape of the input at `position`. They
    are brought to the order of the tensor below, whose moves come after them."""
    value = node.computed(position)
    value = node.draft.settled(value, moves=node.draft.selects(value))
    base = node.draft.shapes[value.tensor]
    arrays = [np.broadcast_to(part, value.shape).astype(np.float32) for part in (scale, shift)]
    if value.index is not None:
        order = value.index.reshape(-1)
        if len(set(order.tolist())) != order.size:
            value = node.draft.settled(value, moves=True)
        else:
            arrays = [_unmoved(array, order) for array in arrays]
    name, output = node.inner_names(value)
    names = f"{name}.scale", f"{name}.shift"
    op = Affine(name, (value.tensor,), output, *names)
    small = per_channel(*(array.reshape(base) for array in arrays))
    constants = dict(zip(names, map(np.ascontiguousarray, small), strict=True))
    tensor = node.draft.add(op, base, constants)
    return replace(value, tensor=tensor, name=node.name, output=node.output)


def _unmoved(array: Array, order: Array) -> Array:
    """The array whose elements at `order` are `array`."""
    found = np.empty(array.size, array.dtype)
    found[order] = array.reshape(-1)
    return found


def _fits(constant: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    padded = (1,) * (len(shape) - len(constant)) + constant
    return all(a in (1, b) for a, b in zip(padded, shape, strict=True))


def _scalar(kind: str, v: Function, number: float, *, first: bool) -> Function:
    """The function of v for a scalar constant; `first`: it is the left operand."""
    match kind:
        case "Max":
            return clip(v, number, np.inf)
        case "Min":
            return clip(v, -np.inf, number)
        case "Pow" if not first and number == 2:
            return ("mul", v, v)
        case "Pow":
            return ("pow", number, v) if first else ("pow", v, number)
        case "Div" if first:
            return ("div", number, v)
    scale, shift = _affine_of(kind, np.array(number), first=first)
    return affine(v, float(scale), float(shift))


def _affine_of(kind: str, number: Array, *, first: bool) -> tuple[Array, Array]:
    """scale and shift of the affine map that `kind` with the constant `number` is."""
    one, zero = np.ones_like(number), np.zeros_like(number)
    match kind:
        case "Add":
            return one, number
        case "Sub":
            return (-one, number) if first else (one, -number)
        case "Mul":
            return number, zero
        case "Div" if not first:
            if not number.all():
                raise UnsupportedError("divides by zero")
            return one / number, zero
    raise UnsupportedError("expected one number, or Add, Sub, Mul or Div of one per channel")


def _per_channel(array: Array, shape: tuple[int, ...]) -> Array:
    """A constant that broadcasts along everything but the channels, as (channels,)."""
    channels = shape[1] if len(shape) > 1 else 0
    sizes = (1,) * (len(shape) - array.ndim) + array.shape
    if len(sizes) != len(shape) or any(
        n not in (1, channels if i == 1 else 1) for i, n in enumerate(sizes)
    ):
        raise UnsupportedError(
            f"a constant of shape {list(array.shape)} is not one value per channel ({channels})"
        )
    return np.broadcast_to(array.reshape(-1), channels).astype(np.float32)


def _several(kind: str, node: Node) -> Value:
    """Sum and friends of more than two tensors: one after the other."""
    total = node.value(0)
    for position in range(1, len(node.inputs)):
        last = position == len(node.inputs) - 1
        name, output = (node.name, node.output) if last else node.extra(f"{position}")
        pair = replace(
            node, name=name, outputs=(output,), inputs=(total, node.value(position)), shared=False
        )
        total = binary(kind, pair)
    return total


def _two_tensors(kind: str, node: Node, left: Value, right: Value) -> Value:
    axes = layout_of(max(left, right, key=lambda value: prod(value.shape)), node.draft)
    if axes is not None and max(len(left.shape), len(right.shape)) == len(axes):
        return in_our_order(node, axes, (0, 1), partial(binary, kind))
    if kind == "Mul":
        return _product(node, left, right)
    if kind == "Div":
        function, output = ("div", 1.0, right.function), f"{right.output}:inverse"
        return _product(node, left, replace(right, function=function, output=output))
    if kind not in ("Add", "Sub", "Max", "Min"):
        raise UnsupportedError(f"{kind} of two tensors; expected one of them to be a constant")
    left, right = _of_one_shape(node, left, right)
    names = (node.draft.as_tensor(left), node.draft.as_tensor(right))
    if kind in ("Max", "Min"):
        # max(a, b) = a + max(b - a, 0)
        more, more_out = node.extra("more")
        clamp = Clamp(low=0.0) if kind == "Max" else Clamp(high=0.0)
        op = Add(more, names[::-1], more_out, clamp, signs=(1, -1))
        names = names[0], node.draft.add(op, ir_shape(left.shape))
    signs = (1, -1) if kind == "Sub" else (1, 1)
    return node.emit(Add(node.name, names, node.output, signs=signs), left.shape)


def _of_one_shape(node: Node, left: Value, right: Value) -> tuple[Value, Value]:
    """Both, the smaller one spread to the shape of the larger."""
    if left.shape == right.shape:
        return left, right
    small, large = sorted((left, right), key=lambda value: prod(value.shape))
    if len(small.shape) > len(large.shape) or not _fits(small.shape, large.shape):
        raise UnsupportedError(f"shapes {list(left.shape)} and {list(right.shape)} do not fit")
    name, output = node.extra("spread")
    spread = moved(
        replace(node, name=name, outputs=(output,)),
        small,
        lambda a: np.broadcast_to(a, large.shape),
    )
    return (spread, right) if small is left else (left, spread)


def _product(node: Node, left: Value, right: Value) -> Value:
    if left.shape != right.shape and prod(left.shape) < prod(right.shape):
        left, right = right, left
    per_channel = len(left.shape) == 4 and right.shape == (1, left.shape[1], 1, 1)
    if not per_channel:
        left, right = _of_one_shape(node, left, right)
    names = (node.draft.as_tensor(left), node.draft.as_tensor(right))
    return node.emit(Mul(node.name, names, node.output), left.shape)
