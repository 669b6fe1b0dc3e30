"""Decompositions fitted through a whole network."""

from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from hwmap.accuracy import output_loss
from hwmap.compiler import load_source
from hwmap.decompose.apply import apply_parts
from hwmap.decompose.fit import fit_network
from hwmap.decompose.method import Method
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import Graph, macs, to_networkx
from hwmap.ir.ops import Add, Conv
from tests.models import ModelBuilder, chain, everything, everything_else

Inputs = dict[str, np.ndarray]


def _residual(tmp_path: Path) -> Graph:
    """Two residual blocks with clamps, as in a ResNet."""
    net = ModelBuilder((6, 10, 9), seed=3)
    stem = net.conv("x", (6, 16), (3, 3), name="stem", pads=[1, 1, 1, 1])
    tensor = net.node("Relu", stem, name="stem.relu")
    for block in ("one", "two"):
        inner = net.conv(tensor, (16, 16), (3, 3), name=f"{block}.a", pads=[1, 1, 1, 1])
        inner = net.node("Relu", inner, name=f"{block}.relu")
        inner = net.conv(inner, (16, 16), (3, 3), name=f"{block}.b", pads=[1, 1, 1, 1])
        tensor = net.node("Add", tensor, inner, name=f"{block}.add")
        tensor = net.node("Relu", tensor, name=f"{block}.out")
    net.conv(tensor, (16, 4), (1, 1), name="out")
    return load_source(net.save(tmp_path / "net.onnx", "out"))


def _inputs(graph: Graph, count: int, seed: int = 0) -> Inputs:
    rng = np.random.default_rng(seed)
    return {n: rng.standard_normal((count, *graph.shape(n))).astype("f") for n in graph.inputs}


def _loss(graph: Graph, after: Graph, inputs: Inputs) -> float:
    return output_loss(evaluate(after, inputs), evaluate(graph, inputs))


METHODS = {
    "one.a": Method("svd-spatial", (10,)),
    "one.b": Method("cpd-plane", (20,)),
    "two.a": Method("svd-input", (8,)),
    "two.b": Method("svd-output", (10,)),
}


def test_fitting_through_the_network_beats_fitting_op_by_op(tmp_path: Path):
    graph = _residual(tmp_path)
    test = _inputs(graph, 32, seed=1)

    together = apply_parts(graph, fit_network(graph, METHODS, _inputs(graph, 64)))
    alone = graph
    for op, method in METHODS.items():
        parts = fit_network(graph, {op: method}, _inputs(graph, 64))
        alone = apply_parts(alone, [part for part in parts if part.name == op])

    assert _loss(graph, together, test) < 0.9 * _loss(graph, alone, test)


def test_what_comes_after_a_decomposed_op_makes_up_for_it(tmp_path: Path):
    """The second operand of an addition is fitted to the sum, dense ops get new weights."""
    graph = _residual(tmp_path)
    method = {"one.a": METHODS["one.a"]}
    parts = fit_network(graph, method, _inputs(graph, 64))
    test = _inputs(graph, 32, seed=1)

    all_parts = apply_parts(graph, parts)
    first_only = apply_parts(graph, [part for part in parts if part.name == "one.a"])

    assert {part.name for part in parts} == {"one.a", "one.b", "two.a", "two.b", "out"}
    assert _loss(graph, all_parts, test) < 0.8 * _loss(graph, first_only, test)


def test_ops_before_the_first_decomposed_one_stay_as_they_are(tmp_path: Path):
    graph = _residual(tmp_path)

    parts = fit_network(graph, {"two.b": METHODS["two.b"]}, _inputs(graph, 16))

    assert {part.name for part in parts} == {"two.b", "out"}
    assert fit_network(graph, {}, _inputs(graph, 16)) == ()


def test_a_subtraction_is_fitted_with_its_sign(tmp_path: Path):
    net = ModelBuilder((8, 7, 7), seed=5)
    left = net.conv("x", (8, 12), (3, 3), name="left", pads=[1, 1, 1, 1])
    right = net.conv("x", (8, 12), (3, 3), name="right", pads=[1, 1, 1, 1])
    net.node("Relu", net.node("Sub", left, right, name="sub"), name="out")
    graph = load_source(net.save(tmp_path / "net.onnx", "out"))
    (add,) = (op for op in graph.ops if isinstance(op, Add))
    assert add.signs == (1, -1)
    methods = {"left": Method("svd-output", (4,)), "right": Method("svd-input", (5,))}

    both = fit_network(graph, methods, _inputs(graph, 64))
    apart = [
        part
        for op, method in methods.items()
        for part in fit_network(graph, {op: method}, _inputs(graph, 64))
        if part.name == op
    ]

    test = _inputs(graph, 32, seed=1)
    losses = [_loss(graph, apply_parts(graph, parts), test) for parts in (both, apart)]
    assert losses[0] < losses[1]


@pytest.mark.parametrize("make", [everything, everything_else])
def test_every_kind_of_op_may_follow_a_decomposed_one(make, tmp_path: Path):
    net = make()
    graph = load_source(net.save(tmp_path / "net.onnx", "out"))
    inputs = _inputs(graph, 8)
    first = next(op for op in graph.ops if isinstance(op, Conv) and op.groups == 1 and not op.fixed)

    parts = fit_network(graph, {first.name: Method("svd-output", (1,))}, inputs)

    found = evaluate(apply_parts(graph, parts), inputs)
    assert all(np.isfinite(values).all() for values in found.values())


def test_the_rewritten_graph_is_an_ordinary_graph(tmp_path: Path):
    graph = load_source(chain().save(tmp_path / "net.onnx", "out"))

    after = apply_parts(
        graph, fit_network(graph, {"b": Method("svd-spatial", (4,))}, _inputs(graph, 8))
    )

    names = ["a", "b/svd-spatial.0", "b/svd-spatial.1", "pool", "out"]
    assert list(to_networkx(after).nodes) == names
    assert sum(macs(op, after) for op in after.ops) < sum(macs(op, graph) for op in graph.ops)


def test_the_same_data_gives_the_same_bits(tmp_path: Path):
    graph = _residual(tmp_path)

    first, second = (fit_network(graph, METHODS, _inputs(graph, 16)) for _ in range(2))

    for a, b in zip(first, second, strict=True):
        for name, constant in a.constants.items():
            assert (constant.values == b.constants[name].values).all()


def test_the_number_of_cores_does_not_change_a_bit(tmp_path: Path):
    graph = _residual(tmp_path)
    inputs = _inputs(graph, 64)

    fits = []
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"):
            fits.append(fit_network(graph, METHODS, inputs))

    for a, b in zip(*fits, strict=True):
        for name, constant in a.constants.items():
            assert (constant.values == b.constants[name].values).all()
