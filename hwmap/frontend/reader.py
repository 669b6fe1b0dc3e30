"""ONNX file -> Graph. The only module that opens an ONNX file."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.inliner
from onnx import numpy_helper

from hwmap.errors import ModelError, UnsupportedOperatorError
from hwmap.frontend.file import load_proto
from hwmap.frontend.node import (
    MOST_ELEMENTS,
    Draft,
    Node,
    UnsupportedError,
    Value,
    as_map,
    check_size,
    ir_shape,
)
from hwmap.frontend.operators import SUPPORTED, import_node, is_supported
from hwmap.frontend.writer import FACTORS_KEY
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Conv, Reshape
from hwmap.ir.types import Array, Constant, Tensor
from hwmap.ir.verify import verify

Refusal = tuple[str, str]
"""A node's name, and why it cannot be imported."""

MALFORMED = (
    ArithmeticError,
    AttributeError,
    IndexError,
    KeyError,
    MemoryError,
    NotImplementedError,
    TypeError,
    ValueError,
)
"""What onnx and numpy raise for values that no valid model has."""

OLDEST_OPSET = 7
STANDARD = ("", "ai.onnx")
SAME_MEANING = {
    ("com.microsoft", "Gelu"),
    ("com.microsoft", "QuantizeLinear"),
    ("com.microsoft", "DequantizeLinear"),
}
"""Operators of other domains that mean what the standard ones of their name mean."""
INPUT_TYPES: dict[int, bool | None] = {
    onnx.TensorProto.FLOAT: None,
    onnx.TensorProto.FLOAT16: None,
    onnx.TensorProto.INT8: True,
    onnx.TensorProto.UINT8: False,
}
"""Types of an input that is read, and for integers whether they are signed."""
FOUR_BITS: dict[int, type[np.integer[Any]]] = {
    onnx.TensorProto.INT4: np.int8,
    onnx.TensorProto.UINT4: np.uint8,
}
"""Types that are widened to 8 bits."""
REMEDIES = {
    "DynamicQuantizeLinear": ", its scale changes with every image; quantize the model statically"
    " (onnxruntime.quantization.quantize_static)",
}
"""What to do about operators that cannot be supported."""


@dataclass(frozen=True)
class ModelFile:
    """An ONNX file: its name, its operators with their counts, and the graph, or, where nodes are
    not supported, every such node with the reason."""

    name: str
    operators: dict[str, int]
    graph: Graph | None
    problems: tuple[Refusal, ...]


def read_model(path: Path) -> Graph:
    """The network in the ONNX file `path`, every op as it stands there (no pass has run).

    Raises:
        ModelError: the file is no ONNX file, or the model is broken.
        UnsupportedOperatorError: nodes that hwmap cannot import; all are named.
    """
    model = inspect_model(path)
    if model.graph is None:
        raise UnsupportedOperatorError(f"{path}: {unsupported_message(model.problems)}")
    return model.graph


def inspect_model(path: Path) -> ModelFile:
    """As `read_model`, but unsupported nodes are listed in the result instead of raised."""
    proto = load_proto(path)
    opset = next(
        (entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), 1
    )
    if opset < OLDEST_OPSET:
        raise ModelError(
            f"{path}: opset {opset}; expected {OLDEST_OPSET} or newer; convert it with"
            " onnx.version_converter"
        )
    values = {init.name: _initializer(init, path) for init in proto.graph.initializer}
    nodes = _needed_nodes(proto.graph)
    reads = Counter(name for node in nodes for name in _names_read(node))
    reads.update(out.name for out in proto.graph.output)
    draft = Draft()
    draft.tensors |= {name for node in proto.graph.node for name in _names_written(node)}
    problems: list[Refusal] = []
    infos = [info for info in proto.graph.input if info.name not in values and reads[info.name]]
    inputs = [_input(info, path, draft, problems) for info in infos]
    if not inputs:
        raise ModelError(f"{path}: no output depends on an input; expected a network")
    values |= {value.tensor: value for value in inputs}
    for node in nodes:
        _import(node, values, opset, draft, reads, problems)
    operators = dict(sorted(Counter(node.op_type for node in proto.graph.node).items()))
    name = Path(path).stem
    outputs = list(dict.fromkeys(out.name for out in proto.graph.output))
    if not problems:
        problems += [problem for out in outputs for problem in _output(out, values, draft)]
    if problems:
        return ModelFile(name, operators, None, tuple(problems))
    shapes = {name: values[name].shape for name in (*(v.tensor for v in inputs), *outputs)}
    half = {info.name for info in (*infos, *proto.graph.output) if _is_half(info)}
    graph = _with_factors(_graph(name, inputs, outputs, draft, shapes, half), proto)
    graph = replace(graph, free_batch=any(map(_has_free_batch, infos)))
    return ModelFile(name, operators, graph, ())


