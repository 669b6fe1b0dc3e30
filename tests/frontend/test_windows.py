"""Windows that onnxruntime or ONNX cannot express as they stand."""

from pathlib import Path

import numpy as np
import pytest

import hwmap
from hwmap.frontend.runtime import run_model
from hwmap.imported import import_rung
from hwmap.inference import load_network
from hwmap.project import read_project
from tests.frontend.onnx_models import X, conv, model, node

RNG = np.random.default_rng(0)
WEIGHTS = RNG.standard_normal((4, 3, 3, 3)).astype("f") * 0.2


def _data(path: Path, shape: tuple[int, ...]) -> Path:
    np.savez(path / "d.npz", x=RNG.standard_normal((16, *shape)))
    return path / "d.npz"


@pytest.mark.parametrize(
    ("kernel", "dilation", "stride", "pad", "size"),
    [(2, 3, 4, 0, 9), (2, 4, 3, 1, 11), (3, 3, 5, 2, 14), (3, 2, 2, 1, 8)],
)
def test_a_dilated_max_pool_with_ceil_mode_is_written_as_onnx_has_it(
    kernel: int, dilation: int, stride: int, pad: int, size: int, tmp_path: Path
):
    pool = node(
        "MaxPool",
        ["c"],
        "y",
        kernel_shape=[kernel] * 2,
        dilations=[dilation] * 2,
        strides=[stride] * 2,
        pads=[pad] * 4,
        ceil_mode=1,
    )
    path = model(tmp_path / "m.onnx", [conv(), pool], {"w": WEIGHTS}, "y", shape=(1, 3, size, size))
    data = _data(tmp_path, (3, size, size))

    hwmap.quantize(path, tmp_path / "q.onnx", calib=data)

    integer = hwmap.run(path, data, integer=True, calib=data).outputs["y"]
    (theirs,) = run_model(tmp_path / "q.onnx", {"x": np.load(data)["x"].astype("f")}).values()
    assert np.array_equal(theirs, integer.reshape(theirs.shape))


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize("kind", ["Conv", "MaxPool"])
def test_dilations_with_automatic_padding_are_verified(kind: str, mode: str, tmp_path: Path):
    inputs, window = (["c", "v"], {}) if kind == "Conv" else (["c"], {"kernel_shape": [2, 2]})
    same = {"auto_pad": mode, "dilations": [2, 2], "strides": [2, 1], **window}
    nodes = [conv(), node(kind, inputs, "y", **same)]
    constants = {"w": WEIGHTS, "v": RNG.standard_normal((4, 4, 2, 2)).astype("f")}
    path = model(tmp_path / "m.onnx", nodes, constants, "y", shape=(1, 3, 9, 8))

    hwmap.compile(path, "pynq-z2", tmp_path / "out", calib=_data(tmp_path, (3, 9, 8)))
    project = read_project(tmp_path / "out")
    made = tmp_path / "out" / "model.onnx"

    assert import_rung(made, load_network(made).whole, project.images.inputs).holds
    found = hwmap.simulate(tmp_path / "out").outputs["y"]
    # ONNX: ceil(9 / 2) rows and ceil(8 / 1) columns.
    assert found.shape[1:] == (4, 5, 8)


def test_a_pad_and_a_pool_that_does_not_count_its_own_are_one(tmp_path: Path):
    pool = {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1, "count_include_pad": 1}
    nodes = [conv(), node("AveragePool", ["c"], "y", pads=[1] * 4, **pool)]
    path, data = model(tmp_path / "m.onnx", nodes, {"w": WEIGHTS}, "y"), _data(tmp_path, X[1:])

    hwmap.quantize(path, tmp_path / "q.onnx", calib=data)

    first = hwmap.run(path, data, integer=True, calib=data).outputs["y"]
    again = hwmap.run(tmp_path / "q.onnx", data, integer=True).outputs["y"]
    assert np.array_equal(first, again)


def test_an_output_that_is_the_input_is_read_back_as_it_was(tmp_path: Path):
    nodes = [conv(), node("Identity", ["x"], "y"), node("Flatten", ["x"], "f")]
    path, data = (
        model(tmp_path / "m.onnx", nodes, {"w": WEIGHTS}, "c", "y", "f"),
        _data(tmp_path, X[1:]),
    )

    hwmap.quantize(path, tmp_path / "q.onnx", calib=data)

    first = hwmap.run(path, data, integer=True, calib=data).outputs
    again = hwmap.run(tmp_path / "q.onnx", data, integer=True).outputs
    assert all(np.array_equal(first[name], again[name]) for name in ("c", "y", "f"))
