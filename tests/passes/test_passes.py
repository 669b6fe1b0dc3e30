"""Each pass: a rewrite, a near miss, an unchanged graph."""

from pathlib import Path

import numpy as np
import pytest

from hwmap.errors import UnsupportedOperatorError
from hwmap.frontend.reader import read_model
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Affine, AveragePool, Clamp, Clip, Conv, Linear, Reshape, Select, Softmax
from hwmap.passes import PASSES, canonicalize, hardware_part, repeat
from hwmap.passes.affine import fold_affine, lower_affine
from hwmap.passes.clip import fuse_clip, lower_clip
from hwmap.passes.linear import lower_linear
from hwmap.passes.reshape import remove_noop_reshape, remove_outer_reshape
from tests.models import ModelBuilder


@pytest.fixture
def read(tmp_path: Path):
    """Import a network without running any pass."""

    def run(net: ModelBuilder, *outputs: str) -> Graph:
        return read_model(net.save(tmp_path / "net.onnx", *outputs))

    return run


def kinds(graph: Graph) -> list[str]:
    return [type(op).__name__ for op in graph.ops]


def same(before: Graph, after: Graph) -> None:
    """Both compute the same values."""
    rng = np.random.default_rng(0)
    inputs = {n: rng.standard_normal((2, *before.shape(n))).astype("f") for n in before.inputs}
    wanted = evaluate(before, inputs)
    found = evaluate(after, inputs)
    for name in before.outputs:
        np.testing.assert_allclose(
            found[name].reshape(wanted[name].shape), wanted[name], rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("run", PASSES, ids=lambda p: p.__name__)
def test_a_pass_returns_a_graph_it_has_nothing_to_do_in(run, read):
    net = ModelBuilder((2, 4, 4))
    net.conv("x", (2, 3), (3, 3), name="out")
    graph = read(net, "out")

    assert run(graph) is graph


def test_a_chain_of_identities_collapses(read):
    net = ModelBuilder((2, 4, 4))
    a = net.node("Identity", net.node("Identity", "x", name="i"), name="j")
    net.conv(a, (2, 3), (1, 1), name="out")
    graph = read(net, "out")

    after = repeat(remove_noop_reshape, graph)

    assert kinds(after) == ["Conv"]
    same(graph, after)


def test_an_identity_that_writes_an_output_passes_its_name_on(read):
    net = ModelBuilder((2, 4, 4))
    net.node("Identity", net.conv("x", (2, 3), (1, 1), name="a"), name="out")
    after = remove_noop_reshape(read(net, "out"))

    assert kinds(after) == ["Conv"]
    assert after.outputs == ("out",)


def test_an_identity_from_input_to_output_stays(read):
    net = ModelBuilder((2, 4, 4))
    net.node("Identity", "x", name="out")
    graph = read(net, "out")

    assert remove_noop_reshape(graph) is graph


def test_a_flatten_and_a_linear_layer_become_one_convolution(read):
    net = ModelBuilder((3, 4, 2))
    net.gemm(net.node("Flatten", "x", name="flat"), (24, 5), name="out")
    graph = read(net, "out")

    after = lower_linear(graph)

    (conv,) = after.ops
    assert isinstance(conv, Conv)
    assert after.constants[conv.weight].values.shape == (5, 3, 4, 2)
    same(graph, after)


def test_a_flatten_that_others_read_stays_for_them(read):
    net = ModelBuilder((3, 2, 2))
    flat = net.node("Flatten", "x", name="flat")
    net.gemm(flat, (12, 5), name="out")
    graph = read(net, "out", "flat")

    after = lower_linear(graph)

    assert sorted(kinds(after)) == ["Conv", "Reshape"]
    same(graph, after)


def test_a_reshape_of_an_input_goes_to_the_host(read):
    net = ModelBuilder((12,))
    shape = net.constant(np.array([1, 3, 2, 2]), "shape")
    net.conv(net.node("Reshape", "x", shape, name="r"), (3, 2), (2, 2), name="out")
    graph = read(net, "out")

    after = remove_outer_reshape(graph)

    assert kinds(after) == ["Conv"]
    assert after.shape("x") == (3, 2, 2)


def test_a_reshape_of_an_input_with_two_readers_stays(read):
    net = ModelBuilder((3, 1, 1))
    flat = net.node("Flatten", "x", name="flat")
    net.gemm(flat, (3, 3), name="a")
    net.conv("x", (3, 3), (1, 1), name="b")
    graph = read(net, "a", "b")

    assert remove_outer_reshape(graph) is graph


def test_a_batch_normalization_folds_into_the_convolution_before_it(read):
    net = ModelBuilder((2, 4, 4))
    parts = [net.constant(net.rng.uniform(0.5, 2, 3), f"p{i}") for i in range(4)]
    net.node("BatchNormalization", net.conv("x", (2, 3), (3, 3), name="a"), *parts, name="out")
    graph = read(net, "out")

    after = fold_affine(graph)

    assert kinds(after) == ["Conv"]
    same(graph, after)


def test_a_batch_normalization_of_a_tensor_that_others_read_does_not_fold(read):
    net = ModelBuilder((2, 4, 4))
    parts = [net.constant(net.rng.uniform(0.5, 2, 3), f"p{i}") for i in range(4)]
    a = net.conv("x", (2, 3), (3, 3), name="a")
    net.node("BatchNormalization", a, *parts, name="out")
    graph = read(net, "out", "a")

    assert fold_affine(graph) is graph


def test_a_batch_normalization_alone_becomes_a_depthwise_convolution(read):
    net = ModelBuilder((3, 4, 4))
    parts = [net.constant(net.rng.uniform(0.5, 2, 3), f"p{i}") for i in range(4)]
    net.node("BatchNormalization", "x", *parts, name="out")
    graph = read(net, "out")

    after = lower_affine(graph)

    assert kinds(after) == ["Conv"]
    assert after.ops[0].groups == 3
    same(graph, after)


def test_a_relu_fuses_into_the_addition_before_it(read):
    net = ModelBuilder((2, 4, 4))
    a = net.conv("x", (2, 2), (1, 1), name="a")
    net.node("Relu", net.node("Add", a, "x", name="sum"), name="out")
    graph = read(net, "out")

    after = fuse_clip(graph)

    assert kinds(after) == ["Conv", "Add"]
    assert after.ops[1].clamp == Clamp(low=0.0)
    same(graph, after)


def test_a_relu_of_a_tensor_that_others_read_does_not_fuse(read):
    net = ModelBuilder((2, 4, 4))
    net.node("Relu", net.conv("x", (2, 2), (1, 1), name="a"), name="out")
    graph = read(net, "out", "a")

    assert fuse_clip(graph) is graph


def test_a_relu_alone_becomes_an_average_over_one_value(read):
    net = ModelBuilder((2, 4, 4))
    net.node("Relu", "x", name="out")
    graph = read(net, "out")

    after = lower_clip(graph)

    assert isinstance(after.ops[0], AveragePool)
    same(graph, after)


def test_two_clamps_are_one():
    assert Clamp(-1, 5).then(Clamp(0, 9)) == Clamp(0, 5)
    assert Clamp(3, 5).then(Clamp(0, 1)) == Clamp(1, 1)


def test_a_final_softmax_is_the_hosts(read):
    net = ModelBuilder((4,))
    net.node("Softmax", net.gemm("x", (4, 3), name="a"), name="out")
    graph = canonicalize(read(net, "out"))

    after = hardware_part(graph)

    assert isinstance(graph.ops[-1], Softmax)
    assert after.outputs == ("a",)


def test_a_reshape_before_something_else_than_a_linear_layer_is_not_on_hardware(read):
    net = ModelBuilder((2, 2, 2))
    a = net.conv("x", (2, 2), (1, 1), name="a")
    a = net.node("Reshape", a, net.constant(np.array([1, 4, 1, 2]), "shape"), name="reshape")
    net.conv(a, (4, 3), (1, 1), name="out")

    graph = canonicalize(read(net, "out"))

    assert isinstance(graph.op("reshape"), Select)
    with pytest.raises(UnsupportedOperatorError, match="node 'reshape': moves values between"):
        hardware_part(graph)


def test_a_flatten_and_an_activation_before_a_linear_layer_fold_into_it(read):
    net = ModelBuilder((2, 2, 2))
    a = net.node("Flatten", net.conv("x", (2, 2), (1, 1), name="a"), name="flat")
    net.gemm(net.node("Relu", a, name="relu"), (8, 3), name="out")

    graph = hardware_part(canonicalize(read(net, "out")))

    assert [op.name for op in graph.ops] == ["a", "out"]


def test_the_canonical_form_has_no_other_ops(read):
    net = ModelBuilder((2, 4, 4))
    a = net.node("Relu", net.conv("x", (2, 2), (1, 1), name="a"), name="relu")
    net.gemm(net.node("Flatten", a, name="flat"), (32, 3), name="out")

    after = canonicalize(read(net, "out"))

    assert not any(isinstance(op, Affine | Clip | Linear | Reshape) for op in after.ops)
