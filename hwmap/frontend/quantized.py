"""QuantizeLinear, DequantizeLinear and Cast."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from hwmap.frontend.node import POSITIONS, Node, UnsupportedError, Value, axis_of
from hwmap.frontend.pointwise import clip_node
from hwmap.frontend.resize import resize
from hwmap.ir.function import X, affine, as_clip
from hwmap.ir.function import clip as clip_function
from hwmap.ir.ops import FakeQuant, TopK
from hwmap.ir.types import Array, Quant


def quantize_linear(node: Node) -> Value:
    """Round to the grid; a DequantizeLinear takes the integers back to values."""
    if node.is_constant(0):
        return _quantized_constant(node, node.array(0))
    value = node.computed(0)
    quant = _format(node, value)
    if quant.width_bits != 8 or not isinstance(quant.scale, float):
        scales = "one scale" if isinstance(quant.scale, float) else "a scale per channel"
        raise UnsupportedError(
            f"activations must have 8 bits and one scale, got {quant.width_bits} bits and {scales}"
        )
    value = node.draft.settled(value, moves=node.draft.selects(value))
    name, output = node.inner_names(value)
    op = FakeQuant(name, (value.tensor,), output, quant.as_signed)
    rounded = node.draft.add(op, node.draft.shapes[value.tensor])
    return replace(value, tensor=rounded, name=node.name, output=node.output, quant=quant, raw=True)


def _quantized_constant(node: Node, values: Array) -> Value:
    """The integers that float weights become (training tools quantize them in the model)."""
    kind = _wanted_type(node)
    scale, zero = _broadcast(node, values.shape)
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    safe = np.where(scale == 0, 1, scale)
    integers = np.clip(np.rint(values / safe) + zero, low, high).astype(kind)
    return Value(integers.shape, array=integers, name=node.name, output=node.output)


def dequantize_linear(node: Node) -> Value:
    value = node.any_value(0)
    if value.array is not None:
        return _dequantized_constant(node, value.array)
    if not value.raw:
        raise UnsupportedError("expected integers: an input, a constant or a QuantizeLinear")
    quant = _format(node, value)
    if not isinstance(quant.scale, float):
        raise UnsupportedError("activations must have 8 bits and one scale")
    if value.quant is None:
        if quant.width_bits != 8:
            raise UnsupportedError("an input of integers must have 8 bits and one scale")
        if node.draft.given.setdefault(value.tensor, quant) != quant:
            raise UnsupportedError(f"input '{value.tensor}' is dequantized in two ways")
        return replace(value, raw=False)
    # The integers stand for other values than those that were rounded.
    scale = quant.scale / value.quant.scalar_scale
    shift = quant.scale * (value.quant.zero_point - quant.zero_point)
    function = affine(value.function, scale, shift)
    made = replace(value, raw=False, quant=None, function=function)
    return made if function == value.function else replace(made, name=node.name, output=node.output)


def _dequantized_constant(node: Node, integers: Array) -> Value:
    scale, zero = _broadcast(node, integers.shape)
    centred = integers.astype(np.int64) - zero
    values = (centred * scale).astype(np.float32)
    scales = node.array(1).astype(np.float32)
    grid = None
    # On a grid of int8, if there is one scale for all or for each output.
    if scales.ndim < 2 and scales.size and -128 <= centred.min() <= centred.max() <= 127:
        whole = np.where(scales == 0, 1, scales).reshape(-1)
        grid = Quant(8, True, float(whole[0]) if whole.size == 1 else tuple(map(float, whole)), 0)
    return Value(values.shape, array=values, name=node.name, output=node.output, quant=grid)


def _broadcast(node: Node, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Scales (a pruned channel may have 0) and zero points for constants of `shape`: one of each,
    one per index of `axis`, or one per block along it."""
    scale: Array = node.array(1).astype(np.float32)
    zero: Array = node.array(2).astype(np.int64) if node.has(2) else np.zeros(1, np.int64)
    if scale.size == 0 or scale.min() < 0 or zero.size not in (1, scale.size):
        raise UnsupportedError("scales must be from 0, with a zero point for each")
    if scale.size == 1 and len(shape) != scale.ndim:
        return scale.reshape(()), zero.reshape(())
    zero = np.broadcast_to(zero.reshape(-1), scale.size).reshape(scale.shape)
    axis = axis_of(node, node.any_value(0), 1)
    block = int(node.attributes.get("block_size", 0))
    if block and scale.ndim == len(shape):
        scale, zero = (np.repeat(part, block, axis) for part in (scale, zero))
        cut = tuple(slice(size) for size in shape)
        scale, zero = scale[cut], zero[cut]
    elif scale.ndim == 1:
        places = [-1 if i == axis else 1 for i in range(len(shape))]
        scale, zero = scale.reshape(places), zero.reshape(places)
    if scale.ndim != len(shape) or scale.shape[axis] not in (1, shape[axis]):
        raise UnsupportedError(f"scales of shape {list(scale.shape)} for constants {list(shape)}")
    return scale, zero


