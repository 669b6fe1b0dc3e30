"""The QOperator format: each quantized operator as DequantizeLinear, the operator, QuantizeLinear.

QLinearConv and QLinearMatMul are ONNX's, the others those of onnxruntime (`com.microsoft`; its
operator documentation has the order of the inputs).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from hwmap.ir.types import Array


@dataclass(frozen=True)
class _Form:
    """A quantized operator: the `kind` that it is of floats, where each operand is (followed by its
    scale and zero point), where the output's scale is, and where a bias of int32 is."""

    kind: str
    operands: tuple[int, ...]
    result: int
    bias: int | None = None


FORMS = {
    "QLinearConv": _Form("Conv", (0, 3), 6, 8),
    "QLinearMatMul": _Form("MatMul", (0, 3), 6),
    "QGemm": _Form("Gemm", (0, 3), 7, 6),
    "QLinearAdd": _Form("Add", (0, 3), 6),
    "QLinearMul": _Form("Mul", (0, 3), 6),
    **{
        f"QLinear{kind}": _Form(kind, (0,), 3)
        for kind in ("AveragePool", "GlobalAveragePool", "LeakyRelu", "Sigmoid", "Softmax")
    },
    "QLinearReduceMean": _Form("ReduceMean", (0,), 3),
}


def expand_qoperators(proto: onnx.ModelProto) -> None:
    """Write the quantized operators of a model as float ones between grids. What cannot be is left,
    and refused by its name."""
    graph = proto.graph
    constants = {init.name: init for init in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        made = _expanded(node, constants)
        nodes += [node] if made is None else made[0]
        graph.initializer.extend([] if made is None else made[1])
    if len(nodes) != len(graph.node):
        copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
        del graph.node[:]
        graph.node.extend(copies)


Expanded = tuple[list[onnx.NodeProto], list[onnx.TensorProto]]


def _expanded(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> Expanded | None:
    inputs = list(node.input)
    own = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    if node.op_type == "QLinearConcat":
        form = _Form("Concat", tuple(range(2, len(inputs), 3)), 0)
    elif node.op_type in FORMS:
        form = FORMS[node.op_type]
    else:
        return None
    if own.pop("channels_last", 0) or max(form.operands) + 1 >= len(inputs):
        return None
    own.pop("opset", None)
    name = node.name or node.output[0]
    made = [
        helper.make_node(
            "DequantizeLinear",
            inputs[at : at + 3],
            [f"{name}/in{i}"],
            name=f"{name}/in{i}",
            axis=_axis(form.kind, own, constants.get(inputs[at])),
        )
        for i, at in enumerate(form.operands)
    ]
    read = [item.output[0] for item in made]
    extra = []
    if form.bias is not None and form.bias < len(inputs) and inputs[form.bias]:
        scale_names = [inputs[at + 1] for at in form.operands]
        arrays = [_array(constants, each) for each in (inputs[form.bias], *scale_names)]
        if any(array is None for array in arrays):
            return None
        bias, *scales = (np.asarray(array) for array in arrays)
        real = (bias * np.prod(np.broadcast_arrays(*map(np.ravel, scales)), axis=0)).astype("f")
        extra = [numpy_helper.from_array(real, f"{name}/bias")]
        read.append(f"{name}/bias")
    last = inputs[form.result : form.result + 2]
    rounded = bool(last) and bool(last[0])
    output = f"{name}/out" if rounded else node.output[0]
    made.append(helper.make_node(form.kind, read, [output], name=name, **own))
    if rounded:
        made.append(
            helper.make_node("QuantizeLinear", [output, *last], node.output, name=f"{name}/q")
        )
    return made, extra


def _array(constants: Mapping[str, onnx.TensorProto], name: str) -> Array | None:
    return numpy_helper.to_array(constants[name]) if name in constants else None


def _axis(kind: str, own: Mapping[str, object], constant: onnx.TensorProto | None) -> int:
    """The axis of the outputs of weights."""
    if constant is None:
        return 1
    if kind == "Conv" or (kind == "Gemm" and own.get("transB")):
        return 0
    return max(len(constant.dims) - 1, 0)
