"""ONNX file -> Graph. The only module that opens an ONNX file."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import numpy_helper

from hwmap.errors import ModelError, UnsupportedOperatorError
from hwmap.frontend.node import Imported, Node, UnsupportedError, Value, ir_shape
from hwmap.frontend.operators import OPERATORS
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Op
from hwmap.ir.types import Array, Constant, Tensor
from hwmap.ir.verify import verify

Problem = tuple[str, str]
"""A node's name, and why it cannot be imported."""


@dataclass(frozen=True)
class ModelFile:
    """An ONNX file: its name, its operators with their counts, and the graph, or, where nodes are
    not supported, every such node with the reason."""

    name: str
    operators: dict[str, int]
    graph: Graph | None
    problems: tuple[Problem, ...]


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
    proto = _load(path)
    opset = next(
        (entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), 1
    )
    values = {init.name: _initializer(init, path) for init in proto.graph.initializer}
    nodes = _needed_nodes(proto.graph)
    read = {name for node in nodes for name in node.input} | {
        out.name for out in proto.graph.output
    }
    inputs = [
        _input(info, path)
        for info in proto.graph.input
        if info.name not in values and info.name in read
    ]
    values |= {value.name: value for value in inputs}
    if not inputs:
        raise ModelError(f"{path}: no output depends on an input; expected a network")
    problems = [
        (info.name, f"the input must be FLOAT, got {_type_name(info)}")
        for info in proto.graph.input
        if info.name in {value.name for value in inputs}
        and info.type.tensor_type.elem_type != onnx.TensorProto.FLOAT
    ]
    ops: list[Op] = []
    constants: dict[str, Array] = {}
    for node, name in zip(nodes, _node_names(nodes), strict=True):
        result = _import(node, name, values, opset, problems)
        if result is None:
            continue
        values[node.output[0]] = Value(node.output[0], result.shape, result.array)
        constants |= result.constants
        if result.op is not None:
            ops.append(result.op)
    operators = dict(sorted(Counter(node.op_type for node in proto.graph.node).items()))
    name = Path(path).stem
    if problems:
        return ModelFile(name, operators, None, tuple(problems))
    outputs = list(dict.fromkeys(out.name for out in proto.graph.output))
    graph = _graph(name, inputs, outputs, ops, values, constants)
    return ModelFile(name, operators, graph, ())


def unsupported_message(problems: Iterable[Problem]) -> str:
    """One line that names every problem, and under each problem every node that has it."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in problems:
        by_reason.setdefault(reason, []).append(f"'{name}'")
    parts = [
        f"node{'s' if len(names) > 1 else ''} {', '.join(names)}: {reason}"
        for reason, names in by_reason.items()
    ]
    return f"{'; '.join(parts)} (supported operators: {', '.join(sorted(OPERATORS))})"


def _load(path: Path) -> onnx.ModelProto:
    try:
        if not path.is_file():
            found = "a directory" if path.is_dir() else "no such file"
            raise ModelError(f"{path}: {found}; expected an ONNX model")
        proto = onnx.load(path)
        onnx.checker.check_model(proto)
    except (DecodeError, onnx.checker.ValidationError, ValueError, OSError, TypeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{path}: not a valid ONNX model ({reason})") from error
    return proto


def _needed_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes that the outputs depend on, in the file's order."""
    needed = {out.name for out in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    return kept[::-1]


def _initializer(init: onnx.TensorProto, path: Path) -> Value:
    try:
        array = numpy_helper.to_array(init)
    except (ValueError, TypeError) as error:
        raise ModelError(f"{path}: initializer '{init.name}' is damaged ({error})") from error
    return Value(init.name, array.shape, array)


def _input(info: onnx.ValueInfoProto, path: Path) -> Value:
    kind = info.type.tensor_type
    sizes = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in kind.shape.dim]
    if sizes and sizes[0] == 0:
        sizes[0] = 1
    if not sizes or sizes[0] != 1 or min(sizes) < 1 or len(sizes) not in (2, 4):
        raise ModelError(
            f"{path}: input '{info.name}' must have shape [1, C, H, W] or [1, C] with every size"
            f" given, got {[dim.dim_param or dim.dim_value for dim in kind.shape.dim]}"
        )
    return Value(info.name, tuple(sizes))


def _type_name(info: onnx.ValueInfoProto) -> str:
    return str(onnx.TensorProto.DataType.Name(info.type.tensor_type.elem_type))


def _node_names(nodes: Iterable[onnx.NodeProto]) -> list[str]:
    """A unique name per node: its own, or else its output's."""
    taken: set[str] = set()
    names = []
    for node in nodes:
        plain = node.name or (node.output[0] if node.output else node.op_type)
        tries = (plain if i == 0 else f"{plain}#{i}" for i in count())
        names.append(next(name for name in tries if name not in taken))
        taken.add(names[-1])
    return names


def _import(
    node: onnx.NodeProto, name: str, values: dict[str, Value], opset: int, problems: list[Problem]
) -> Imported | None:
    """What `node` becomes, or None with the reason added to `problems`. A node that only reads
    what an unsupported node would have written is no problem of its own."""
    if node.op_type not in OPERATORS or node.domain not in ("", "ai.onnx"):
        problems.append((name, f"operator '{node.op_type}' is not supported"))
        return None
    if any(source and source not in values for source in node.input):
        return None
    if len([out for out in node.output if out]) > 1:
        problems.append((name, f"only the first output of {node.op_type} is supported"))
        return None
    attributes = {item.name: _attribute(item) for item in node.attribute}
    inputs = tuple(values[source] if source else None for source in node.input)
    try:
        view = Node(name, node.op_type, opset, inputs, node.output[0], attributes)
        result = OPERATORS[node.op_type](view)
        if result.op is not None:
            ir_shape(result.shape)
        return result
    except UnsupportedError as error:
        problems.append((name, f"{node.op_type}: {error}"))
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        problems.append((name, f"{node.op_type}: malformed ({type(error).__name__}: {error})"))
    return None


def _attribute(item: onnx.AttributeProto) -> object:
    value = onnx.helper.get_attribute_value(item)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return list(value) if item.ints or item.floats else value


def _graph(
    name: str,
    inputs: list[Value],
    outputs: list[str],
    ops: list[Op],
    values: dict[str, Value],
    constants: dict[str, Array],
) -> Graph:
    for output in outputs:
        if output not in values or values[output].array is not None:
            raise ModelError(f"output '{output}' is not computed from the model's inputs")
    tensors = [value.name for value in inputs] + [op.output for op in ops]
    graph = Graph(
        name,
        tuple(value.name for value in inputs),
        tuple(outputs),
        tuple(ops),
        {tensor: Tensor(tensor, ir_shape(values[tensor].shape)) for tensor in tensors},
        {key: Constant(np.ascontiguousarray(array)) for key, array in constants.items()},
    )
    return verify(graph, "the ONNX reader")
