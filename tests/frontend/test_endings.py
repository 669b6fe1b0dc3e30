"""What stands at the end of real networks: the host computes it, and the rest is on hardware."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

import hwmap
from hwmap.errors import UnsupportedOperatorError
from hwmap.frontend.runtime import Session, run_model
from hwmap.inference import load_network
from hwmap.passes import hardware_part
from tests.frontend.onnx_models import X, conv, model, node

RNG = np.random.default_rng(0)
CONSTANTS = {
    "w": (RNG.standard_normal((4, 3, 3, 3)) * 0.3).astype("f"),
    "k": np.array([5]),
    "eps": np.float32(1e-12),
    "row": np.array([1, 256]),
}
POSITIONS = {
    "ArgMax of channels": [node("ArgMax", ["c"], "y", axis=1, keepdims=0)],
    "ArgMin of rows": [node("ArgMin", ["c"], "y", axis=2)],
    "ArgMax of all": [node("Flatten", ["c"], "f"), node("ArgMax", ["f"], "y", axis=-1)],
}
VALUES = {
    "LpNormalization": [node("Flatten", ["c"], "f"), node("LpNormalization", ["f"], "y", axis=1)],
    "LpNormalization of channels": [node("LpNormalization", ["c"], "y", axis=1, p=1)],
    "ReduceL2": [node("ReduceL2", ["c"], "y", axes=[2], keepdims=0)],
    "normalized by hand": [
        node("Flatten", ["c"], "f"),
        node("ReduceL2", ["f"], "n", axes=[1], keepdims=1),
        node("Clip", ["n", "eps"], "n1"),
        node("Expand", ["n1", "row"], "n2"),
        node("Div", ["f", "n2"], "y"),
    ],
}


def _data(path: Path) -> Path:
    np.savez(path / "d.npz", x=RNG.standard_normal((12, *X[1:])))
    return path / "d.npz"


@pytest.mark.parametrize("name", POSITIONS)
def test_positions_are_integers(name: str, tmp_path: Path):
    kind = TensorProto.INT64
    path = model(tmp_path / "m.onnx", [conv(), *POSITIONS[name]], CONSTANTS, "y", made=kind)
    data = _data(tmp_path)

    exact = hwmap.run(path, data).outputs["y"]
    integer = hwmap.run(path, data, integer=True, calib=data).outputs["y"]
    hwmap.quantize(path, tmp_path / "q.onnx", calib=data)

    images = {"x": np.load(data)["x"].astype("f")}
    (wanted,) = run_model(path, images).values()
    (written,) = run_model(tmp_path / "q.onnx", images).values()
    assert exact.dtype == np.int64
    assert np.array_equal(exact.reshape(wanted.shape), wanted)
    assert np.array_equal(integer.reshape(wanted.shape), written)
    assert len(np.unique(wanted)) > 3


def test_the_largest_values_and_their_positions(tmp_path: Path):
    top = onnx.helper.make_node("TopK", ["f", "k"], ["v", "i"], name="top")
    nodes = [
        conv(),
        node("Flatten", ["c"], "f"),
        top,
        node("Cast", ["i"], "j", to=TensorProto.INT32),
    ]
    path = model(tmp_path / "m.onnx", nodes, CONSTANTS, "v", "i", "j")
    proto = onnx.load(path)
    proto.graph.output[1].type.tensor_type.elem_type = TensorProto.INT64
    proto.graph.output[2].type.tensor_type.elem_type = TensorProto.INT32
    onnx.save(proto, path)
    data = _data(tmp_path)

    found = hwmap.run(path, data).outputs

    for index, image in enumerate(np.load(data)["x"].astype("f")):
        theirs = Session(path).run({"x": image[None]})
        assert np.allclose(found["v"][index], theirs[0][0], atol=1e-5)
        assert np.array_equal(found["i"][index], theirs[1][0])
        assert np.array_equal(found["j"][index], theirs[2][0])
    hwmap.compile(path, "pynq-z2", tmp_path / "out", calib=data)
    assert hwmap.verify(tmp_path / "out").holds


@pytest.mark.parametrize("name", VALUES)
def test_norms_are_the_hosts(name: str, tmp_path: Path):
    path, data = (
        model(tmp_path / "m.onnx", [conv(), *VALUES[name]], CONSTANTS, "y"),
        _data(tmp_path),
    )

    exact = hwmap.run(path, data).outputs["y"]
    hwmap.quantize(path, tmp_path / "q.onnx", calib=data)
    integer = hwmap.run(path, data, integer=True, calib=data).outputs["y"]

    images = {"x": np.load(data)["x"].astype("f")}
    (wanted,) = run_model(path, images).values()
    (written,) = run_model(tmp_path / "q.onnx", images).values()
    assert np.abs(exact.reshape(wanted.shape) - wanted).max() < 1e-5 * np.abs(wanted).max()
    assert np.abs(integer.reshape(wanted.shape) - written).max() < 1e-5 * np.abs(wanted).max()
    assert [op.name for op in hardware_part(load_network(path).whole).ops] == ["c"]


def _boxes(path: Path, *, channels: int) -> Path:
    """The head of a detector: boxes as means of distributions (YOLOv8), beside scores."""
    nodes = [
        node("Conv", ["x", "w64"], "c", pads=[1] * 4),
        node("Reshape", ["c", "r"], "d"),
        node("Transpose", ["d"], "e", perm=[0, 2, 1, 3]),
        node("Softmax", ["e"], "f", axis=1),
        node("Conv", ["f", "bins"], "g"),
        node("Reshape", ["g", "r2"], "b"),
        node("Sub", ["anchors", "b"], "lt"),
        node("Mul", ["lt", "stride"], "bb"),
        node("Conv", ["x", "w5"], "s0", pads=[1] * 4),
        node("Reshape", ["s0", "r3"], "s1"),
        node("Sigmoid", ["s1"], "s2"),
        node("Concat", ["bb", "s2"], "y", axis=1),
    ]
    constants = {
        "w64": RNG.standard_normal((64, 3, 3, 3)).astype("f"),
        "w5": RNG.standard_normal((5, 3, 3, 3)).astype("f") * 0.2,
        "r": np.array([1, 4, 16, 64]),
        "r2": np.array([1, 4 * channels, 64]),
        "r3": np.array([1, 5, 64]),
        "bins": np.arange(16.0 * channels, dtype="f").reshape(channels, 16, 1, 1),
        "anchors": RNG.standard_normal((1, 4 * channels, 64)).astype("f"),
        "stride": np.full((1, 1, 64), 8, "f"),
    }
    return model(path, nodes, constants, "y")


def test_boxes_that_are_means_of_distributions_are_the_hosts(tmp_path: Path):
    path, data = _boxes(tmp_path / "m.onnx", channels=1), _data(tmp_path)

    exact = hwmap.run(path, data).outputs["y"]
    integer = hwmap.run(path, data, integer=True, calib=data).outputs["y"]

    (wanted,) = run_model(path, {"x": np.load(data)["x"].astype("f")}).values()
    assert np.abs(exact.reshape(wanted.shape) - wanted).max() < 1e-4
    # Scores keep a scale of their own beside boxes of up to 120.
    assert np.abs(integer[:, 4:] - exact[:, 4:]).max() < 0.02
    hwmap.compile(path, "pynq-z2", tmp_path / "out", calib=data)
    assert hwmap.verify(tmp_path / "out").holds


def test_more_than_that_says_where_to_cut(tmp_path: Path):
    path = _boxes(tmp_path / "m.onnx", channels=2)

    with pytest.raises(
        UnsupportedOperatorError,
        match=r"node 'f': Softmax must be last, the host computes it; found 'g' after it; cut the"
        r" network after 'c', 's2' \(onnx\.utils\.extract_model\), and compute the rest on the",
    ):
        hwmap.compile(path, "pynq-z2")
