"""Graphs out as ONNX: floats come back the same, and each op of an integer network is the one that
onnxruntime runs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from hwmap.frontend.export import export_float, export_integer
from hwmap.frontend.reader import read_model
from hwmap.frontend.runtime import Session, run_model
from hwmap.inference import load_network, run_integer
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import Graph
from hwmap.passes import canonicalize, device_part
from hwmap.quantize.choose import SCHEMES, quantize_graph
from tests.agreement import worst_level
from tests.frontend.test_operators import CASES
from tests.models import everything, everything_else

TOLERANCE = 1e-4


def _model(name: str, tmp_path: Path) -> tuple[Path, np.ndarray]:
    """The model of a case, and images for it."""
    shape, opset, build = CASES[name]
    from tests.models import ModelBuilder

    net = ModelBuilder(shape, opset=opset)
    model = net.save(tmp_path / "net.onnx", build(net))
    return model, np.random.default_rng(1).standard_normal((3, *shape)).astype(np.float32)


@pytest.mark.parametrize("name", CASES)
def test_a_float_graph_comes_back_the_same(name: str, tmp_path: Path):
    model, images = _model(name, tmp_path)
    (wanted,) = run_model(model, {"x": images}).values()
    graph = read_model(model)

    for made in (graph, canonicalize(graph)):
        path = tmp_path / "again.onnx"
        path.write_bytes(export_float(made))
        onnx.checker.check_model(onnx.load(path), full_check=True)
        (theirs,) = run_model(path, {"x": images}).values()
        again = canonicalize(read_model(path))
        (ours,) = evaluate(again, {"x": again.tensors["x"].from_host(images)}).values()

        for found in (theirs, ours.reshape(wanted.shape)):
            assert np.abs(found - wanted).max() <= TOLERANCE * np.abs(wanted).max()


@pytest.mark.parametrize("name", CASES)
def test_a_network_of_any_number_of_images_stays_one(name: str, tmp_path: Path):
    model, images = _model(name, tmp_path)
    (wanted,) = run_model(model, {"x": images}).values()
    free = onnx.load(model)
    free.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "images"
    path = tmp_path / "free.onnx"
    onnx.save(free, path)

    path.write_bytes(export_float(canonicalize(read_model(path))))

    (size, *_) = onnx.load(path).graph.input[0].type.tensor_type.shape.dim
    assert size.dim_param == "N"
    (found,) = Session(path).run({"x": images})
    assert np.abs(found.reshape(wanted.shape) - wanted).max() <= TOLERANCE * np.abs(wanted).max()


NOT_INTEGER = {"local normalization"}


@pytest.mark.parametrize("name", sorted(set(CASES) - NOT_INTEGER))
def test_each_op_of_an_integer_network_is_onnxruntimes_to_one_level(name: str, tmp_path: Path):
    model, images = _model(name, tmp_path)
    source = device_part(load_network(model).whole)
    inputs = {"x": images.reshape(-1, *source.shape("x"))}

    integer = quantize_graph(source, inputs, SCHEMES[:1]).graph

    assert worst_level(integer, inputs) <= 1


@pytest.mark.parametrize("build", [everything, everything_else])
def test_an_exported_integer_network_keeps_its_integers(build, tmp_path: Path):
    model = build().save(tmp_path / "net.onnx", "out")
    network = load_network(model)
    shape = network.whole.shape("x")
    inputs = {"x": np.random.default_rng(1).standard_normal((6, *shape)).astype(np.float32)}
    first = quantize_graph(device_part(network.whole), inputs, SCHEMES[:1]).graph
    path = tmp_path / "qdq.onnx"
    path.write_bytes(export_integer(first, network.host))

    again = load_network(path)
    second = quantize_graph(device_part(again.whole), inputs, SCHEMES[:1]).graph

    wanted = run_integer(network, first, inputs)["out"]
    assert (run_integer(again, second, inputs)["out"] == wanted).all()
    assert _scales(second) <= _scales(first)


@pytest.mark.parametrize("build", [everything, everything_else])
def test_an_integer_network_of_any_number_of_images_stays_one(build, tmp_path: Path):
    network = load_network(build().save(tmp_path / "net.onnx", "out"))
    images = np.random.default_rng(1).standard_normal((3, *network.whole.shape("x"))).astype("f")
    integer = quantize_graph(device_part(network.whole), {"x": images}, SCHEMES[:1]).graph
    path = tmp_path / "qdq.onnx"

    path.write_bytes(export_integer(replace(integer, free_batch=True), network.host))

    (found,) = Session(path).run({"x": images})
    (wanted,) = run_model(path, {"x": images}).values()
    assert (found.reshape(wanted.shape) == wanted).all()


def _scales(graph: Graph) -> set[float]:
    return {tensor.integer.scalar_scale for tensor in graph.tensors.values()}


def test_an_exported_model_has_the_interface_of_the_first(tmp_path: Path):
    model, _ = _model("gemm without bias", tmp_path)
    path = tmp_path / "again.onnx"
    path.write_bytes(export_float(load_network(model).whole))

    graph = onnx.load(path).graph

    sizes = [[d.dim_value for d in i.type.tensor_type.shape.dim] for i in graph.input]
    assert ([i.name for i in graph.input], sizes) == (["x"], [[1, 7]])
    assert [o.name for o in graph.output] == ["y"]


def test_the_same_graph_gives_the_same_bytes(tmp_path: Path):
    model = everything_else().save(tmp_path / "net.onnx", "out")

    first, second = (export_float(load_network(model).whole) for _ in range(2))

    assert first == second
