"""The verbs that take data: quantize and run, recipes, and what is wrong with data files."""

import json
import os
from pathlib import Path

import numpy as np
import onnx
import pytest

from hwmap.data.dataset import load_data
from hwmap.errors import DataError
from hwmap.frontend.runtime import run_model
from hwmap.inference import load_network
from tests.command import fails, run
from tests.models import ModelBuilder
from tests.networks import ROOT

DIGITS = str(ROOT / "examples" / "digits.onnx")
CALIB = str(ROOT / "examples" / "digits_calib.npz")
TEST = str(ROOT / "examples" / "digits_test.npz")


@pytest.fixture(scope="module")
def quantized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "digits_int8.onnx"
    result = run("quantize", DIGITS, "--calib", CALIB, "-o", path, "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["images"] == len(np.load(CALIB)["x"])
    assert len(report["errors"]) == 6
    best = min(report["errors"], key=lambda item: item["error"])
    assert (report["estimator"], report["correct_bias"]) == (
        best["estimator"],
        best["correct_bias"],
    )
    return path


def test_a_quantized_model_is_an_onnx_model_that_onnxruntime_runs(quantized: Path):
    onnx.checker.check_model(onnx.load(quantized), full_check=True)
    test = np.load(TEST)

    (scores,) = run_model(quantized, {"input": test["x"][:100]}).values()

    assert (scores.argmax(1) == test["y"][:100]).mean() > 0.95


def test_run_measures_float_and_integer_accuracy(quantized: Path):
    exact = json.loads(run("run", DIGITS, TEST, "--json").stdout)
    integer = json.loads(run("run", DIGITS, TEST, "--integer", "--calib", CALIB, "--json").stdout)
    again = json.loads(run("run", quantized, TEST, "--integer", "--json").stdout)

    assert exact["arithmetic"] == "float32"
    assert integer["arithmetic"] == again["arithmetic"] == "int8"
    assert exact["top1"] > 0.98
    assert abs(integer["top1"] - exact["top1"]) < 0.01
    assert again["top1"] == integer["top1"]
    assert "top-1" in run("run", DIGITS, TEST).stdout


def test_a_qdq_model_runs_without_calibration_and_without_a_warning(quantized: Path):
    result = run("run", quantized, TEST, "--integer")

    assert result.returncode == 0
    assert result.stderr == ""


def test_run_writes_the_outputs_of_the_onnx_model(tmp_path: Path):
    data = tmp_path / "data.npz"
    np.savez(data, x=np.load(TEST)["x"][:5])

    result = run("run", DIGITS, data, "-o", tmp_path / "out.npz")

    assert result.returncode == 0
    (wanted,) = run_model(Path(DIGITS), {"input": np.load(data)["x"]}).values()
    found = np.load(tmp_path / "out.npz")["output"]
    assert found.shape == (5, 10)
    assert np.allclose(found, wanted, atol=1e-4)


def test_a_recipe_makes_inputs_of_pixels(tmp_path: Path):
    net = ModelBuilder((3, 4, 5))
    net.conv("x", (3, 2), (1, 1), name="out")
    model = net.save(tmp_path / "net.onnx", "out")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3)).astype(np.uint8)
    np.savez(tmp_path / "pixels.npz", x=pixels)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'layout = "nhwc"\nchannel_order = "bgr"\nscale = 0.5\nmean = [1, 2, 3]\nstd = 4\n'
    )
    values = (pixels[..., ::-1].astype(np.float32) * 0.5 - [1, 2, 3]) / 4
    np.savez(tmp_path / "values.npz", x=values.transpose(0, 3, 1, 2))

    first = run("run", model, tmp_path / "pixels.npz", "--preprocess", recipe, "-o",
                tmp_path / "a.npz")  # fmt: skip
    second = run("run", model, tmp_path / "values.npz", "-o", tmp_path / "b.npz")

    assert (first.returncode, second.returncode) == (0, 0)
    a, b = (np.load(tmp_path / name)["out"] for name in ("a.npz", "b.npz"))
    assert np.allclose(a, b, atol=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mean = ", "not a readable TOML file"),
        ("men = 1", "field 'men' is not known; expected channel_order, layout, scale, mean, std"),
        ('layout = "nhcw"', "layout='nhcw'; expected one of ('nchw', 'nhwc')"),
        ('mean = "red"', "expected a number, or a list of numbers"),
        ("std = 0", "std is 0; expected what to divide by"),
        ("std = [1, nan]", "expected a number, or a list of numbers"),
        ("std = 1e-60", "std is 0; expected what to divide by"),
        (f"mean = 1{'0' * 400}", "expected a number, or a list of numbers"),
        ("scale = [1, 2]", "scale must be one number"),
        ("mean = [1, 2]", "has 1 channels; the recipe's mean has 2"),
    ],
)
def test_a_wrong_recipe_is_one_clear_line(text: str, message: str, tmp_path: Path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(text)
    data = tmp_path / "data.npz"
    np.savez(data, x=np.zeros((2, 1, 8, 8), np.uint8))

    fails(message, "run", DIGITS, data, "--preprocess", recipe)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.zeros((2, 1, 8, 8))}, "array 'x' (the images) is missing; found images"),
        ({"x": np.zeros((2, 3, 8, 8))}, "has shape (2, 3, 8, 8); expected (N, 1, 8, 8)"),
        ({"x": np.full((2, 1, 8, 8), np.nan)}, "holds NaN or infinite values"),
        (
            {"x": np.zeros((2, 1, 8, 8)), "y": np.zeros(3, int)},
            "'y' has shape (3,) of int64; expected one whole number for",
        ),
        ({"x": np.zeros((2, 1, 8, 8)), "y": np.array([0, 10])}, "labels outside 0 to 9"),
    ],
)
def test_a_wrong_data_file_is_one_clear_line(arrays, message: str, tmp_path: Path):
    data = tmp_path / "data.npz"
    np.savez(data, **arrays)
    output = tmp_path / "out.npz"

    fails(message, "run", DIGITS, data, "-o", output)

    assert not output.exists()


