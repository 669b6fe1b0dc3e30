"""Operators that networks of the field have beside the usual ones."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import hwmap
from hwmap.errors import ModelError, UnsupportedOperatorError
from hwmap.frontend.reader import read_model
from hwmap.frontend.runtime import run_model
from hwmap.imported import import_rung
from hwmap.inference import load_network
from hwmap.ir.ops import Resize
from hwmap.passes import hardware_part
from tests.frontend.onnx_models import X, conv, model, node

RNG = np.random.default_rng(0)


def _w(*shape: int) -> np.ndarray:
    return (RNG.standard_normal(shape) * 0.3).astype("f")


def _branch(kind: str, output: str) -> onnx.GraphProto:
    info = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
    zero = numpy_helper.from_array(np.array([0]), "axis")
    inputs = ["c", "axis"] if kind == "Squeeze" else ["c"]
    return helper.make_graph([node(kind, inputs, output)], kind, [], [info], [zero])


CONSTANTS = {
    "w": _w(4, 3, 3, 3),
    "which": np.array([True, False, True, False]).reshape(1, 4, 1, 1),
    "pixel": RNG.random((1, 1, 8, 8)) > 0.5,
    "half": np.float32(0.5),
    "w6": _w(4, 6, 1, 1),
    "w4": _w(4, 4, 1, 1),
    "w1d": _w(4, 3, 3),
    "map": _w(1, 2, 8, 8),
    "value": np.ones((1, 2, 8, 8), "f") * np.array([0.5, -1], "f")[:, None, None],
    "pixels": _w(1, 4, 8, 8),
    "image": _w(1, 3, 8, 8),
    "attention": _w(1, 1, 8, 8),
    "twice": np.array([1, 1, 2], "f"),
    "taller": np.array([1, 1, 1.5, 1.1], "f"),
    "as it is": np.array([1, 1, 1.1, 1.1], "f"),
    "as wide": np.array([1, 1, 1, 1.1], "f"),
    "size": np.array([1, 4, 15]),
    "oc": _w(6, 4),
    "cd": _w(6, 5),
    "oi": _w(6, 256),
    "ochw": _w(6, 4, 8, 8),
    "one": np.array(1),
    "four": np.array(4),
    "mean": (lambda a: (a / a.sum(0)).astype("f"))(RNG.random((8, 5))),
    "rows": _w(5, 8),
}
ROW = node("Conv", ["x", "w1d"], "c", pads=[1, 1])
IF = [
    conv(),
    node("Shape", ["c"], "s"),
    node("Gather", ["s", "one"], "n"),
    node("Equal", ["n", "four"], "is4"),
    node(
        "If", ["is4"], "y", then_branch=_branch("Sigmoid", "t"), else_branch=_branch("Squeeze", "e")
    ),
]
LAST = node("Conv", ["j", "w6"], "y")
ON_HARDWARE = {
    "Where of channels": (
        X,
        [conv(), node("Where", ["which", "c", "half"], "d"), node("Conv", ["d", "w4"], "y")],
    ),
    "norm of weights": (
        X,
        [
            node("ReduceL2", ["w"], "n", axes=[1, 2, 3]),
            node("Div", ["w", "n"], "w1"),
            node("Conv", ["x", "w1"], "y"),
        ],
    ),
    "Concat with equal values": (X, [conv(), node("Concat", ["c", "value"], "j", axis=1), LAST]),
    "Concat with a constant at the end": (X, [conv(), node("Concat", ["c", "map"], "y", axis=1)]),
    "linear Resize of a row": (
        (1, 3, 9),
        [ROW, node("Resize", ["c", "", "twice"], "y", mode="linear")],
    ),
    "nearest Resize of a row": ((1, 3, 9), [ROW, node("Resize", ["c", "", "twice"], "y")]),
    "Resize of a row to a size": (
        (1, 3, 9),
        [ROW, node("Resize", ["c", "", "", "size"], "y", mode="linear")],
    ),
    # A scale that leaves a side as long as it was moves its values all the same, but if no side
    # changes onnxruntime copies the map.
    **{
        f"{mode} Resize, {scales}": (
            X,
            [conv(), node("Resize", ["c", "", scales], "y", mode=mode)],
        )
        for mode in ("nearest", "linear")
        for scales in ("taller", "as it is", "as wide")
    },
    "constant If": (X, IF),
    "Einsum of pixels": (X, [conv(), node("Einsum", ["c", "oc"], "y", equation="nchw,oc->nohw")]),
    "Einsum of rows": ((1, 9, 6), [node("Einsum", ["x", "cd"], "y", equation="btc,cd->btd")]),
    "Einsum of a vector": (
        X,
        [
            conv(),
            node("Flatten", ["c"], "f"),
            node("Einsum", ["oi", "f"], "y", equation="oi,bi->bo"),
        ],
    ),
    "Einsum of all": (
        X,
        [conv(), node("Einsum", ["c", "ochw"], "y", equation="...chw,ochw->...o")],
    ),
}
IMPORTED = {
    "Where of pixels": (
        X,
        [conv(), node("Where", ["pixel", "half", "c"], "d"), node("Relu", ["d"], "y")],
    ),
    "Concat with a constant": (X, [conv(), node("Concat", ["c", "map"], "j", axis=1), LAST]),
    "constants for every pixel": (
        X,
        [conv(), node("Add", ["c", "pixels"], "d"), node("Conv", ["d", "w4"], "y")],
    ),
    "mean image": (X, [node("Sub", ["x", "image"], "d"), conv("d", "y")]),
    "attention": (X, [conv(), node("Mul", ["c", "attention"], "d"), node("Relu", ["d"], "y")]),
    "ReduceMax over channels": (X, [conv(), node("ReduceMax", ["c"], "y", axes=[1])]),
    "MatMul with means": (X, [conv(), node("MatMul", ["c", "mean"], "y")]),
    "matrix times rows": (X, [conv(), node("MatMul", ["rows", "c"], "y")]),
}


def _saved(path: Path, shape: tuple[int, ...], nodes: list[onnx.NodeProto]) -> tuple[Path, Path]:
    read = {source for item in nodes for source in item.input}
    constants = {name: value for name, value in CONSTANTS.items() if name in read}
    np.savez(path / "d.npz", x=RNG.standard_normal((12, *shape[1:])))
    return model(path / "m.onnx", nodes, constants, "y", shape=shape), path / "d.npz"


@pytest.mark.parametrize("name", [*ON_HARDWARE, *IMPORTED])
def test_it_is_imported(name: str, tmp_path: Path):
    path, data = _saved(tmp_path, *{**ON_HARDWARE, **IMPORTED}[name])

    exact = hwmap.run(path, data).outputs["y"]

    (wanted,) = run_model(path, {"x": np.load(data)["x"].astype("f")}).values()
    assert np.abs(exact.reshape(wanted.shape) - wanted).max() < 1e-5 * np.abs(wanted).max()
    assert len(np.unique(wanted)) > 20


@pytest.mark.parametrize("name", ON_HARDWARE)
def test_it_is_on_hardware(name: str, tmp_path: Path):
    path, data = _saved(tmp_path, *ON_HARDWARE[name])
    whole = load_network(path).whole

    hardware_part(whole)
    hwmap.quantize(path, tmp_path / "q.onnx", calib=data)
    integer = hwmap.run(path, data, integer=True, calib=data).outputs["y"]

    images = np.load(data)["x"].astype("f")
    (written,) = run_model(tmp_path / "q.onnx", {"x": images}).values()
    assert np.abs(integer.reshape(written.shape) - written).max() < 0.02 * np.abs(written).max()
    first = {"x": whole.tensors["x"].from_host(images[:2])}
    assert import_rung(path, whole, first).holds


@pytest.mark.parametrize("name", ["constants for every pixel", "Concat with a constant"])
def test_constants_for_every_pixel_are_not_on_hardware(name: str, tmp_path: Path):
    path, _ = _saved(tmp_path, *IMPORTED[name])

    with pytest.raises(UnsupportedOperatorError, match="has constants for every pixel"):
        hardware_part(load_network(path).whole)


def test_a_matrix_of_means_of_many_is_no_resize(tmp_path: Path):
    path, _ = _saved(tmp_path, *IMPORTED["MatMul with means"])

    assert not any(isinstance(op, Resize) for op in load_network(path).whole.ops)


def test_a_condition_that_is_computed_is_refused(tmp_path: Path):
    nodes = [
        conv(),
        node("ReduceMax", ["c"], "m", keepdims=0),
        node("Cast", ["m"], "is4", to=9),
        IF[-1],
    ]
    path, _ = _saved(tmp_path, X, nodes)

    with pytest.raises(UnsupportedOperatorError, match="Cast: casts a tensor to bool"):
        read_model(path)


@pytest.mark.parametrize("equation", ["bi,oi->o", "bi,ii->bi", "bi,oi->bio", "bi,bi->b", "bi,oi"])
def test_an_einsum_that_is_no_linear_layer_is_refused(equation: str, tmp_path: Path):
    nodes = [
        conv(),
        node("Flatten", ["c"], "f"),
        node("Einsum", ["f", "oi"], "y", equation=equation),
    ]
    path, _ = _saved(tmp_path, X, nodes)

    with pytest.raises(UnsupportedOperatorError, match=r"Einsum: (equation|malformed|shape)"):
        read_model(path)


def test_sparse_initializers_are_read(tmp_path: Path):
    dense = np.zeros((4, 3, 3, 3), "f")
    places = np.array([[0, 0, 1, 1], [1, 2, 0, 2], [3, 1, 2, 0]])
    dense[tuple(places.T)] = [1.5, -2, 3]
    path = model(tmp_path / "m.onnx", [conv()], {}, "c")
    proto = onnx.load(path)
    values = numpy_helper.from_array(np.array([1.5, -2, 3], "f"), "w")
    linear = np.ravel_multi_index(tuple(places.T), dense.shape)
    sparse = helper.make_sparse_tensor(
        values, numpy_helper.from_array(linear, "places"), dense.shape
    )
    proto.graph.sparse_initializer.append(sparse)
    onnx.save(proto, path)
    data = tmp_path / "d.npz"
    np.savez(data, x=RNG.standard_normal((4, *X[1:])))

    found = hwmap.run(path, data).outputs["c"]

    (wanted,) = run_model(path, {"x": np.load(data)["x"].astype("f")}).values()
    assert np.abs(found.reshape(wanted.shape) - wanted).max() < 1e-5


def test_a_product_of_two_computed_tensors_says_what_it_is(tmp_path: Path):
    turned = node("Transpose", ["c"], "k", perm=[0, 1, 3, 2])
    path, _ = _saved(tmp_path, X, [conv(), turned, node("MatMul", ["c", "k"], "y")])

    with pytest.raises(UnsupportedOperatorError, match="'y': MatMul: multiplies two computed ten"):
        read_model(path)


def test_a_fixed_batch_says_what_to_export(tmp_path: Path):
    path, _ = _saved(tmp_path, (4, *X[1:]), [conv("x", "y")])

    with pytest.raises(ModelError, match=r"got \[4, 3, 8, 8\]; export it for a batch of 1"):
        read_model(path)
