"""QuantizeLinear, DequantizeLinear and Cast."""

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import onnx

from hwmap.frontend.node import Node, UnsupportedError, Value, axis_of
from hwmap.ir.ops import FakeQuant
from hwmap.ir.types import Array, Quant


def quantize_linear(node: Node) -> Value:
    """Round to the grid; a DequantizeLinear takes the integers back to values."""
    if node.is_constant(0):
        raise UnsupportedError("quantizes a constant; expected it to be quantized already")
    value = node.computed(0)
    quant = _format(node, value)
    if quant.width_bits != 8 or not isinstance(quant.scale, float):
        raise UnsupportedError("activations must have 8 bits and one scale")
    selected = value.index is not None and value.index.size != prod(node.draft.shapes[value.tensor])
    value = node.draft.settled(value, moves=selected)
    name, output = node.inner_names(value)
    op = FakeQuant(name, (value.tensor,), output, quant.as_signed)
    rounded = node.draft.add(op, node.draft.shapes[value.tensor])
    return replace(value, tensor=rounded, name=node.name, output=node.output, quant=quant, raw=True)


def dequantize_linear(node: Node) -> Value:
    value = node.any_value(0)
    quant = _format(node, value)
    if value.array is not None:
        return _dequantized_constant(node, value.array, quant)
    if not value.raw:
        raise UnsupportedError("expected integers: an input, a constant or a QuantizeLinear")
    if value.quant is not None and value.quant != quant:
        raise UnsupportedError("has another scale or zero point than the QuantizeLinear before it")
    if value.quant is None:
        if quant.width_bits != 8 or not isinstance(quant.scale, float):
            raise UnsupportedError("an input of integers must have 8 bits and one scale")
        if node.draft.given.setdefault(value.tensor, quant) != quant:
            raise UnsupportedError(f"input '{value.tensor}' is dequantized in two ways")
    return replace(value, raw=False, quant=None)


def _dequantized_constant(node: Node, integers: Array, quant: Quant) -> Value:
    scale = np.asarray(quant.scale, np.float32)
    zero = np.asarray(node.array(2) if node.has(2) else 0).astype(np.int64)
    if scale.ndim:
        axis = axis_of(node, node.any_value(0), 1)
        if integers.shape[axis] != len(scale):
            raise UnsupportedError(f"{len(scale)} scales for {integers.shape[axis]} channels")
        places = [-1 if i == axis else 1 for i in range(integers.ndim)]
        scale = scale.reshape(places)
        zero = zero.reshape(places) if zero.ndim else zero
    values = ((integers.astype(np.int64) - zero) * scale).astype(np.float32)
    grid = quant if not zero.any() and quant.width_bits == 8 else None
    return Value(values.shape, array=values, name=node.name, output=node.output, quant=grid)


def _format(node: Node, value: Value) -> Quant:
    """The integer format of a QuantizeLinear or DequantizeLinear."""
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


def _integer_type(node: Node, value: Value) -> np.dtype[Any]:
    """The type of the integers: those that are there, or that of the zero point, or what
    `output_dtype` says, or uint8, ONNX's default."""
    if value.array is not None:
        return value.array.dtype
    if value.raw:
        quant = value.quant
        signed = node.draft.signed[value.tensor] if quant is None else quant.signed
        width = 8 if quant is None else quant.width_bits
        return np.dtype(f"{'i' if signed else 'u'}{width // 8}")
    asked = int(node.attributes.get("output_dtype", 0))
    wanted = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(asked)) if asked else None
    found = node.array(2).dtype if node.has(2) else wanted or np.dtype(np.uint8)
    if wanted not in (None, found):
        raise UnsupportedError(f"output_dtype is {wanted}, its zero point {found}")
    return found


def cast(node: Node) -> Value:
    value = node.any_value(0)
    target = int(node.attributes.get("to", 1))
    dtype = onnx.helper.tensor_dtype_to_np_dtype(target)
    if value.array is not None:
        array = value.array.astype(dtype)
        return Value(array.shape, array=array, name=node.name, output=node.output)
    if np.dtype(dtype).kind != "f":
        raise UnsupportedError(f"casts a tensor to {dtype}; expected a float type")
    if not value.raw:
        return value
    if value.quant is not None:
        raise UnsupportedError("casts quantized values; expected a DequantizeLinear")
    return _cast_input(node, value)


def _cast_input(node: Node, value: Value) -> Value:
    """An input of integers, taken as numbers."""
    quant = Quant(8, node.draft.signed[value.tensor], 1.0, 0)
    if node.draft.given.setdefault(value.tensor, quant) != quant:
        raise UnsupportedError(f"input '{value.tensor}' is dequantized in two ways")
    return replace(value, raw=False)