def test_wrong_paths_and_options_are_one_clear_line(tmp_path: Path):
    output = tmp_path / "out.onnx"
    fails("no such file; expected an ONNX model", "quantize", tmp_path / "no.onnx", "-o", output)
    fails("no such file; expected an .npz", "quantize", DIGITS, "--calib", "no", "-o", output)
    fails("give a file in a folder that is there", "quantize", DIGITS, "-o", tmp_path / "a" / "b")
    fails("is an input of this command", "quantize", DIGITS, "-o", DIGITS)
    fails("is an input of this command", "run", DIGITS, TEST, "-o", TEST)
    fails("is a directory", "quantize", DIGITS, "-o", tmp_path)
    fails("is no ordinary file", "run", DIGITS, TEST, "-o", "/dev/null")
    fails("calibration data needs", "run", DIGITS, TEST, "--calib", CALIB)
    fails("ranges 'best': expected one of min-max", "quantize", DIGITS, "-o", output, "--ranges",
          "best")  # fmt: skip
    fails("not a readable TOML file", "run", DIGITS, TEST, "--preprocess", tmp_path / "no.toml")
    fails("Missing option", "quantize", DIGITS, code=2)
    assert not output.exists()


def test_a_network_without_integer_form_is_named(tmp_path: Path):
    net = ModelBuilder((4, 5, 5))
    net.node("LRN", net.conv("x", (4, 4), (1, 1), name="a"), name="norm", size=3)
    model = net.save(tmp_path / "net.onnx", "norm")
    data = tmp_path / "data.npz"
    np.savez(data, x=np.zeros((2, 4, 5, 5)))

    report = json.loads(run("inspect", model, "--json").stdout)
    out = ("--calib", data, "-o", tmp_path / "out.onnx")
    fails("node 'norm': LocalNorm has no integer form yet", "quantize", model, *out)
    fails("LocalNorm has no integer form yet", "compile", model, "--board", "kv260",
          "-o", tmp_path / "build")  # fmt: skip

    assert [item["node"] for item in report["not_on_hardware"]] == ["norm"]
    assert "imports, not yet on hardware" in run("inspect", model).stdout


def test_integers_that_the_model_takes_must_be_in_range(quantized: Path, tmp_path: Path):
    net = ModelBuilder((2, 3, 3))
    net.inputs[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    scale = net.constant(np.float32(0.5), "scale")
    real = net.node("DequantizeLinear", "x", scale, net.constant(np.uint8(3), "zero"), name="real")
    net.conv(real, (2, 2), (1, 1), name="out")
    model = net.save(tmp_path / "net.onnx", "out")
    data = tmp_path / "data.npz"
    pixels = np.arange(36).reshape(2, 2, 3, 3)
    np.savez(data, x=pixels)

    result = run("run", model, data, "-o", tmp_path / "out.npz")

    assert result.returncode == 0
    (wanted,) = run_model(model, {"x": pixels}).values()
    found = np.load(tmp_path / "out.npz")["out"]
    assert np.allclose(found.reshape(wanted.shape), wanted, atol=1e-4)
    np.savez(data, x=pixels + 230)
    fails("other values than the integers 0 to 255 that the model takes", "run", model, data)


def test_a_softmax_in_the_middle_runs_in_float(tmp_path: Path):
    net = ModelBuilder((2, 4, 4))
    net.conv(net.node("Softmax", "x", name="soft", axis=1), (2, 2), (1, 1), name="out")
    model = net.save(tmp_path / "net.onnx", "out")
    data = tmp_path / "data.npz"
    x = np.random.default_rng(0).standard_normal((3, 2, 4, 4)).astype(np.float32)
    np.savez(data, x=x)

    result = run("run", model, data, "-o", tmp_path / "out.npz")

    assert result.returncode == 0, result.stderr
    (wanted,) = run_model(model, {"x": x}).values()
    found = np.load(tmp_path / "out.npz")["out"]
    assert np.allclose(found.reshape(wanted.shape), wanted, atol=1e-5)
    fails("Softmax must be last", "run", model, data, "--integer")


def test_a_damaged_file_is_not_left_open(tmp_path: Path):
    data = tmp_path / "data.npz"
    data.write_bytes(b"PK\x03\x04" + bytes(100))
    open_before = len(os.listdir("/proc/self/fd"))

    with pytest.raises(DataError, match=r"not a readable \.npz"):
        load_data(data, load_network(Path(DIGITS)).whole)

    assert len(os.listdir("/proc/self/fd")) == open_before
