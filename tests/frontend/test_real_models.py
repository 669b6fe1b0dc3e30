"""What models of real exporters and quantizers hold, beside onnxruntime without optimizations."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

import hwmap
from hwmap.data.dataset import as_given
from hwmap.errors import UnsupportedOperatorError
from hwmap.frontend.reader import read_model
from hwmap.frontend.runtime import run_model
from hwmap.inference import load_network
from hwmap.ir.evaluate import evaluate
from tests.frontend.onnx_models import X, conv, model, node

WEIGHTS = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype("f") * 0.2


def agrees(path: Path, images: np.ndarray | None = None) -> None:
    """The imported network gives what onnxruntime gives."""
    whole = load_network(path).whole
    tensor = whole.tensors["x"]
    rng = np.random.default_rng(1)
    images = rng.standard_normal((4, *tensor.shape)).astype("f") if images is None else images
    real = images if tensor.given is None else tensor.given.dequantize(images).astype("f")

    ours = as_given(whole, evaluate(whole, {"x": real}))

    for name, wanted in run_model(path, as_given(whole, {"x": real})).items():
        found = ours[name].reshape(wanted.shape)
        assert np.abs(found - wanted).max() <= 1e-5 * max(np.abs(wanted).max(), 1e-3)
        assert len(np.unique(wanted)) > 4


@pytest.mark.parametrize("kind", [TensorProto.INT8, TensorProto.UINT8])
def test_output_dtype_of_a_quantize_linear_counts(kind: int, tmp_path: Path):
    nodes = [
        conv(),
        node("QuantizeLinear", ["c", "s"], "q", output_dtype=kind),
        node("DequantizeLinear", ["q", "s"], "y"),
    ]
    path = model(tmp_path / "m.onnx", nodes, {"w": WEIGHTS, "s": np.float32(0.04)}, "y", opset=21)

    agrees(path)


@pytest.mark.parametrize(
    ("kind", "dtype"), [(TensorProto.INT8, np.int8), (TensorProto.UINT8, np.uint8)]
)
def test_an_input_of_integers_without_a_zero_point_has_its_own_type(
    kind: int, dtype: type, tmp_path: Path
):
    nodes = [node("DequantizeLinear", ["x", "s"], "d"), conv("d", "y")]
    path = model(tmp_path / "m.onnx", nodes, {"w": WEIGHTS, "s": np.float32(0.5)}, "y", kind=kind)
    low = int(np.iinfo(dtype).min)
    given = load_network(path).whole.tensors["x"].given

    assert given is not None
    assert (given.low, given.high) == (low, low + 255)
    agrees(path, np.random.default_rng(2).integers(low, low + 256, (4, 3, 8, 8)))


def test_an_output_type_that_is_not_the_zero_points_is_refused(tmp_path: Path):
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], "q", output_dtype=TensorProto.UINT8),
        node("DequantizeLinear", ["q", "s", "z"], "d"),
        conv("d", "y"),
    ]
    constants = {"w": WEIGHTS, "s": np.float32(1), "z": np.int8(0)}
    path = model(tmp_path / "m.onnx", nodes, constants, "y", opset=21)

    with pytest.raises(UnsupportedOperatorError, match="output_dtype is uint8, its zero"):
        read_model(path)


@pytest.mark.parametrize("kind", ["Dropout", "BatchNormalization"])
def test_training_mode_is_refused_and_says_what_to_export(kind: str, tmp_path: Path):
    ones = dict.fromkeys(("g", "b", "m", "v"), np.ones(4, "f"))
    extra, attributes = {
        "Dropout": (["r", "t"], {}),
        "BatchNormalization": (["g", "b", "m", "v"], {"training_mode": 1}),
    }[kind]
    nodes = [conv(), node(kind, ["c", *extra], "y", **attributes)]
    constants = {"w": WEIGHTS, "r": np.float32(0.5), "t": np.bool_(True), **ones}
    path = model(tmp_path / "m.onnx", nodes, constants, "y", opset=15)

    with pytest.raises(UnsupportedOperatorError, match=r"'y': .* training=TrainingMode\.EVAL"):
        read_model(path)


def test_a_dropout_at_inference_is_nothing(tmp_path: Path):
    nodes = [conv(), node("Dropout", ["c", "r", "t"], "y")]
    constants = {"w": WEIGHTS, "r": np.float32(0.5), "t": np.bool_(False)}

    agrees(model(tmp_path / "m.onnx", nodes, constants, "y"))


@pytest.mark.parametrize(("low", "high"), [(0, np.inf), (-np.inf, 0.3), (-np.inf, np.inf)])
def test_an_infinite_bound_of_a_clip_is_none(low: float, high: float, tmp_path: Path):
    nodes = [conv(), node("Clip", ["c", "low", "high"], "y")]
    constants = {"w": WEIGHTS, "low": np.float32(low), "high": np.float32(high)}

    agrees(model(tmp_path / "m.onnx", nodes, constants, "y"))


def test_a_bound_that_is_no_number_is_refused(tmp_path: Path):
    nodes = [conv(), node("Clip", ["c", "low"], "y")]
    constants = {"w": WEIGHTS, "low": np.float32(np.nan)}

    with pytest.raises(UnsupportedOperatorError, match="input 1 must be a number, got nan"):
        read_model(model(tmp_path / "m.onnx", nodes, constants, "y"))


def test_operators_of_another_domain_that_mean_the_same_are_taken(tmp_path: Path):
    nodes = [
        conv(),
        node("Gelu", ["c"], "g", domain="com.microsoft"),
        node("QuantizeLinear", ["g", "s", "z"], "q", domain="com.microsoft"),
        node("DequantizeLinear", ["q", "s", "z"], "y", domain="com.microsoft"),
    ]
    constants = {"w": WEIGHTS, "s": np.float32(0.02), "z": np.int8(-100)}

    agrees(model(tmp_path / "m.onnx", nodes, constants, "y"))


def test_another_domain_is_named(tmp_path: Path):
    nodes = [conv(), node("BiasGelu", ["c", "b"], "y", domain="com.microsoft")]
    path = model(tmp_path / "m.onnx", nodes, {"w": WEIGHTS, "b": np.ones(8, "f")}, "y")

    with pytest.raises(
        UnsupportedOperatorError, match=r"operator 'BiasGelu' of domain 'com\.microsoft' is not"
    ):
        read_model(path)


def test_nodes_in_any_order_are_sorted(tmp_path: Path):
    nodes = [
        node("Add", ["r", "c"], "y"),
        node("Relu", ["c"], "r"),
        conv(),
    ]

    agrees(model(tmp_path / "m.onnx", nodes, {"w": WEIGHTS}, "y"))


@pytest.mark.parametrize("location", ["m.onnx.data", "weights/all.bin", "plan.json"])
def test_a_model_with_weights_in_another_file_is_whole_in_its_build(location: str, tmp_path: Path):
    (tmp_path / "weights").mkdir()
    path = model(
        tmp_path / "m.onnx",
        [conv()],
        {"w": WEIGHTS},
        "c",
        save_as_external_data=True,
        location=location,
        size_threshold=0,
    )

    hwmap.compile(path, "pynq-z2", tmp_path / "out", time_limit=0.5)

    (tmp_path / location).unlink()
    whole = load_network(tmp_path / "out" / "model.onnx").whole
    assert np.array_equal(whole.constants["c.weight"].values, WEIGHTS)
    assert hwmap.simulate(tmp_path / "out").cycles


SAME = {
    "identity": ([node("Identity", ["c"], "d")], ("c", "d")),
    "flatten": ([node("GlobalAveragePool", ["c"], "p"), node("Flatten", ["p"], "f")], ("p", "f")),
    "two": ([node("Identity", ["c"], "d"), node("Identity", ["c"], "e")], ("d", "e")),
    "turned": ([node("Relu", ["c"], "d"), node("Identity", ["d"], "e")], ("e", "d")),
    "read": ([node("Identity", ["c"], "d"), node("Relu", ["d"], "e")], ("c", "d", "e")),
}


@pytest.mark.parametrize("name", SAME)
def test_outputs_with_the_same_values_are_all_there(name: str, tmp_path: Path):
    nodes, outputs = SAME[name]
    path = model(tmp_path / "m.onnx", [conv(), *nodes], {"w": WEIGHTS}, *outputs)
    images = np.random.default_rng(3).standard_normal((16, *X[1:])).astype("f")
    np.savez(tmp_path / "d.npz", x=images)

    agrees(path)
    hwmap.compile(path, "pynq-z2", tmp_path / "out", calib=tmp_path / "d.npz", time_limit=0.5)

    assert hwmap.verify(tmp_path / "out").holds
    found = hwmap.run(path, tmp_path / "d.npz", integer=True, calib=tmp_path / "d.npz").outputs
    for output, wanted in run_model(path, {"x": images}).items():
        values = found[output].reshape(wanted.shape)
        assert np.abs(values - wanted).max() < 0.05 * np.abs(wanted).max()


def _integers(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def test_nothing_may_be_left_of_a_shape(tmp_path: Path):
    nodes = [
        conv(),
        node("Shape", ["c"], "sizes"),
        node("Slice", ["sizes", "four", "many"], "none"),
        node("ConstantOfShape", ["zero"], "empty", value=numpy_helper.from_array(_integers(0))),
        node("Concat", ["empty", "sizes", "none"], "target", axis=0),
        node("Reshape", ["c", "target"], "y"),
    ]
    constants = {"four": _integers(4), "many": _integers(100), "zero": _integers(0)}

    agrees(model(tmp_path / "m.onnx", nodes, {"w": WEIGHTS, **constants}, "y"))


PAIRS = {
    "thresholded": [node("ThresholdedRelu", ["c"], "y", alpha=0.3)],
    "max": [node("Sigmoid", ["d"], "e"), node("Max", ["c", "e"], "y")],
    "min": [node("Min", ["c", "d"], "y")],
    "channel mean": [node("ReduceMean", ["c"], "y", axes=[1])],
    "channel sum": [node("ReduceSum", ["c", "one"], "m", keepdims=0), node("Relu", ["m"], "y")],
    "spatial attention": [
        node("ReduceMean", ["c"], "m", axes=[1]),
        node("Sigmoid", ["m"], "e"),
        node("Mul", ["e", "d"], "y"),
    ],
    "columns": [node("ReduceMean", ["c"], "m", axes=[2]), node("Mul", ["d", "m"], "y")],
    "add per channel": [node("GlobalAveragePool", ["c"], "m"), node("Add", ["m", "d"], "y")],
    "subtract per channel": [node("GlobalAveragePool", ["c"], "m"), node("Sub", ["m", "d"], "y")],
}


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_of_tensors_of_other_shapes_are_on_hardware(name: str, tmp_path: Path):
    constants = {"w": WEIGHTS, "one": _integers(1)}
    path = model(tmp_path / "m.onnx", [conv(), conv("x", "d"), *PAIRS[name]], constants, "y")
    images = np.random.default_rng(3).standard_normal((16, *X[1:])).astype("f")
    np.savez(tmp_path / "d.npz", x=images)

    agrees(path)
    hwmap.compile(path, "pynq-z2", tmp_path / "out", calib=tmp_path / "d.npz", time_limit=0.5)

    assert hwmap.verify(tmp_path / "out").holds


def test_shapes_that_do_not_fit_are_refused(tmp_path: Path):
    nodes = [conv(), node("Flatten", ["c"], "f"), node("Add", ["c", "f"], "y")]

    with pytest.raises(UnsupportedOperatorError, match="do not fit"):
        read_model(model(tmp_path / "m.onnx", nodes, {"w": WEIGHTS}, "y"))


def _detector(path: Path, *after: onnx.NodeProto) -> Path:
    """Boxes of hundreds beside scores below 1, joined."""
    nodes = [
        conv(),
        node("Sigmoid", ["c"], "score"),
        node("Mul", ["c", "k"], "box"),
        node("Relu", ["box"], "boxes"),
        node("Concat", ["boxes", "score"], "y", axis=1),
        *after,
    ]
    constants = {"w": WEIGHTS, "k": np.float32(200), "v": WEIGHTS[:, :1, :1, :1].repeat(8, 1)}
    return model(path, nodes, constants, "z" if after else "y")


def test_a_join_that_only_outputs_read_keeps_small_values(tmp_path: Path):
    path = _detector(tmp_path / "m.onnx")
    images = np.random.default_rng(3).standard_normal((16, *X[1:])).astype("f")
    np.savez(tmp_path / "d.npz", x=images)

    integer = hwmap.run(path, tmp_path / "d.npz", integer=True, calib=tmp_path / "d.npz")
    exact = hwmap.run(path, tmp_path / "d.npz")

    scores, wanted = integer.outputs["y"][:, 4:], exact.outputs["y"][:, 4:]
    assert wanted.std() > 0.1
    assert np.abs(scores - wanted).max() < 0.02


def test_a_join_of_very_different_ranges_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = _detector(tmp_path / "m.onnx", node("Conv", ["y", "v"], "z"))
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(3).standard_normal((16, *X[1:])))

    hwmap.quantize(path, calib=tmp_path / "d.npz")

    (message,) = [r.getMessage() for r in caplog.records if "joins" in r.getMessage()]
    assert message.startswith("op 'y' joins ranges of ")
    assert "so that 'score' has 0 levels left; scale it up before the join" in message


def test_an_input_far_from_0_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = model(tmp_path / "m.onnx", [conv()], {"w": WEIGHTS}, "c")
    np.savez(tmp_path / "d.npz", x=1000 + 0.3 * np.random.default_rng(3).random((16, *X[1:])))

    hwmap.quantize(path, calib=tmp_path / "d.npz")

    assert "input 'x' holds 1000 to 1000.3, of which int8 with 0 resolves 0 levels" in caplog.text


def test_float16_inputs_and_outputs_stay_float16(tmp_path: Path):
    half = TensorProto.FLOAT16
    nodes = [conv(), node("Flatten", ["c"], "f"), node("Relu", ["c"], "r")]
    constants = {"w": WEIGHTS.astype(np.float16)}
    path = model(tmp_path / "m.onnx", nodes, constants, "r", "f", kind=half, made=half)
    data = tmp_path / "d.npz"
    np.savez(data, x=np.random.default_rng(3).standard_normal((8, *X[1:])))

    hwmap.quantize(path, tmp_path / "q.onnx", calib=data)
    integer = hwmap.run(path, data, integer=True, calib=data).outputs

    graph = onnx.load(tmp_path / "q.onnx").graph
    assert {i.type.tensor_type.elem_type for i in (*graph.input, *graph.output)} == {half}
    images = np.load(data)["x"].astype(np.float16)
    for name, wanted in run_model(tmp_path / "q.onnx", {"x": images}).items():
        found = integer[name].reshape(wanted.shape)
        assert found.dtype == np.float16
        assert np.abs(found - wanted).max() <= 0.02 * np.abs(wanted).max()
    hwmap.compile(path, "pynq-z2", tmp_path / "out", calib=data)
    assert hwmap.verify(tmp_path / "out").holds
