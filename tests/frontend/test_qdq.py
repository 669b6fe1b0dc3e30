"""Quantized models as other tools write them: the integers are onnxruntime's."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from hwmap.frontend.runtime import Session
from hwmap.inference import load_network, run_integer
from hwmap.passes import integer_part
from hwmap.quantize.lower import lower

RNG = np.random.default_rng(0)


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
        save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)
        return path


def agree(path: Path, x: np.ndarray) -> None:
    """The integer network's outputs are onnxruntime's, node by node as they stand, to the bit."""
    network = load_network(path)
    integer = lower(integer_part(network.whole), {})
    session = Session(path)
    wanted = np.concatenate([session.run({"x": image[None]})[0] for image in x])

    (found,) = run_integer(network, integer, {"x": x}).values()

    assert np.array_equal(found.reshape(wanted.shape), wanted)
    assert len(np.unique(wanted)) > 20


@pytest.mark.parametrize("zero", [0, -3])
def test_residual_blocks_with_powers_of_two_do_not_drift(zero: int, tmp_path: Path):
    model = QdqModel((8, 8, 8))
    tensor = model.grid("x", -5)
    for block in range(4):
        weight = model.weight(f"w{block}", (8, 8, 3, 3), -9)
        conv = model.node("Conv", tensor, weight, name=f"conv{block}", pads=[1] * 4)
        inner = model.grid(conv, -5, zero=zero)
        tensor = model.grid(model.node("Add", inner, tensor, name=f"add{block}"), -4)
    path = model.save(tmp_path / "net.onnx", tensor)

    agree(path, RNG.standard_normal((16, 8, 8, 8)).astype("f"))


def test_every_kind_of_op_with_powers_of_two_gives_the_bits_of_onnxruntime(tmp_path: Path):
    model = QdqModel((4, 8, 8))
    x = model.grid("x", -5)
    bias = model.weight("bias", (8,), -14)
    kernel = model.weight("w0", (8, 4, 3, 3), -9)
    conv = model.node("Conv", x, kernel, bias, name="conv", pads=[1] * 4)
    relu = model.grid(model.node("Relu", conv, name="relu"), -5, zero=-128)
    leaky = model.grid(model.node("LeakyRelu", relu, name="leaky", alpha=0.125), -4)
    product = model.grid(model.node("Mul", relu, leaky, name="product"), -3)
    joined = model.grid(model.node("Concat", relu, product, name="joined", axis=1), -4)
    mean = model.node("AveragePool", joined, name="mean", kernel_shape=[2, 2], strides=[2, 2])
    pooled = model.node("MaxPool", joined, name="max", kernel_shape=[2, 2], strides=[2, 2])
    both = model.node("Add", model.grid(mean, -4), model.grid(pooled, -4), name="both")
    both = model.grid(both, -2)
    up_kernel = model.weight("w1", (16, 4, 2, 2), -9)
    up = model.node("ConvTranspose", both, up_kernel, name="up", strides=[2, 2])
    model.constant("sizes", np.array([1, 1, 2, 2], "f"))
    larger = model.grid(model.node("Resize", both, "", "sizes", name="larger", mode="nearest"), -3)
    joined = model.grid(model.node("Concat", model.grid(up, -2), larger, name="last", axis=1), -2)
    whole = model.grid(model.node("GlobalAveragePool", joined, name="whole"), -5)
    flat = model.node("Flatten", whole, name="flat")
    gemm = model.node("Gemm", flat, model.weight("w2", (20, 10), -8), name="gemm")
    path = model.save(tmp_path / "net.onnx", model.grid(gemm, -4))

    agree(path, RNG.standard_normal((64, 4, 8, 8)).astype("f"))
