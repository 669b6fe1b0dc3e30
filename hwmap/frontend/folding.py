"""Nodes that compute constants: shapes, and arithmetic on them."""

from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from hwmap.frontend.node import (
    MOST_CONSTANT_ELEMENTS,
    Node,
    UnsupportedError,
    Value,
    check_size,
)
from hwmap.ir.types import Array

MOST_FOLDED_ELEMENTS = 1 << 24
"""Arithmetic is folded on constants of at most so many values."""

ARITHMETIC = frozenset(
    """
    Abs Add And Ceil Clip Cos Div Equal Erf Exp Floor Greater GreaterOrEqual Less LessOrEqual Log
    Max Min Mod Mul Neg Not Or Pow ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd
    ReduceSum ReduceSumSquare Reciprocal Relu Round
    ScatterND Sigmoid Sin Sqrt Sub Sum Tanh Trilu Where
    """.split()  # noqa: SIM905 - fifty quoted names are harder to read
)
"""Operators that onnx itself evaluates where all inputs are constants; none makes its output much
larger than its inputs, but by broadcasting, which is checked."""


def folded(node: Node) -> Value:
    """An operator of ARITHMETIC on constants."""
    arrays = [None if v is None else v.array for v in node.inputs]
    given = [array for array in arrays if array is not None]
    try:
        size = np.broadcast_shapes(*(array.shape for array in given))
    except ValueError:
        size = max((array.shape for array in given), key=lambda s: int(np.prod(s)))
    check_size([max(n, 1) for n in size], MOST_FOLDED_ELEMENTS)
    names = ["" if array is None else f"i{i}" for i, array in enumerate(arrays)]
    attributes: dict[str, Any] = dict(node.attributes)
    proto = onnx.helper.make_node(node.kind, names, ["out"], **attributes)
    graph = onnx.helper.make_graph(
        [proto],
        "folded",
        [
            onnx.helper.make_tensor_value_info(
                name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
            )
            for name, array in zip(names, arrays, strict=True)
            if array is not None
        ],
        [onnx.helper.make_tensor_value_info("out", onnx.TensorProto.UNDEFINED, None)],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", node.opset)])
    feeds = {name: a for name, a in zip(names, arrays, strict=True) if a is not None}
    try:
        with np.errstate(all="ignore"):
            (result,) = ReferenceEvaluator(model).run(None, feeds)
    except Exception as error:  # onnx.reference raises whatever its numpy code raises
        raise UnsupportedError(f"cannot be computed on its constants ({error})") from error
    return _constant(node, np.asarray(result))


def _constant(node: Node, array: Array) -> Value:
    return Value(array.shape, array=array, name=node.name, output=node.output)


def constant(node: Node) -> Value:
    kinds = {"value": None, "value_float": "f4", "value_floats": "f4", "value_int": "i8"}
    for name, dtype in (kinds | {"value_ints": "i8"}).items():
        if name in node.attributes:
            return _constant(node, np.asarray(node.attributes[name], dtype))
    raise UnsupportedError(f"needs one of {', '.join(kinds)}, value_ints")


def constant_of_shape(node: Node) -> Value:
    shape = tuple(int(size) for size in node.array(0).reshape(-1))
    check_size([size or 1 for size in shape], MOST_CONSTANT_ELEMENTS)
    value = np.asarray(node.attributes.get("value", np.zeros(1, np.float32))).reshape(-1)
    if value.size != 1:
        raise UnsupportedError(f"value must be one number, got {value.size}")
    # A view: the many equal values of a huge constant take no memory.
    return _constant(node, np.broadcast_to(value[0], shape))


def shape_of(node: Node) -> Value:
    shape = node.any_value(0).shape
    start, end = node.attributes.get("start", 0), node.attributes.get("end", len(shape))
    return _constant(node, np.array(shape[int(start) : int(end)], np.int64))


def size_of(node: Node) -> Value:
    return _constant(node, np.array(int(np.prod(node.any_value(0).shape)), np.int64))


def range_of(node: Node) -> Value:
    start, limit, delta = (node.array(i).item() for i in range(3))
    if delta == 0 or abs((limit - start) / delta) > MOST_FOLDED_ELEMENTS:
        raise UnsupportedError(f"from {start} to {limit} by {delta} is too long")
    return _constant(node, np.arange(start, limit, delta, dtype=node.array(0).dtype))