def _format(node: Node, value: Value) -> Quant:
    """The integer format of a QuantizeLinear or DequantizeLinear of a tensor."""
    scales = node.array(1).astype(np.float32).reshape(-1)
    if scales.size == 0 or scales.min() <= 0:
        raise UnsupportedError("scales must be above 0")
    if int(node.attributes.get("block_size", 0)):
        raise UnsupportedError("block_size must be 0")
    kind = _integer_type(node, value)
    if kind.kind not in "iu":
        raise UnsupportedError(f"integers must be int8, uint8 or int32, got {kind}")
    zeros = node.array(2).reshape(-1) if node.has(2) else np.zeros(1, np.int64)
    scale = float(scales[0]) if scales.size == 1 else tuple(map(float, scales))
    return Quant(8 * kind.itemsize, kind.kind == "i", scale, int(zeros[0]))


def on_integers(build: Callable[[Node], Value]) -> Callable[[Node], Value]:
    """`build`, which gives some of the values that it takes, also for integers of a tensor (between
    a QuantizeLinear and its DequantizeLinear): all must be of one format."""

    def taken(node: Node) -> Value:
        values = [value for value in node.inputs if value is not None and value.raw]
        formats = {value.quant for value in values}
        if not values or None in formats or len(formats) != 1:
            return build(node)
        real = [
            replace(value, raw=False, quant=None) if value is not None and value.raw else value
            for value in node.inputs
        ]
        made = build(replace(node, inputs=tuple(real)))
        return replace(made, raw=True, quant=formats.pop())

    return taken


def resize_integers(node: Node) -> Value:
    """A Resize; the nearest values also of integers."""
    if node.attributes.get("mode", "nearest") == "nearest":
        return on_integers(resize)(node)
    return resize(node)


def clip(node: Node) -> Value:
    """A Clip of values; or of integers, in whose format its bounds are."""
    value = node.any_value(0)
    if not value.raw or value.quant is None:
        return clip_node(node)
    quant = value.quant
    bounds: list[Value | None] = []
    for position, default in ((1, quant.low), (2, quant.high)):
        bound = int(node.array(position).item()) if node.has(position) else default
        real = quant.dequantize(np.array(bound))
        bounds.append(Value((), array=real.astype(np.float32)))
    real_input = replace(value, raw=False, quant=None)
    made = clip_node(replace(node, opset=13, inputs=(real_input, *bounds)))
    return replace(made, raw=True, quant=quant)


def _integer_type(node: Node, value: Value) -> np.dtype[Any]:
    """The type of the integers: those that are there, or those that a QuantizeLinear writes."""
    if value.array is not None:
        return value.array.dtype
    if value.raw:
        quant = value.quant
        signed = node.draft.signed[value.tensor] if quant is None else quant.signed
        width = 8 if quant is None else quant.width_bits
        return np.dtype(f"{'i' if signed else 'u'}{width // 8}")
    return _wanted_type(node)


