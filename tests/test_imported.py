"""The rung of the import: op by op, as close as roundings allow, and able to fail."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

import hwmap
from hwmap.imported import import_rung
from hwmap.inference import load_network
from hwmap.ir.graph import Graph, rewrite
from hwmap.ir.ops import Add, Conv
from hwmap.ir.types import Constant
from hwmap.rung import Rung
from tests.frontend.onnx_models import QdqModel, conv, model, node

RNG = np.random.default_rng(0)
WEIGHTS = RNG.standard_normal((4, 3, 3, 3)).astype("f")


def _rung(path: Path, whole: Graph | None = None, images: np.ndarray | None = None) -> Rung:
    images = RNG.standard_normal((4, 3, 8, 8)).astype("f") if images is None else images
    return import_rung(path, whole or load_network(path).whole, {"x": images})


def _residual(path: Path) -> Path:
    qdq = QdqModel((3, 8, 8))
    first = qdq.node("Conv", qdq.grid("x", -5), qdq.weight("w0", (4, 3, 3, 3), -9), name="c0")
    tensor = qdq.grid(qdq.node("Relu", first, name="r0"), -4)
    inner = qdq.node("Conv", tensor, qdq.weight("w1", (4, 4, 1, 1), -7), name="c1")
    return qdq.save(path, qdq.grid(qdq.node("Add", qdq.grid(inner, -4), tensor, name="s"), -3))


def test_a_qdq_model_is_compared_op_by_op(tmp_path: Path):
    rung = _rung(_residual(tmp_path / "m.onnx"))

    assert rung.holds
    assert rung.detail.startswith("3 tensors; ")


def _other_bias(graph: Graph) -> Graph:
    """A bias of c1 that is two thirds of a level too large."""
    op = graph.op("c1")
    assert isinstance(op, Conv)
    bias = Constant(graph.constants[op.bias].values + np.float32(2 / 3 * 2**-4))
    return rewrite(graph, ops=graph.ops, constants={op.bias: bias})


def _other_sign(graph: Graph) -> Graph:
    ops = [replace(op, signs=(1, -1)) if isinstance(op, Add) else op for op in graph.ops]
    return rewrite(graph, ops=ops)


def _other_scale(graph: Graph) -> Graph:
    (name,) = graph.outputs
    tensor = graph.tensors[name]
    assert tensor.grid is not None
    grid = replace(tensor.grid, scale=2**-4)
    return rewrite(graph, ops=graph.ops, tensors=[replace(tensor, grid=grid)])


@pytest.mark.parametrize("change", [_other_bias, _other_sign, _other_scale])
def test_the_rung_fails_for_a_qdq_model_that_differs(change, tmp_path: Path):
    path = _residual(tmp_path / "m.onnx")
    wrong = change(load_network(path).whole)

    rung = _rung(path, wrong)

    assert rung.holds is False
    assert "(tensor '" in rung.detail


def test_a_small_fault_of_a_float_model_fails(tmp_path: Path):
    path = model(tmp_path / "m.onnx", [conv()], {"w": WEIGHTS}, "c")
    whole = load_network(path).whole
    (op,) = whole.ops
    assert isinstance(op, Conv)
    wrong = Constant(whole.constants[op.weight].values * np.float32(1.001))

    assert _rung(path).holds
    assert _rung(path, rewrite(whole, ops=[op], constants={op.weight: wrong})).holds is False


def test_the_tolerance_follows_the_magnitudes_that_cancel(tmp_path: Path):
    nodes = [
        node("Sub", ["x", "m"], "d"),
        conv("d", "c"),
        node("BatchNormalization", list("cgbuv"), "y"),
    ]
    ones = np.ones(4, "f")
    constants = {
        "w": WEIGHTS,
        "m": np.float32(1000),
        "g": ones,
        "b": ones,
        "u": ones * 3,
        "v": ones,
    }
    path = model(tmp_path / "m.onnx", nodes, constants, "y")
    images = 1000 + 0.3 * RNG.standard_normal((4, 3, 8, 8)).astype("f")

    assert _rung(path, images=images).holds


def test_float16_is_compared_as_float16(tmp_path: Path):
    nodes = [
        conv(),
        node("Sigmoid", ["c"], "s"),
        node("Mul", ["c", "s"], "m"),
        node("Add", ["m", "b"], "y"),
    ]
    constants = {"w": WEIGHTS.astype(np.float16), "b": np.float16(0.25)}
    half = TensorProto.FLOAT16
    path = model(tmp_path / "m.onnx", nodes, constants, "y", kind=half, made=half)
    whole = load_network(path).whole
    wrong = {name: Constant(c.values * np.float32(1.02)) for name, c in whole.constants.items()}

    assert _rung(path).holds
    assert _rung(path, rewrite(whole, ops=whole.ops, constants=wrong)).holds is False


@pytest.mark.parametrize("kind", ["int8 by row", "int8 by input channel", "int32"])
def test_weights_that_onnxruntime_would_fuse_are_compared_as_they_stand(kind: str, tmp_path: Path):
    """With optimizations onnxruntime quantizes such a product's input too, or refuses the model."""
    shape, dtype, scales, axis = {
        "int8 by row": ((192, 5), np.int8, np.full(5, 0.01, "f"), 1),
        "int8 by input channel": ((4, 3, 3, 3), np.int8, np.array([0.01, 0.02, 0.03], "f"), 1),
        "int32": ((4, 3, 3, 3), np.int32, np.full(4, 0.01, "f"), 0),
    }[kind]
    product = {
        2: [node("Reshape", ["x", "row"], "r"), node("MatMul", ["r", "w"], "y")],
        4: [node("Conv", ["x", "w"], "y")],
    }[len(shape)]
    constants = {"i": RNG.integers(-99, 99, shape).astype(dtype), "s": scales}
    constants |= {"row": np.array([1, 192])}
    weights = node("DequantizeLinear", ["i", "s"], "w", axis=axis)
    path = model(tmp_path / "m.onnx", [weights, *product], constants, "y")
    np.savez(tmp_path / "d.npz", x=RNG.standard_normal((12, 3, 8, 8)))

    hwmap.compile(path, "pynq-z2", tmp_path / "out", calib=tmp_path / "d.npz")

    assert hwmap.verify(tmp_path / "out").holds