def _with_factors(graph: Graph, proto: onnx.ModelProto) -> Graph:
    """`graph` with the convolutions marked that `export_float` wrote as factors."""
    entry = next((item.value for item in proto.metadata_props if item.key == FACTORS_KEY), "")
    factors = set(entry.split("\n"))
    ops = (
        replace(op, factor=True) if isinstance(op, Conv) and op.name in factors else op
        for op in graph.ops
    )
    return replace(graph, ops=tuple(ops))


def unsupported_message(problems: Iterable[Refusal]) -> str:
    """One line that names every problem, and under each problem every node that has it."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in problems:
        by_reason.setdefault(reason, []).append(f"'{name}'")
    parts = [
        f"node{'s' if len(names) > 1 else ''} {', '.join(names)}: {reason}"
        for reason, names in by_reason.items()
    ]
    text = "; ".join(parts)
    if any(reason.startswith("operator ") for reason in by_reason):
        return f"{text} (supported operators: {', '.join(SUPPORTED)})"
    return text


def _needed_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes that the outputs depend on, in the file's order."""
    needed = {out.name for out in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(_names_read(node))
            kept.append(node)
    return kept[::-1]


def _branches(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    return [item.g for item in node.attribute if item.type == onnx.AttributeProto.GRAPH]


def _names_read(node: onnx.NodeProto) -> list[str]:
    """What a node reads, its branches included."""
    inner = [inner for branch in _branches(node) for inner in branch.node]
    outputs = [out.name for branch in _branches(node) for out in branch.output]
    return [*node.input, *(name for item in inner for name in _names_read(item)), *outputs]


def _names_written(node: onnx.NodeProto) -> list[str]:
    inner = [inner for branch in _branches(node) for inner in branch.node]
    return [*filter(None, node.output), *(name for item in inner for name in _names_written(item))]


def _initializer(init: onnx.TensorProto, path: Path) -> Value:
    try:
        array = numpy_helper.to_array(init)
    except MALFORMED as error:
        raise ModelError(f"{path}: initializer '{init.name}' is damaged ({error})") from error
    if init.data_type in FOUR_BITS:
        array = array.astype(FOUR_BITS[init.data_type])
    return Value(array.shape, array=array, name=init.name, output=init.name)


def _has_free_batch(info: onnx.ValueInfoProto) -> bool:
    sizes = info.type.tensor_type.shape.dim
    return bool(sizes) and not sizes[0].HasField("dim_value")


def _is_half(info: onnx.ValueInfoProto) -> bool:
    return bool(info.type.tensor_type.elem_type == onnx.TensorProto.FLOAT16)


def _input(info: onnx.ValueInfoProto, path: Path, draft: Draft, problems: list[Refusal]) -> Value:
    kind = info.type.tensor_type
    sizes = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in kind.shape.dim]
    if _has_free_batch(info):
        sizes[0] = 1
    try:
        check_size([*sizes], MOST_ELEMENTS)
        shape = ir_shape(sizes)
    except UnsupportedError as error:
        found = [dim.dim_param or dim.dim_value for dim in kind.shape.dim]
        fixed = all(isinstance(size, int) and size > 0 for size in found)
        remedy = "" if fixed else "; fix it with onnxruntime.tools.make_dynamic_shape_fixed"
        if fixed and found and found[0] != 1:
            remedy = "; export it for a batch of 1, or of any size"
        raise ModelError(
            f"{path}: input '{info.name}' must have shape [1, C, H, W], [1, C, L] or [1, C] with"
            f" every size given, got {found}{remedy}"
        ) from error
    draft.shapes[info.name] = shape
    draft.tensors.add(info.name)
    signed = INPUT_TYPES.get(kind.elem_type)
    if kind.elem_type not in INPUT_TYPES:
        found_type = onnx.TensorProto.DataType.Name(kind.elem_type)
        problems.append(
            (info.name, f"the input must be FLOAT, FLOAT16, INT8 or UINT8, got {found_type}")
        )
    elif signed is not None:
        draft.signed[info.name] = signed
    return Value(
        tuple(sizes), tensor=info.name, name=info.name, output=info.name, raw=signed is not None
    )


def _import(
    proto: onnx.NodeProto,
    values: dict[str, Value],
    opset: int,
    draft: Draft,
    reads: Mapping[str, int],
    problems: list[Refusal],
) -> None:
    """Add what `proto` computes to `values`, or the reason why not to `problems`. A node that only
    reads what an unsupported node would have written is no problem of its own."""
    outputs = tuple(proto.output)
    name = draft.node_name(proto.name or next((out for out in outputs if out), proto.op_type))
    standard = proto.domain in STANDARD or (proto.domain, proto.op_type) in SAME_MEANING
    lost = any(source and source not in values for source in proto.input)
    if lost and standard and proto.op_type in SUPPORTED:
        return
    inputs = tuple(values.get(source) for source in proto.input)
    if proto.op_type == "If" and standard:
        _import_branch(proto, name, values, opset, draft, reads, problems)
        return
    if lost or not standard or not is_supported(proto.op_type, inputs):
        of = "" if proto.domain in STANDARD else f" of domain '{proto.domain}'"
        remedy = REMEDIES.get(proto.op_type, "")
        problems.append((name, f"operator '{proto.op_type}'{of} is not supported{remedy}"))
        return
    extra = [out for out in outputs[1:] if out and reads[out]]
    if extra and proto.op_type not in ("Split", "TopK"):
        problems.append((name, f"only the first output of {proto.op_type} is supported"))
        return
    try:
        node = Node(
            name,
            proto.op_type,
            opset,
            inputs,
            outputs,
            {item.name: _attribute(item) for item in proto.attribute},
            draft,
            shared=reads[outputs[0]] > 1,
        )
        values |= zip(outputs, import_node(node), strict=False)
    except UnsupportedError as error:
        problems.append((name, f"{proto.op_type}: {error}"))
    except MALFORMED as error:
        problems.append((name, f"{proto.op_type}: malformed ({type(error).__name__}: {error})"))


def _import_branch(
    proto: onnx.NodeProto,
    name: str,
    values: dict[str, Value],
    opset: int,
    draft: Draft,
    reads: Mapping[str, int],
    problems: list[Refusal],
) -> None:
    """The nodes of the branch that an If with a constant condition takes."""
    condition = values.get(proto.input[0])
    if condition is None or condition.array is None or condition.array.size != 1:
        problems.append((name, "If: its condition must be a constant; export a fixed shape"))
        return
    wanted = "then_branch" if condition.array.item() else "else_branch"
    branch = next(item.g for item in proto.attribute if item.name == wanted)
    values |= {init.name: _initializer(init, Path(name)) for init in branch.initializer}
    for node in branch.node:
        _import(node, values, opset, draft, reads, problems)
    for output, inner in zip(proto.output, branch.output, strict=True):
        if inner.name in values:
            values[output] = values[inner.name]


def _attribute(item: onnx.AttributeProto) -> object:
    value = onnx.helper.get_attribute_value(item)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return list(value) if item.ints or item.floats else value


def _output(name: str, values: Mapping[str, Value], draft: Draft) -> list[Refusal]:
    """Make a tensor called `name` of a graph output, in whatever shape: the order of its values is
    the network's. Returns the problem if it cannot be."""
    value = values.get(name)
    if value is None or value.array is not None:
        return [(name, "the output is not computed from the model's inputs")]
    if value.raw and value.quant is None:
        return [(name, "the output is an input of integers")]
    if value.raw and value.quant is not None:
        draft.given[name] = value.quant
    if value.is_plain and value.tensor == name:
        return []
    try:
        tensor = draft.as_tensor(as_map(value))
    except UnsupportedError as error:
        return [(name, str(error))]
    if tensor != name:
        draft.add(Reshape(draft.name(f"{name}/output"), (tensor,), name), draft.shapes[tensor])
    return []


def _graph(
    name: str,
    inputs: list[Value],
    outputs: list[str],
    draft: Draft,
    host_shapes: Mapping[str, tuple[int, ...]],
    half: set[str],
) -> Graph:
    tensors = [value.tensor for value in inputs] + [op.output for op in draft.ops]
    graph = Graph(
        name,
        tuple(value.tensor for value in inputs),
        tuple(outputs),
        tuple(draft.ops),
        {
            t: Tensor(
                t,
                draft.shapes[t],
                given=draft.given.get(t),
                host_shape=host_shapes.get(t, ()),
                half=t in half,
            )
            for t in tensors
        },
        {
            key: Constant(_contiguous(array), draft.grids.get(key))
            for key, array in draft.constants.items()
        },
    )
    return verify(graph, "the ONNX reader")


def _contiguous(array: Array) -> Array:
    """A copy that nobody else holds, but for the many equal values of a broadcast constant."""
    if array.ndim and 0 in array.strides and array.size > 1:
        return array
    return np.array(array)
