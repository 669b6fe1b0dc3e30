"""Models node by node, as other tools write them."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

X = (1, 3, 8, 8)
RNG = np.random.default_rng(0)


def model(
    path: Path,
    nodes: list[onnx.NodeProto],
    constants: dict[str, object],
    *outputs: str,
    shape: tuple[int, ...] = X,
    opset: int = 13,
    kind: int = TensorProto.FLOAT,
    made: int = TensorProto.FLOAT,
    **external: object,
) -> Path:
    """A model of one input x."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(name, made, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path, **external)
    return path


def node(kind: str, inputs: list[str], output: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(kind, inputs, [output], name=output, **attributes)


def conv(source: str = "x", output: str = "c") -> onnx.NodeProto:
    return node("Conv", [source, "w"], output, pads=[1] * 4)


class QdqModel:
    """Builds a QDQ model with int8 activations; every tensor has a scale that is a power of two."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.nodes: list = []
        self.constants: dict[str, np.ndarray] = {"zero": np.int8(0)}

    def constant(self, name: str, values: object) -> str:
        self.constants[name] = np.asarray(values)
        return name

    def node(self, kind: str, *inputs: str, name: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def grid(self, source: str, exponent: int, *, zero: int = 0) -> str:
        """`source` on the grid of 2**exponent."""
        scale = self.constant(f"2^{exponent}", np.float32(2.0**exponent))
        point = self.constant(f"zero{zero}", np.int8(zero))
        integers = self.node("QuantizeLinear", source, scale, point, name=f"{source}:q")
        return self.node("DequantizeLinear", integers, scale, point, name=f"{source}:dq")

    def weight(self, name: str, shape: tuple[int, ...], exponent: int) -> str:
        """int8 weights on the grid of 2**exponent."""
        values = self.constant(f"{name}.int", RNG.integers(-127, 128, shape).astype(np.int8))
        scale = self.constant(f"2^{exponent}", np.float32(2.0**exponent))
        return self.node("DequantizeLinear", values, scale, "zero", name=name)

    def save(self, path: Path, output: str) -> Path:
        info = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (("x", [1, *self.shape]), (output, None))
        ]
        constants = [numpy_helper.from_array(v, n) for n, v in self.constants.items()]
        graph = helper.make_graph(self.nodes, "net", info[:1], info[1:], constants)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)
        return path