def _wanted_type(node: Node) -> np.dtype[Any]:
    """The type that a QuantizeLinear writes: that of its zero point, or `output_dtype`, or uint8,
    ONNX's default."""
    asked = int(node.attributes.get("output_dtype", 0))
    wanted = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(asked)) if asked else None
    found = node.array(2).dtype if node.has(2) else wanted or np.dtype(np.uint8)
    if wanted not in (None, found):
        raise UnsupportedError(f"output_dtype is {wanted}, its zero point {found}")
    return found


def cast(node: Node) -> Value:
    value = node.any_value(0)
    target = int(node.attributes.get("to", 1))
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(target))
    if value.array is not None:
        array = value.array.astype(dtype)
        return Value(array.shape, array=array, name=node.name, output=node.output)
    if dtype.kind == "f":
        if not value.raw:
            return value
        if value.quant is None:
            return _cast_input(node, value)
        function = affine(
            value.function, 1 / value.quant.scalar_scale, float(value.quant.zero_point)
        )
        same = function == value.function
        made = replace(value, raw=False, quant=None, function=function)
        return made if same else replace(made, name=node.name, output=node.output)
    if not value.raw:
        return _cast_rounded(node, value, dtype)
    if value.quant == POSITIONS and dtype.kind in "iu" and dtype.itemsize > 1:
        return replace(value, quant=Quant(8 * dtype.itemsize, dtype.kind == "i", 1.0, 0))
    found = _integer_type(node, value)
    if dtype.kind in "iu" and np.can_cast(found, dtype):
        return value
    if value.quant is None or dtype.kind not in "iu" or dtype.itemsize != 1:
        raise UnsupportedError(f"casts {found} to {dtype}; expected a type that holds all of it")
    return _cast_wrapped(node, value, value.quant, signed=dtype.kind == "i")


def _cast_wrapped(node: Node, value: Value, quant: Quant, *, signed: bool) -> Value:
    """8-bit integers as those of the other signedness with the same bits."""
    integers = affine(value.function, 1 / quant.scalar_scale, float(quant.zero_point))
    integers = ("round", integers)
    # 1 for what does not fit: above 127, or below 0.
    side = affine(integers, 1.0, -127.5) if signed else affine(integers, -1.0, -0.5)
    outside = clip_function(("sign", side), 0.0, 1.0)
    wrapped = ("add", integers, ("mul", outside, -256.0 if signed else 256.0))
    made = replace(value, function=wrapped, name=node.name, output=node.output)
    return replace(made, quant=Quant(8, signed, 1.0, 0))


def _cast_rounded(node: Node, value: Value, dtype: np.dtype[Any]) -> Value:
    """A tensor that is rounded and clamped to 8 bits by hand (Round, Clip, Cast); or positions."""
    made_by = next((op for op in node.draft.ops if op.output == value.tensor), None)
    if isinstance(made_by, TopK) and made_by.positions and value.function == X:
        quant = Quant(8 * dtype.itemsize, dtype.kind == "i", 1.0, 0)
        return replace(value, raw=True, quant=quant)
    bounds = as_clip(value.function)
    rounded = bounds is not None and bounds[0][0] == "round"
    if dtype.kind not in "iu" or dtype.itemsize != 1 or bounds is None or not rounded:
        raise UnsupportedError(f"casts a tensor to {dtype}; expected a float type")
    quant = Quant(8, dtype.kind == "i", 1.0, 0)
    if not quant.low <= bounds[1] <= bounds[2] <= quant.high:
        raise UnsupportedError(f"casts values from {bounds[1]} to {bounds[2]} to {dtype}")
    unit = Value((), array=np.array(1, np.float32))
    zero = Value((), array=np.array(0, dtype))
    return quantize_linear(replace(node, inputs=(value, unit, zero), attributes={}))


def _cast_input(node: Node, value: Value) -> Value:
    """An input of integers, taken as numbers."""
    quant = Quant(8, node.draft.signed[value.tensor], 1.0, 0)
    if node.draft.given.setdefault(value.tensor, quant) != quant:
        raise UnsupportedError(f"input '{value.tensor}' is dequantized in two ways")
    return replace(value, raw=False)
