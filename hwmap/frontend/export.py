"""Graph -> ONNX: a float graph as it stands, an integer graph with QuantizeLinear and
DequantizeLinear around every op.

Tensors keep their names and are [N, C, H, W], where N is 1 unless the network that they were read
from takes any number of images; inputs and outputs have its shapes and types.
"""

from collections.abc import Sequence

import onnx
from onnx import TensorProto, helper

from hwmap.frontend.write_ops import write_op
from hwmap.frontend.writer import FACTORS_KEY, Writer
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Conv, HardwareOp
from hwmap.ir.types import Quant, Tensor

OPSET = 13
IR_VERSION = 8


def export_float(graph: Graph) -> bytes:
    """A float graph as a serialized ONNX model. The names of the factors of decompositions are in
    its metadata, so that they are not decomposed again."""
    writer = Writer()
    inputs = [_input(writer, graph, name) for name in graph.inputs]
    _open_outputs(writer, graph)
    for name in graph.inputs:
        grid = graph.tensors[name].grid
        if grid is not None:
            writer.values[name] = _rounded(writer, writer.value(name), f"{name}:grid", grid)
    for op in graph.ops:
        grid = graph.tensors[op.output].grid
        if grid is None:
            write_op(writer, op, graph, writer.value(op.output))
            continue
        write_op(writer, op, graph, f"{op.output}:float")
        _rounded(writer, f"{op.output}:float", writer.value(op.output), grid)
    factors = [op.name for op in graph.ops if isinstance(op, Conv) and op.factor]
    return _model(writer, graph, inputs, _outputs(writer, graph), factors)


def _rounded(writer: Writer, source: str, output: str, quant: Quant) -> str:
    """`source` on the grid of `quant`."""
    return writer.dequantize(writer.quantize(source, f"{output}:q", quant), output, quant)


def export_integer(graph: Graph, host: Graph | None = None) -> bytes:
    """An integer graph, and the float ops that the host computes on its outputs, as a serialized
    QDQ model."""
    writer = Writer()
    whole = host or graph
    inputs = [_input(writer, graph, name) for name in graph.inputs]
    exact = {name: writer.value(name) for name in graph.inputs}
    for name, source in exact.items():
        tensor = graph.tensors[name]
        if tensor.given is None:
            writer.values[name] = _rounded(writer, source, f"{name}:value", tensor.integer)
    _open_outputs(writer, whole)
    for op in graph.ops:
        assert isinstance(op, HardwareOp)
        quant = graph.tensors[op.output].integer
        write_op(writer, op, graph, f"{op.output}:float")
        _rounded(writer, f"{op.output}:float", writer.value(op.output), quant)
    # The host has the inputs as they came.
    writer.values |= exact
    for op in () if host is None else host.ops:
        write_op(writer, op, whole, writer.value(op.output))
    return _model(writer, graph, inputs, _outputs(writer, whole))


def export_op(op: HardwareOp, graph: Graph) -> bytes:
    """One op of an integer graph as a model: int8 tensors "<name>:q" in and out."""
    writer = Writer()
    inputs = []
    for name in dict.fromkeys(op.inputs):
        shape = [1, *graph.shape(name)]
        inputs.append(helper.make_tensor_value_info(f"{name}:q", TensorProto.INT8, shape))
        writer.dequantize(f"{name}:q", name, graph.tensors[name].integer)
    write_op(writer, op, graph, f"{op.output}:float")
    result = f"{op.output}:q"
    writer.quantize(f"{op.output}:float", result, graph.tensors[op.output].integer)
    shape = [1, *graph.shape(op.output)]
    outputs = [helper.make_tensor_value_info(result, TensorProto.INT8, shape)]
    return _model(writer, graph, inputs, outputs)


def _model(
    writer: Writer,
    graph: Graph,
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    factors: Sequence[str] = (),
) -> bytes:
    constants = list(writer.constants.values())
    proto = helper.make_graph(writer.nodes, graph.name, inputs, outputs, constants)
    model = helper.make_model(
        proto,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="hwmap",
    )
    if factors:
        helper.set_model_props(model, {FACTORS_KEY: "\n".join(factors)})
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _host_shape(tensor: Tensor) -> list[int]:
    return list(tensor.host_shape or (1, *tensor.shape))


def _type(tensor: Tensor) -> int:
    if tensor.given is None:
        return int(TensorProto.FLOAT16 if tensor.half else TensorProto.FLOAT)
    kind = f"{'' if tensor.given.signed else 'U'}INT{tensor.given.width_bits}"
    return int(TensorProto.DataType.Value(kind))


def _info(graph: Graph, name: str) -> onnx.ValueInfoProto:
    """What is told of an input or output."""
    tensor = graph.tensors[name]
    images, *rest = _host_shape(tensor)
    free = graph.free_batch and images == 1
    return helper.make_tensor_value_info(name, _type(tensor), ["N" if free else images, *rest])


def _input(writer: Writer, graph: Graph, name: str) -> onnx.ValueInfoProto:
    """The graph input `name`, and the nodes that make values [N, C, H, W] of it."""
    tensor, inner = graph.tensors[name], name
    axes = tensor.host_axes or (0, 1, 2, 3)
    ordered = [(1, *tensor.shape)[axis] for axis in axes]
    if _host_shape(tensor) != ordered:
        inner = writer.reshape(name, f"{name}:map", ordered[1:], f"{name}:map")
    if tensor.host_axes:
        back = [axes.index(axis) for axis in range(4)]
        inner = writer.node("Transpose", [inner], f"{name}:order", f"{name}:order", perm=back)
    if tensor.given is not None:
        inner = writer.dequantize(inner, f"{name}:value", tensor.given)
    if tensor.half:
        inner = writer.cast(inner, f"{name}:float", TensorProto.FLOAT)
    writer.values[name] = inner
    return _info(graph, name)


def _open_outputs(writer: Writer, graph: Graph) -> None:
    """Give an inner name to the outputs that are not float32 [N, C, H, W]."""
    for name in graph.outputs:
        tensor = graph.tensors[name]
        if _type(tensor) != TensorProto.FLOAT or _host_shape(tensor) != [1, *tensor.shape]:
            writer.values[name] = f"{name}:map"


def _outputs(writer: Writer, graph: Graph) -> list[onnx.ValueInfoProto]:
    """The graph outputs, and the nodes that make them of the inner values."""
    infos = []
    for name in graph.outputs:
        tensor = graph.tensors[name]
        inner = writer.value(name)
        typed = name if _host_shape(tensor) == [1, *tensor.shape] else f"{name}:typed"
        if tensor.given is not None and tensor.given.width_bits == 8:
            inner = writer.quantize(inner, typed, tensor.given)
        elif tensor.given is not None or tensor.half:
            inner = writer.cast(inner, typed, _type(tensor))
        if _host_shape(tensor) != [1, *tensor.shape]:
            writer.reshape(inner, name, _host_shape(tensor)[1:], f"{name}:shape")
        infos.append(_info(graph, name))
    return infos
