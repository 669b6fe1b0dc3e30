"""ONNX files in, graphs out; what is not supported is said at once."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from hwmap.compiler import load_source
from hwmap.errors import ModelError, UnsupportedOperatorError
from hwmap.frontend.reader import inspect_model, read_model
from hwmap.frontend.runtime import run_model
from hwmap.inference import load_network
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import macs
from tests.models import ModelBuilder, everything
from tests.networks import SHARED, Case

MACS = {
    "digits": 1_559_520,
    "resnet8_cifar10": 12_501_632,
    "resnet20_cifar10": 40_813_184,
    "dscnn_kws": 2_656_768,
    "mobilenetv1_025_vww": 7_489_664,
    "cnn_mnist": 786_560,
}


def _agree(model: Path, images: np.ndarray) -> None:
    graph = load_network(model).whole
    name = graph.inputs[0]
    ours = evaluate(graph, {name: images})
    theirs = run_model(model, {name: images})
    for output, wanted in theirs.items():
        found = ours[output].reshape(wanted.shape)
        assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()


def test_a_real_network_equals_onnxruntime(case: Case):
    _agree(case.model, case.images[:8])


def test_the_macs_are_those_of_the_networks_readme(case: Case):
    graph = load_network(case.model).whole

    assert sum(macs(op, graph) for op in graph.ops) == MACS[case.name]


@pytest.mark.parametrize("name", ["autoencoder_ad", "mobilenetv1_050_160_imagenet"])
def test_other_shared_networks_of_supported_operators_equal_onnxruntime(name: str):
    if not SHARED.is_dir():
        pytest.skip("the shared networks are not here")
    model = SHARED / "models" / f"{name}.onnx"
    shape = load_source(model).shape(load_source(model).inputs[0])
    _agree(model, np.random.default_rng(0).random((2, *shape), dtype=np.float32))


@pytest.mark.parametrize("seed", range(3))
def test_every_operator_equals_onnxruntime(seed: int, tmp_path: Path):
    model = everything(seed).save(tmp_path / "net.onnx", "out")

    _agree(model, np.random.default_rng(seed).standard_normal((4, 3, 11, 9)).astype(np.float32))


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_auto_pad_equals_onnxruntime(auto_pad: str, tmp_path: Path):
    net = ModelBuilder((2, 7, 6))
    net.conv("x", (2, 3), (4, 3), name="out", strides=[2, 2], auto_pad=auto_pad)

    _agree(net.save(tmp_path / "net.onnx", "out"), np.ones((1, 2, 7, 6), np.float32))


def test_batch_normalization_constants_and_matmul_equal_onnxruntime(tmp_path: Path):
    net = ModelBuilder((3, 5, 5))
    parts = [net.constant(net.rng.uniform(0.5, 2, 3), f"bn{i}") for i in range(4)]
    a = net.node("BatchNormalization", "x", *parts, name="first")
    a = net.conv(a, (3, 6), (3, 3), name="conv", bias=False)
    parts = [net.constant(net.rng.uniform(0.5, 2, 6), f"cn{i}") for i in range(4)]
    a = net.node("BatchNormalization", a, *parts, name="second")
    a = net.node("MaxPool", a, name="pool", kernel_shape=[3, 3])
    a = net.node("Relu", a, name="relu")
    a = net.node("Reshape", a, net.constant(np.array([1, -1]), "shape"), name="reshape")
    a = net.node("MatMul", a, net.constant(net.rng.standard_normal((6, 4)), "w"), name="matmul")
    a = net.node("Add", a, net.constant(net.rng.standard_normal(4), "b"), name="bias")
    net.node("Softmax", a, name="out")

    images = np.random.default_rng(0).standard_normal((3, 3, 5, 5)).astype(np.float32)
    _agree(net.save(tmp_path / "net.onnx", "out"), images)


def test_old_clip_takes_its_bounds_from_attributes(tmp_path: Path):
    net = ModelBuilder((2, 3, 3), opset=9)
    net.node("Clip", net.conv("x", (2, 2), (1, 1), name="a"), name="out", min=0.0, max=6.0)

    _agree(net.save(tmp_path / "net.onnx", "out"), np.full((1, 2, 3, 3), 9, np.float32))


def test_selection_convolutions_are_marked_fixed(tmp_path: Path):
    net = ModelBuilder((2, 4, 4))
    weight = np.zeros((4, 2, 1, 1))
    weight[1, 0] = weight[2, 1] = 1
    net.node("Conv", "x", net.constant(weight, "w"), name="out", kernel_shape=[1, 1])

    graph = load_network(net.save(tmp_path / "net.onnx", "out")).whole

    assert graph.ops[0].fixed


def test_every_unsupported_node_is_named_at_once(tmp_path: Path):
    net = ModelBuilder((2, 4, 4))
    a = net.node("Det", "x", name="wave")
    a = net.node("Hardmax", a, name="grow")
    a = net.node("Det", a, name="again")
    net.conv("x", (2, 2), (1, 1), name="fine")
    net.node("Add", "fine", a, name="out")
    path = net.save(tmp_path / "net.onnx", "out")

    with pytest.raises(UnsupportedOperatorError) as error:
        read_model(path)

    assert "nodes 'wave', 'again': operator 'Det' is not supported" in str(error.value)
    assert "node 'grow': operator 'Hardmax' is not supported" in str(error.value)
    assert "supported operators: Abs, Add, ArgMax" in str(error.value)


def test_an_unsupported_attribute_says_what_was_expected_and_found(tmp_path: Path):
    net = ModelBuilder((2, 5, 5))
    net.node("MaxPool", "x", name="out", kernel_shape=[2, 2], storage_order=1)

    with pytest.raises(UnsupportedOperatorError, match="storage_order must be 0, got 1"):
        read_model(net.save(tmp_path / "net.onnx", "out"))


def test_inspect_lists_problems_instead_of_raising(tmp_path: Path):
    net = ModelBuilder((2, 4, 4))
    net.node("Det", "x", name="out")

    file = inspect_model(net.save(tmp_path / "net.onnx", "out"))

    assert file.graph is None
    assert file.problems == (("out", "operator 'Det' is not supported"),)
    assert file.operators == {"Det": 1}


def test_a_softmax_in_the_middle_does_not_run_on_the_accelerator(tmp_path: Path):
    net = ModelBuilder((2, 1, 1))
    net.conv(net.node("Softmax", "x", name="soft", axis=1), (2, 2), (1, 1), name="out")

    with pytest.raises(UnsupportedOperatorError, match="node 'soft': Softmax must be last"):
        load_source(net.save(tmp_path / "net.onnx", "out"))


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n" + b"0" * 64, b"hello"])
def test_a_file_that_is_no_model_is_refused(content: bytes, tmp_path: Path):
    path = tmp_path / "net.onnx"
    path.write_bytes(content)

    with pytest.raises(ModelError, match=r"net\.onnx: not a valid ONNX model"):
        read_model(path)


def test_a_directory_and_a_missing_file_are_refused(tmp_path: Path):
    with pytest.raises(ModelError, match="a directory; expected an ONNX model"):
        read_model(tmp_path)
    with pytest.raises(ModelError, match="no such file; expected an ONNX model"):
        read_model(tmp_path / "missing.onnx")


def test_a_dynamic_dimension_is_named(tmp_path: Path):
    model = ModelBuilder((2, 4, 4))
    model.conv("x", (2, 2), (1, 1), name="out")
    proto = model.model("out")
    proto.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    onnx.save(proto, tmp_path / "net.onnx")

    with pytest.raises(ModelError, match=r"got \[1, 2, 'height', 4\]"):
        read_model(tmp_path / "net.onnx")


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path):
    net = ModelBuilder((1, 2, 2))
    net.node("Conv", "x", net.constant(np.full((1, 1, 1, 1), np.nan), "w"), name="out")

    with pytest.raises(UnsupportedOperatorError, match="constant 'w' holds NaN or infinite values"):
        read_model(net.save(tmp_path / "net.onnx", "out"))


def test_what_no_output_needs_is_left_out(tmp_path: Path):
    net = ModelBuilder((2, 4, 4))
    net.inputs.append(onnx.helper.make_tensor_value_info("unused", 1, [1, 3, 2, 2]))
    net.node("Det", "x", name="dead")
    net.conv("x", (2, 2), (1, 1), name="out")

    graph = load_network(net.save(tmp_path / "net.onnx", "out")).whole

    assert graph.inputs == ("x",)
    assert [op.name for op in graph.ops] == ["out"]


def test_nodes_of_one_name_are_told_apart(tmp_path: Path):
    net = ModelBuilder((2, 4, 4))
    net.conv("x", (2, 2), (1, 1), name="a#1")
    net.conv("a#1", (2, 2), (1, 1), name="a")
    net.conv("a", (2, 2), (1, 1), name="out")
    net.nodes[2].name = "a"

    graph = load_network(net.save(tmp_path / "net.onnx", "out")).whole

    assert [op.name for op in graph.ops] == ["a#1", "a", "a#2"]


def test_constants_in_every_form_are_read(tmp_path: Path):
    net = ModelBuilder((2, 4, 4))
    net.node("Constant", name="zero", value_float=0.0)
    weight = net.constant(net.rng.standard_normal((2, 2, 1, 1)), "w")
    net.node("Identity", weight, name="same")
    a = net.node("Conv", "x", "same", name="a", kernel_shape=[1, 1])
    net.node("Clip", a, "zero", name="out")

    _agree(net.save(tmp_path / "net.onnx", "out"), np.ones((1, 2, 4, 4), np.float32))


def test_a_thousand_activations_in_a_row_are_one(tmp_path: Path):
    net = ModelBuilder((1, 2, 2))
    tensor = net.conv("x", (1, 1), (1, 1), name="a")
    for index in range(1000):
        tensor = net.node("Relu", tensor, name=f"r{index}")

    assert len(load_network(net.save(tmp_path / "net.onnx", tensor)).whole.ops) == 1


def test_a_pool_whose_pads_are_as_large_as_its_kernel_is_refused(tmp_path: Path):
    net = ModelBuilder((2, 5, 5))
    net.node("MaxPool", "x", name="out", kernel_shape=[2, 2], pads=[2, 0, 0, 0])

    with pytest.raises(UnsupportedOperatorError, match="must be smaller than the kernel"):
        read_model(net.save(tmp_path / "net.onnx", "out"))


def test_an_input_of_integers_is_listed_with_the_other_problems(tmp_path: Path):
    net = ModelBuilder((2, 4, 4))
    net.node("Det", net.conv("x", (2, 2), (1, 1), name="a"), name="out")
    proto = net.model("out")
    proto.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT16
    onnx.save(proto, tmp_path / "net.onnx")

    file = inspect_model(tmp_path / "net.onnx")

    assert file.problems == (
        ("x", "the input must be FLOAT, FLOAT16, INT8 or UINT8, got INT16"),
        ("out", "operator 'Det' is not supported"),
    )
