"""Quantized models as other tools write them: the integers are onnxruntime's."""

from pathlib import Path

import numpy as np
import pytest

import hwmap
from hwmap.errors import DataError
from hwmap.frontend.runtime import Session
from hwmap.imported import import_rung
from hwmap.inference import load_network, run_integer
from hwmap.passes import integer_part
from hwmap.quantize.lower import lower
from tests.frontend.onnx_models import QdqModel

RNG = np.random.default_rng(0)


def agree(path: Path, x: np.ndarray) -> None:
    """The integer network's outputs are onnxruntime's, node by node as they stand, to the bit."""
    network = load_network(path)
    integer = lower(integer_part(network.whole), {})
    session = Session(path)
    wanted = np.concatenate([session.run({"x": image[None]})[0] for image in x])

    ours = network.whole.tensors["x"].from_host(x)
    (found,) = run_integer(network, integer, {"x": ours}).values()

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


def _block(path: Path) -> Path:
    model = QdqModel((3, 8, 8))
    conv = model.node("Conv", model.grid("x", -5), model.weight("w", (4, 3, 3, 3), -9), name="c")
    return model.save(path, model.grid(conv, -4))


def test_without_data_a_qdq_model_is_quantized_as_it_runs(tmp_path: Path, caplog):
    path = _block(tmp_path / "net.onnx")
    np.savez(tmp_path / "d.npz", x=RNG.standard_normal((16, 3, 8, 8)))

    made = hwmap.quantize(path, tmp_path / "int.onnx")
    ran = hwmap.run(path, tmp_path / "d.npz", integer=True).outputs
    calibrated = hwmap.quantize(path, calib=tmp_path / "d.npz")
    written = hwmap.run(tmp_path / "int.onnx", tmp_path / "d.npz").outputs

    assert (made.report.estimator, made.report.correct_bias) == (None, False)
    assert np.array_equal(*(next(iter(found.values())) for found in (ran, written)))
    for name, constant in made.graph.constants.items():
        assert np.array_equal(constant.values, calibrated.graph.constants[name].values)
    assert not caplog.records


def test_biases_are_never_corrected_on_random_images(tmp_path: Path):
    model = QdqModel((3, 8, 8))
    model.constant("w", RNG.standard_normal((4, 3, 3, 3)).astype("f"))
    path = model.save(tmp_path / "net.onnx", model.node("Conv", "x", "w", name="c"))

    report = hwmap.quantize(path).report

    assert (report.estimator, report.correct_bias, report.errors) == ("min-max", False, ())
    with pytest.raises(DataError, match="biases are corrected on data; give --calib"):
        hwmap.quantize(path, correct_bias=True)


def test_a_last_join_keeps_the_scale_that_the_model_gives_it(tmp_path: Path):
    model = QdqModel((3, 8, 8))
    conv = model.node("Conv", model.grid("x", -5), model.weight("w", (4, 3, 1, 1), -9), name="c")
    first = model.grid(conv, -4)
    joined = model.node("Concat", first, model.grid(first, -5, zero=9), name="joined", axis=1)
    path = model.save(tmp_path / "net.onnx", model.grid(joined, -5, zero=9))
    images = RNG.standard_normal((16, 3, 8, 8)).astype("f")
    np.savez(tmp_path / "d.npz", x=images)

    hwmap.quantize(path, tmp_path / "q.onnx")

    agree(path, images)
    outputs = [
        hwmap.run(name, tmp_path / "d.npz", integer=True).outputs
        for name in (path, tmp_path / "q.onnx")
    ]
    assert np.array_equal(*(next(iter(found.values())) for found in outputs))


@pytest.mark.parametrize("move", ["MaxPool", "Transpose", "Slice"])
def test_rounding_behind_a_move_is_rounding_before_it(move: str, tmp_path: Path):
    """Only inputs of convolutions are rounded (TensorRT): what is before them takes their grid."""
    model = QdqModel((3, 8, 8))
    low, high = model.constant("low", np.array([1])), model.constant("high", np.array([7]))
    axis = model.constant("axis", np.array([2]))
    inputs, attributes = {
        "MaxPool": (["x"], {"kernel_shape": [2, 2]}),
        "Transpose": (["x"], {"perm": [0, 1, 3, 2]}),
        "Slice": (["x", low, high, axis], {}),
    }[move]
    tensor = model.grid(model.node(move, *inputs, name="m", **attributes), -5)
    conv = model.node("Conv", tensor, model.weight("w", (4, 3, 3, 3), -9), name="c")
    inputs[0] = model.node("Relu", conv, name="r")
    again = model.grid(model.node(move, *inputs[:1], *inputs[1:], name="m2", **attributes), -4)
    last = model.node("Conv", again, model.weight("w2", (4, 4, 3, 3), -9), name="l")
    path = model.save(tmp_path / "net.onnx", model.grid(last, -4))
    images = RNG.standard_normal((16, 3, 8, 8)).astype("f")

    agree(path, images)
    assert import_rung(path, load_network(path).whole, {"x": images[:2]}).holds


def test_weights_of_a_transposed_convolution_stay_integers(tmp_path: Path):
    model = QdqModel((4, 8, 8))
    scales = model.constant("scales", (0.004 + 0.01 * RNG.random(8)).astype("f"))
    values = model.constant("int", RNG.integers(-99, 100, (4, 8, 4, 4)).astype(np.int8))
    weight = model.node("DequantizeLinear", values, scales, name="w", axis=1)
    up = model.node("ConvTranspose", model.grid("x", -5), weight, name="u", strides=[2, 2])
    path = model.save(tmp_path / "net.onnx", model.grid(up, -4))
    np.savez(tmp_path / "d.npz", x=RNG.standard_normal((16, 4, 8, 8)))

    hwmap.quantize(path, tmp_path / "q.onnx")

    first, again = (
        hwmap.quantize(name).graph.constants["u.weight"] for name in (path, tmp_path / "q.onnx")
    )
    assert np.array_equal(first.values, again.values)
    assert np.abs(first.values).max() == 99


def test_between_the_steps_of_an_interpolation_is_the_format_before_it(tmp_path: Path, caplog):
    model = QdqModel((3, 8, 8))
    sizes = model.constant("sizes", np.array([1, 1, 2, 2], "f"))
    larger = model.node("Resize", model.grid("x", -5), "", sizes, name="larger", mode="linear")
    path = model.save(tmp_path / "net.onnx", model.grid(larger, -5))

    graph = hwmap.quantize(path).graph

    assert len({tensor.quant for tensor in graph.tensors.values()}) == 1
    assert not caplog.records


def test_a_join_of_very_different_scales_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    model = QdqModel((3, 8, 8))
    x = model.grid("x", -5)
    parts = [
        model.grid(model.node("Conv", x, model.weight(name, (4, 3, 1, 1), -9), name=f"{name}c"), e)
        for name, e in (("small", -10), ("large", -4))
    ]
    joined = model.grid(model.node("Concat", *parts, name="joined", axis=1), -4)
    last = model.node("Conv", joined, model.weight("w", (2, 8, 1, 1), -9), name="last")
    path = model.save(tmp_path / "net.onnx", model.grid(last, -4))

    hwmap.quantize(path)

    assert "op 'joined' joins ranges of 15.9 and 0.249 in one scale" in caplog.text
