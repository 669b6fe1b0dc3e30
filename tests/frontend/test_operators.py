"""Every operator in every form: our float graph, before and after the passes, is onnxruntime's."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from hwmap.errors import UnsupportedOperatorError
from hwmap.frontend.operators import OPERATORS
from hwmap.frontend.reader import read_model
from hwmap.frontend.runtime import run_model
from hwmap.ir.evaluate import evaluate
from hwmap.passes import canonicalize
from tests.frontend.cases import CASES, Build, ints
from tests.frontend.operators import constants, endings, functions, moves, pairs, pools, weighted
from tests.models import ModelBuilder

TOLERANCE = 1e-4
MODULES = (constants, endings, functions, moves, pairs, pools, weighted)
"""They register the cases."""


def _agree(net: ModelBuilder, output: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    model = net.save(tmp_path / "net.onnx", output)
    images = np.random.default_rng(1).standard_normal((2, *shape)).astype(np.float32)
    (wanted,) = run_model(model, {"x": images}).values()
    graph = read_model(model)
    for made in (graph, canonicalize(graph)):
        (found,) = evaluate(made, {"x": made.tensors["x"].from_host(images)}).values()
        assert (
            np.abs(found.reshape(wanted.shape) - wanted).max() <= TOLERANCE * np.abs(wanted).max()
        )


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("trans_a", [0, 1])
@pytest.mark.parametrize("trans_b", [0, 1])
def test_gemm_in_every_transposition(swap: bool, trans_a: int, trans_b: int, tmp_path: Path):
    net = ModelBuilder((7,))
    # x is [1, 7]; as a column it is [7, 1].
    vector = [7, 1] if trans_a != swap else [1, 7]
    source = net.node("Reshape", "x", ints(net, vector, "s"), name="v")
    inner, outer = (7, 3)
    if swap:
        shape = (inner, outer) if trans_a else (outer, inner)
        source = net.node("Reshape", "x", ints(net, [1, 7] if trans_b else [7, 1], "t"), name="u")
        inputs = (net.constant(net.rng.standard_normal(shape), "w"), source)
        bias = (3, 1)
    else:
        shape = (outer, inner) if trans_b else (inner, outer)
        inputs = (source, net.constant(net.rng.standard_normal(shape), "w"))
        bias = (3,)
    bias_name = net.constant(net.rng.standard_normal(bias), "b")
    net.node(
        "Gemm", *inputs, bias_name, name="y", transA=trans_a, transB=trans_b, alpha=0.5, beta=2.0
    )

    _agree(net, "y", (7,), tmp_path)


@pytest.mark.parametrize("name", CASES)
def test_an_operator_equals_onnxruntime(name: str, tmp_path: Path):
    shape, opset, build = CASES[name]
    net = ModelBuilder(shape, opset=opset)

    _agree(net, build(net), shape, tmp_path)


def test_every_operator_has_a_case():
    tested = set()
    for shape, opset, build in CASES.values():
        net = ModelBuilder(shape, opset=opset)
        build(net)
        tested |= {node.op_type for node in net.nodes}

    # These are tested elsewhere: QDQ models; Constant, Range and Size fold to constants; Swish
    # needs an opset that is too new for onnxruntime; positions are integers, TopK has two outputs
    # (test_endings).
    elsewhere = {"Constant", "DequantizeLinear", "QuantizeLinear", "Range", "Size", "Swish"}
    elsewhere |= {"ArgMax", "ArgMin", "TopK"}
    assert set(OPERATORS) - tested == elsewhere


@pytest.mark.parametrize("opset", range(7, onnx.defs.onnx_opset_version() + 1))
def test_every_opset_is_read(opset: int, tmp_path: Path):
    net = ModelBuilder((4, 6, 5), opset=opset)
    a = net.node("Relu", net.conv("x", (4, 6), (3, 3), name="a", pads=[1] * 4), name="r")
    a = net.node("MaxPool", a, name="p", kernel_shape=[2, 2])
    net.gemm(net.node("Flatten", a, name="f"), (6 * 5 * 4, 3), name="y")
    model = net.save(tmp_path / "net.onnx", "y")

    graph = canonicalize(read_model(model))

    assert [type(op).__name__ for op in graph.ops] == ["Conv", "MaxPool", "Conv"]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda n: n.node("Gather", "x", ints(n, 9, "i"), name="y", axis=1), "within -4 to 3"),
        (lambda n: n.node("Reshape", "x", ints(n, [1, 7], "s"), name="y"), "reshapes"),
        (lambda n: n.node("Transpose", "x", name="y", perm=[0, 0, 1, 2]), "no order of 4 axes"),
        (lambda n: n.node("Pad", "x", ints(n, [1] * 8, "p"), name="y"), "channels with 0"),
        (lambda n: n.node("ReduceMax", "x", name="y", axes=[4]), "axes .4. do not fit"),
        (lambda n: n.node("Pow", "x", n.conv("x", (4, 4), (1, 1), name="c"), name="y"),
         "Pow of two tensors"),
        (lambda n: n.node("Mul", "x", n.constant(np.ones((6, 3)) + np.eye(6, 3), "k"), name="y"),
         r"a constant of shape \[6, 3\] does not fit \[1, 4, 6, 5\]"),
        (lambda n: n.node("Div", "x", n.constant(np.float32([[[1]], [[0]], [[1]], [[1]]]), "k"),
                          name="y"), "divides by zero"),
        (lambda n: n.node("Tile", "x", ints(n, [1, 1, 9999, 9999], "r"), name="y"), "values"),
        (lambda n: n.node("LRN", "x", name="y", size=0), "size must be 1 to 8"),
        (lambda n: n.node("PRelu", "x", n.constant(np.ones((6, 5)) + np.eye(6, 5), "s"), name="y"),
         "is not one value per channel"),
        (lambda n: n.node("DepthToSpace", "x", name="y", blocksize=3), "does not fit"),
    ],
)  # fmt: skip
def test_what_an_operator_cannot_do_is_said(build: Build, message: str, tmp_path: Path):
    net = ModelBuilder((4, 6, 5), opset=13)
    output = build(net)
    graph = onnx.helper.make_graph(
        net.nodes, "n", net.inputs,
        [onnx.helper.make_tensor_value_info(output, 1, None)], net.constants,
    )  # fmt: skip
    opset = [onnx.helper.make_opsetid("", 13)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset), tmp_path / "net.onnx")

    with pytest.raises(UnsupportedOperatorError, match=message):
        read_model(tmp_path / "net.onnx")
