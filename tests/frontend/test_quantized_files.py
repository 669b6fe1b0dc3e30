"""Quantized files of onnxruntime and of training tools, in the ways that they write them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from ml_dtypes import int4
from onnx import TensorProto

import hwmap
from hwmap.errors import UnsupportedOperatorError
from hwmap.frontend.reader import read_model
from hwmap.imported import import_rung
from hwmap.inference import load_network
from tests.frontend.onnx_models import X, model, node

RNG = np.random.default_rng(0)


def _int8(*shape: int) -> np.ndarray:
    return RNG.integers(-127, 128, shape).astype(np.int8)


def _uint8(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape).astype(np.uint8)


SCALES = (0.005 + RNG.random(4) * 0.01).astype("f")
CONSTANTS = {
    "s1": np.float32(0.02),
    "z1": np.int8(3),
    "s2": np.float32(0.051),
    "z2": np.int8(-10),
    "s3": np.float32(0.1),
    "z": np.int8(0),
    "sw": np.float32(0.01),
    "s4": SCALES,
    "z4": np.zeros(4, np.int8),
    "s4z": SCALES * np.array([1, 0, 1, 1], "f"),
    "half": np.float32(1 / 256),
    "low": np.int8(-128),
    "u0": np.uint8(0),
    "u128": np.uint8(128),
    "i0": np.int32(0),
    "wi": _int8(4, 3, 3, 3),
    "wj": _int8(4, 3, 3, 3),
    "wf": (RNG.standard_normal((4, 3, 3, 3)) * 0.3).astype("f"),
    "w4": (_int8(4, 3, 3, 3) // 17).astype(int4),
    "wu": _uint8(4, 3, 3, 3),
    "b": RNG.integers(-500, 500, 4).astype(np.int32),
    "wg": _int8(5, 8),
    "bg": RNG.integers(-500, 500, 5).astype(np.int32),
    "wm": _int8(192, 8),
    "wt": _int8(8, 192),
    "s8": (0.001 + RNG.random(8) * 0.01).astype("f"),
    "z8": np.zeros(8, np.int8),
    "sb": (0.001 + RNG.random((6, 8)) * 0.01).astype("f"),
    "row": np.array([1, 192]),
    "twice": np.array([1, 1, 2, 2], "f"),
    "c31": np.int8(-31),
    "c40": np.int8(40),
    "f0": np.float32(0),
    "f255": np.float32(255),
}
LEVELS_APART = {"weights in blocks": 0.35}
"""Share of values a level apart; weights in blocks are rounded again, with one scale per output."""
MS = {"domain": "com.microsoft"}


def _q(source: str, output: str, scale: str = "s1", zero: str = "z1") -> onnx.NodeProto:
    return node("QuantizeLinear", [source, scale, zero], output)


def _dq(
    source: str, output: str, scale: str = "s2", zero: str = "z2", **axis: int
) -> onnx.NodeProto:
    return node("DequantizeLinear", [source, scale, zero], output, **axis)


def _conv(output: str, *weight: str) -> onnx.NodeProto:
    inputs = ["q", "s1", "z1", *(weight or ("wi", "sw", "z")), "s2", "z2", "b"]
    return node("QLinearConv", inputs, output, pads=[1] * 4)


def _after(source: str = "a", weight: str = "w") -> list[onnx.NodeProto]:
    """A convolution of `source`, rounded."""
    conv = node("Conv", [source, weight], "c", pads=[1] * 4)
    return [conv, _q("c", "cq", "s3", "z"), _dq("cq", "y", "s3", "z")]


IN = [_q("x", "q")]
WEIGHTS = [_dq("wi", "w", "s4", "z4", axis=0)]
C, S2, S3 = "c", ["s2", "z2"], ["s3", "z"]
CASES: dict[str, list[onnx.NodeProto]] = {
    "QLinearConv": [*IN, _conv("c"), _dq("c", "y")],
    "QLinearConv, a scale per channel": [*IN, _conv("c", "wi", "s4", "z4"), _dq("c", "y")],
    "QLinearAdd, pools, Concat and Gemm": [
        *IN,
        _conv("c"),
        _conv("d", "wj", "sw", "z"),
        node("QLinearAdd", ["c", *S2, "d", *S2, *S3], "a", **MS),
        node("QLinearLeakyRelu", ["a", *S3, *S2], "l", alpha=0.1, **MS),
        node("QLinearAveragePool", ["l", *S2, *S2], "p", kernel_shape=[2, 2], strides=[2, 2], **MS),
        node("QLinearConcat", [*S2, "p", *S2, "p", *S2], "k", axis=1, **MS),
        node("QLinearGlobalAveragePool", ["k", *S2, *S2], "g", **MS),
        node("Flatten", ["g"], "f"),
        node("QGemm", ["f", *S2, "wg", "sw", "z", "bg", *S2], "h", transB=1, **MS),
        _dq("h", "y"),
    ],
    "QLinearSigmoid, QLinearMul, MaxPool": [
        *IN,
        _conv("c"),
        node("QLinearSigmoid", ["c", *S2, "half", "low"], "g", **MS),
        node("QLinearMul", ["c", *S2, "g", "half", "low", *S2], "m", **MS),
        node("MaxPool", ["m"], "p", kernel_shape=[2, 2]),
        _dq("p", "y"),
    ],
    "QLinearMatMul": [
        *IN,
        node("Reshape", ["q", "row"], "r"),
        node("QLinearMatMul", ["r", "s1", "z1", "wm", "s8", "z8", *S2], "c"),
        _dq("c", "y"),
    ],
    "float weights": [
        *IN,
        _dq("q", "a", "s1", "z1"),
        node("QuantizeLinear", ["wf", "s4", "z4"], "wq", axis=0),
        _dq("wq", "w", "s4", "z4", axis=0),
        *_after(),
    ],
    "clipped integers (Brevitas)": [
        *IN,
        node("Clip", ["q", "c31", "c40"], "qc"),
        _dq("qc", "a", "s1", "z1"),
        node("QuantizeLinear", ["wf", "s4", "z4"], "wq", axis=0),
        node("Clip", ["wq", "c31", "c40"], "wc"),
        _dq("wc", "w", "s4", "z4", axis=0),
        *_after(),
    ],
    "MaxPool of integers": [
        *IN,
        node("MaxPool", ["q"], "p", kernel_shape=[2, 2]),
        _dq("p", "a", "s1", "z1"),
        *WEIGHTS,
        *_after(),
    ],
    "nearest Resize of integers": [
        *IN,
        node("Resize", ["q", "", "twice"], "p"),
        _dq("p", "a", "s1", "z1"),
        *WEIGHTS,
        *_after(),
    ],
    "Concat and Transpose of integers": [
        *IN,
        node("Concat", ["q", "q"], "k", axis=2),
        node("Transpose", ["k"], "t", perm=[0, 2, 3, 1]),
        node("Transpose", ["t"], "u", perm=[0, 3, 1, 2]),
        _dq("u", "a", "s1", "z1"),
        *WEIGHTS,
        *_after(),
    ],
    "Cast to its own type": [
        _q("x", "q", "s1", "u128"),
        node("Cast", ["q"], "k", to=TensorProto.UINT8),
        _dq("k", "a", "s1", "u128"),
        *WEIGHTS,
        *_after(),
    ],
    "Cast to a wider type": [
        _q("x", "q", "s1", "u0"),
        node("Cast", ["q"], "k", to=TensorProto.INT32),
        _dq("k", "a", "s1", "i0"),
        *WEIGHTS,
        *_after(),
    ],
    "Cast to unsigned": [
        *IN,
        node("Cast", ["q"], "k", to=TensorProto.UINT8),
        _dq("k", "a", "half", "u128"),
        *WEIGHTS,
        *_after(),
    ],
    "Cast to signed": [
        _q("x", "q", "s1", "u128"),
        node("Cast", ["q"], "k", to=TensorProto.INT8),
        _dq("k", "a", "half", "z1"),
        *WEIGHTS,
        *_after(),
    ],
    "rounded by hand": [
        node("Div", ["x", "s1"], "d"),
        node("Round", ["d"], "r"),
        node("Clip", ["r", "f0", "f255"], "k"),
        node("Cast", ["k"], "q", to=TensorProto.UINT8),
        _dq("q", "a", "s1", "u0"),
        *WEIGHTS,
        *_after(),
    ],
    "another scale than it was rounded with": [*IN, _dq("q", "a"), *WEIGHTS, *_after()],
    "a pruned channel with scale 0": [
        *IN,
        _dq("q", "a", "s1", "z1"),
        _dq("wi", "w", "s4z", "z4", axis=0),
        *_after(),
    ],
    "weights of 4 bits": [
        *IN,
        _dq("q", "a", "s1", "z1"),
        node("DequantizeLinear", ["w4", "s3"], "w"),
        *_after(),
    ],
    "weights of uint8": [
        *IN,
        _dq("q", "a", "s1", "z1"),
        _dq("wu", "w", "sw", "u128"),
        *_after(),
    ],
    "weights in blocks": [
        node("Reshape", ["x", "row"], "r"),
        _q("r", "q"),
        _dq("q", "a", "s1", "z1"),
        node("DequantizeLinear", ["wm", "sb"], "w", axis=0, block_size=32),
        node("MatMul", ["a", "w"], "c"),
        *_after()[1:],
    ],
    "weights that are transposed": [
        node("Reshape", ["x", "row"], "r"),
        _q("r", "q"),
        _dq("q", "a", "s1", "z1"),
        _dq("wt", "w0", "s8", "z8", axis=0),
        node("Transpose", ["w0"], "w", perm=[1, 0]),
        node("MatMul", ["a", "w"], "c"),
        *_after()[1:],
    ],
}


def _saved(name: str, path: Path) -> Path:
    nodes = CASES[name]
    read = {source for item in nodes for source in item.input}
    constants = {name: value for name, value in CONSTANTS.items() if name in read}
    # Only opset 21 has weights of 4 bits and in blocks.
    return model(
        path / "m.onnx", nodes, constants, "y", opset=21 if "4" in name or "blocks" in name else 13
    )


@pytest.mark.parametrize("name", CASES)
def test_it_is_the_model_op_by_op(name: str, tmp_path: Path):
    path = _saved(name, tmp_path)
    images = RNG.standard_normal((4, *X[1:])).astype("f")

    rung = import_rung(path, load_network(path).whole, {"x": images})

    assert rung.holds, rung.detail


@pytest.mark.parametrize("name", CASES)
def test_its_integers_are_a_level_from_onnxruntimes(name: str, tmp_path: Path):
    path = _saved(name, tmp_path)
    np.savez(tmp_path / "d.npz", x=RNG.standard_normal((16, *X[1:])))

    exact = hwmap.run(path, tmp_path / "d.npz").outputs["y"]
    integer = hwmap.run(path, tmp_path / "d.npz", integer=True, calib=tmp_path / "d.npz").outputs[
        "y"
    ]

    level = 0.1 if path.read_bytes().count(b"s3") else 0.051
    assert np.abs(integer - exact).max() <= 2.01 * level
    assert (np.abs(integer - exact) > 0.01 * level).mean() < LEVELS_APART.get(name, 0.25)


def test_integers_per_channel_keep_their_scales_behind_a_transpose(tmp_path: Path):
    path = _saved("weights that are transposed", tmp_path)

    graph = hwmap.quantize(path).graph

    (name,) = [n for n, c in graph.constants.items() if n.endswith("weight")]
    assert np.array_equal(graph.constants[name].values.reshape(8, 192), CONSTANTS["wt"])


def test_scales_of_every_image_are_refused(tmp_path: Path):
    dynamic = onnx.helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"], name="dyn")
    nodes = [dynamic, node("ConvInteger", ["q", "wu", "z"], "c"), node("Cast", ["c"], "y", to=1)]
    path = model(tmp_path / "m.onnx", nodes, {"wu": CONSTANTS["wu"]}, "y")

    with pytest.raises(
        UnsupportedOperatorError,
        match=r"'dyn': operator 'DynamicQuantizeLinear' is not supported, its scale changes with"
        r" every image; quantize the model statically",
    ):
        read_model(path)
