"""Networks in other orders of axes than ours: TensorFlow's [1, H, W, C], sequences [1, T, C]."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

import hwmap
from hwmap.frontend.runtime import run_model
from hwmap.inference import load_network
from hwmap.passes import hardware_part
from tests.frontend.onnx_models import model, node
from tests.frontend.test_qdq import agree

RNG = np.random.default_rng(0)
NHWC = (1, 8, 8, 3)


def _w(*shape: int) -> np.ndarray:
    return (RNG.standard_normal(shape) * 0.3).astype("f")


def _ours(source: str, output: str) -> onnx.NodeProto:
    return node("Transpose", [source], output, perm=[0, 3, 1, 2])


def _theirs(source: str, output: str) -> onnx.NodeProto:
    return node("Transpose", [source], output, perm=[0, 2, 3, 1])


def _qdq(source: str, output: str) -> list[onnx.NodeProto]:
    return [
        node("QuantizeLinear", [source, "s", "z"], f"{output}.q"),
        node("DequantizeLinear", [f"{output}.q", "s", "z"], output),
    ]


CONV = [_ours("x", "t"), node("Conv", ["t", "w"], "c", pads=[1] * 4), _theirs("c", "d")]
CONSTANTS = {
    "w": _w(4, 3, 3, 3),
    "w1": _w(4, 4, 1, 1),
    "m": _w(4, 4),
    "slope": _w(1, 1, 4),
    "mean": _w(3),
    "std": 1 + np.abs(_w(1, 1, 1, 3)),
    "tall": np.array([0, 1, 2, 0, 0, 0, 1, 0]),
    "s": np.float32(0.04),
    "from": np.array([1, 2]),
    "to": np.array([7, 6]),
    "both": np.array([1, 2]),
    "bgr": np.array([2, 1, 0]),
    "first": np.array([0]),
    "z": np.int8(3),
    "flat": np.array([1, -1]),
    "rows": np.array([9, 6]),
    "back": np.array([1, 9, 5]),
    "dense": _w(256, 6),
    "a": _w(6, 5),
    "b": _w(5),
    "e": _w(5, 3),
    "w1d": _w(4, 3, 3),
}
CASES: dict[str, tuple[tuple[int, ...], list[onnx.NodeProto]]] = {
    "input": (NHWC, [_ours("x", "t"), node("Conv", ["t", "w"], "y", pads=[1] * 4)]),
    "input and output": (NHWC, [*CONV, node("Relu", ["d"], "y")]),
    "mean of rows and columns": (
        NHWC,
        [*CONV, node("ReduceMean", ["d"], "y", axes=[1, 2], keepdims=0)],
    ),
    "mean of rows": (NHWC, [*CONV, node("ReduceMean", ["d"], "y", axes=[1])]),
    "mean of channels": (NHWC, [*CONV, node("ReduceMean", ["d"], "y", axes=[-1])]),
    "mean of all": (NHWC, [*CONV, node("ReduceMean", ["d"], "y", axes=[1, 2, 3])]),
    "largest of all": (NHWC, [*CONV, node("ReduceMax", ["d"], "y", axes=[1, 2, 3])]),
    "squeeze and excite": (
        NHWC,
        [
            *CONV,
            node("ReduceMean", ["d"], "u", axes=[1, 2]),
            node("MatMul", ["u", "m"], "l"),
            node("Sigmoid", ["l"], "g"),
            node("Mul", ["d", "g"], "k"),
            node("PRelu", ["k", "slope"], "p"),
            _ours("p", "q"),
            node("Conv", ["q", "w1"], "y"),
        ],
    ),
    "sum of two": (
        NHWC,
        [*CONV, node("Conv", ["t", "w"], "c2", pads=[1] * 4), _theirs("c2", "d2"),
         node("Sub", ["d", "d2"], "s1"), node("Add", ["s1", "d"], "s2"), node("Abs", ["s2"], "y")],
    ),
    "two readers of the input": (
        NHWC,
        [*CONV, _ours("x", "t2"), node("Conv", ["t2", "w"], "c2", pads=[1] * 4),
         node("Sub", ["c", "c2"], "s1"), node("Add", ["s1", "c"], "s2"), node("Abs", ["s2"], "y")],
    ),
    "turned channels": (
        NHWC,
        [node("Gather", ["x", "bgr"], "g", axis=3), _ours("g", "t"),
         node("Conv", ["t", "w"], "y", pads=[1] * 4)],
    ),
    "mapped input": (
        NHWC,
        [node("LeakyRelu", ["x"], "l"), _ours("l", "t"), node("Conv", ["t", "w"], "y")],
    ),
    "mean without a batch axis": (
        NHWC,
        [*CONV, node("Squeeze", ["d", "first"], "q"), node("ReduceMean", ["q"], "y", axes=[0, 1])],
    ),
    "cut input": (
        NHWC,
        [node("Slice", ["x", "from", "to", "both"], "g"), _ours("g", "t"),
         node("Conv", ["t", "w"], "y")],
    ),
    "padded input": (
        NHWC,
        [node("Pad", ["x", "tall"], "p"), _ours("p", "t"), node("Conv", ["t", "w"], "y")],
    ),
    "normalized input": (
        NHWC,
        [node("Sub", ["x", "mean"], "x1"), node("Div", ["x1", "std"], "x2"), _ours("x2", "t"),
         node("Conv", ["t", "w"], "y", pads=[1] * 4)],
    ),
    "split, join and pad": (
        NHWC,
        [
            *CONV,
            onnx.helper.make_node("Split", ["d"], ["d1", "d2"], axis=3, name="split"),
            node("Sigmoid", ["d1"], "g"),
            node("Concat", ["d2", "g"], "j", axis=3),
            node("Pad", ["j", "tall"], "p"),
            _ours("p", "q"),
            node("Conv", ["q", "w1"], "y"),
        ],
    ),
    "flattened": (
        NHWC,
        [*CONV, node("Reshape", ["d", "flat"], "f"), node("MatMul", ["f", "dense"], "y")],
    ),
    "dense for every pixel": (
        NHWC,
        [*CONV, node("MatMul", ["d", "m"], "l"), node("Softmax", ["l"], "y")],
    ),
    "row": (
        (1, 9, 3),
        [node("Transpose", ["x"], "t", perm=[0, 2, 1]),
         node("Conv", ["t", "w1d"], "y", pads=[1, 1])],
    ),
    "sequence": (
        (1, 9, 6),
        [node("MatMul", ["x", "a"], "l"), node("Add", ["l", "b"], "l1"), node("Relu", ["l1"], "l2"),
         node("MatMul", ["l2", "e"], "y")],
    ),
    "mean of a sequence": (
        (1, 9, 6),
        [node("MatMul", ["x", "a"], "l"), node("ReduceMean", ["l"], "y", axes=[1], keepdims=0)],
    ),
    "gemm on rows": (
        (1, 9, 6),
        [node("Reshape", ["x", "rows"], "r"), node("Gemm", ["r", "a", "b"], "l"),
         node("Reshape", ["l", "back"], "l1"), node("Relu", ["l1"], "l2"),
         node("MatMul", ["l2", "e"], "y")],
    ),
    "quantized": (
        NHWC,
        [*_qdq("x", "x1"), _ours("x1", "t"), node("Conv", ["t", "w"], "c", pads=[1] * 4),
         *_qdq("c", "y")],
    ),
}  # fmt: skip


def _images(path: Path, shape: tuple[int, ...]) -> Path:
    np.savez(path / "d.npz", x=RNG.standard_normal((12, *shape[1:])))
    return path / "d.npz"


@pytest.mark.parametrize("name", CASES)
def test_it_is_the_network_and_on_hardware(name: str, tmp_path: Path):
    shape, nodes = CASES[name]
    path = model(tmp_path / "m.onnx", nodes, CONSTANTS, "y", shape=shape)
    data = _images(tmp_path, shape)
    images = np.load(data)["x"].astype("f")

    exact = hwmap.run(path, data).outputs["y"]
    hwmap.quantize(path, tmp_path / "q.onnx", calib=data)
    integer = hwmap.run(path, data, integer=True, calib=data).outputs["y"]
    again = hwmap.run(tmp_path / "q.onnx", data, integer=True).outputs["y"]

    assert np.array_equal(integer, again)
    (wanted,) = run_model(path, {"x": images}).values()
    assert np.abs(exact.reshape(wanted.shape) - wanted).max() < 1e-5 * np.abs(wanted).max()
    (written,) = run_model(tmp_path / "q.onnx", {"x": images}).values()
    assert np.abs(integer.reshape(written.shape) - written).max() < 0.02 * np.abs(wanted).max()
    hardware_part(load_network(path).whole)


@pytest.mark.parametrize("name", ["split, join and pad", "sequence"])
def test_its_accelerator_is_verified(name: str, tmp_path: Path):
    shape, nodes = CASES[name]
    path = model(tmp_path / "m.onnx", nodes, CONSTANTS, "y", shape=shape)

    hwmap.compile(path, "pynq-z2", tmp_path / "out", calib=_images(tmp_path, shape))

    assert hwmap.verify(tmp_path / "out").holds


def test_camera_images_of_bytes_are_taken_as_they_are(tmp_path: Path):
    nodes = [node("Cast", ["x"], "f", to=1), node("Mul", ["f", "k"], "f1"), *CASES["input"][1]]
    nodes[2] = _ours("f1", "t")
    constants = {**CONSTANTS, "k": np.float32(1 / 255)}
    path = model(tmp_path / "m.onnx", nodes, constants, "y", shape=NHWC, kind=TensorProto.UINT8)
    images = RNG.integers(0, 256, (12, *NHWC[1:])).astype(np.uint8)
    np.savez(tmp_path / "d.npz", x=images)

    exact = hwmap.run(path, tmp_path / "d.npz").outputs["y"]

    (wanted,) = run_model(path, {"x": images}).values()
    assert np.abs(exact.reshape(wanted.shape) - wanted).max() < 1e-5
    hwmap.compile(path, "pynq-z2", tmp_path / "out", calib=tmp_path / "d.npz")
    assert hwmap.verify(tmp_path / "out").holds


def test_a_recipe_gives_such_a_network_its_images(tmp_path: Path):
    path = model(tmp_path / "m.onnx", CASES["input"][1], CONSTANTS, "y", shape=NHWC)
    images = RNG.integers(0, 256, (4, *NHWC[1:])).astype(np.uint8)
    np.savez(tmp_path / "nhwc.npz", x=images)
    np.savez(tmp_path / "nchw.npz", x=images.transpose(0, 3, 1, 2))
    (tmp_path / "nhwc.toml").write_text('layout = "nhwc"\nscale = 0.01\n')
    (tmp_path / "nchw.toml").write_text("scale = 0.01\n")

    found = [
        hwmap.run(path, tmp_path / f"{name}.npz", preprocess=tmp_path / f"{name}.toml").outputs["y"]
        for name in ("nhwc", "nchw")
    ]

    (wanted,) = run_model(path, {"x": images * np.float32(0.01)}).values()
    assert np.array_equal(*found)
    assert np.abs(found[0].reshape(wanted.shape) - wanted).max() < 1e-5


@pytest.mark.parametrize("shape", [(1, 8, 8, 1), (1, 1, 8, 8)])
def test_a_transpose_that_keeps_the_order_is_nothing_in_a_qdq_model(
    shape: tuple[int, ...], tmp_path: Path
):
    order = [0, 3, 1, 2] if shape[3] == 1 else [0, 1, 2, 3]
    nodes = [
        *_qdq("x", "x1"),
        node("Transpose", ["x1"], "t", perm=order),
        node("DequantizeLinear", ["wi", "s", "zero"], "w"),
        node("Conv", ["t", "w"], "c"),
        *_qdq("c", "y"),
    ]
    constants = {**CONSTANTS, "wi": RNG.integers(-99, 99, (4, 1, 3, 3)).astype(np.int8)}
    del constants["w"]
    constants |= {"zero": np.int8(0)}
    path = model(tmp_path / "m.onnx", nodes, constants, "y", shape=shape)

    agree(path, RNG.standard_normal((16, *shape[1:])).astype("f"))
    hardware_part(load_network(path).whole)


def test_an_output_that_is_such_an_input_keeps_its_order(tmp_path: Path):
    nodes = [*CONV, node("Identity", ["x"], "same")]
    path = model(tmp_path / "m.onnx", nodes, CONSTANTS, "d", "same", shape=NHWC)
    data = _images(tmp_path, NHWC)

    hwmap.compile(path, "pynq-z2", tmp_path / "out", calib=data)

    assert hwmap.verify(tmp_path / "out").holds
    assert np.array_equal(hwmap.run(path, data).outputs["same"], np.load(data)["x"].astype("f"))
