"""Every family: exact at full rank, the original's shape everywhere, best in the data's metric."""

from itertools import product as product_of
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmap.decompose import cpd
from hwmap.decompose.apply import apply_parts
from hwmap.decompose.chain import with_factors
from hwmap.decompose.method import (
    GROUPS,
    Method,
    factor_shapes,
    fit_factors,
    methods_of,
    product,
)
from hwmap.decompose.target import Target, regress
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Conv
from hwmap.ir.types import Constant, Tensor
from hwmap.ir.verify import verify


def conv_graph(
    channels: tuple[int, int],
    size: tuple[int, int],
    kernel: tuple[int, int],
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilations: tuple[int, int] = (1, 1),
) -> Graph:
    """One convolution "conv" from "x" to "y"."""
    rng = np.random.default_rng(0)
    op = Conv("conv", ("x",), "y", "w", "b", strides, pads, dilations)
    out = tuple(
        (n + a + b - (k - 1) * d - 1) // s + 1
        for n, a, b, k, d, s in zip(
            size, pads[:2], pads[2:], kernel, dilations, strides, strict=True
        )
    )
    tensors = {
        "x": Tensor("x", (channels[0], *size)),
        "y": Tensor("y", (channels[1], *out)),  # type: ignore[arg-type]
    }
    constants = {
        "w": Constant(rng.standard_normal((channels[1], channels[0], *kernel)).astype("f")),
        "b": Constant(rng.standard_normal(channels[1]).astype("f")),
    }
    return verify(Graph("net", ("x",), ("y",), (op,), tensors, constants), "test")


def target_of(weight: np.ndarray, samples: int = 4000) -> Target:
    """A target for weights on inputs that are correlated and of different power."""
    rng = np.random.default_rng(7)
    size = weight[0].size
    mixed = rng.standard_normal((samples, size)) @ (
        rng.standard_normal((size, size)) * rng.uniform(0, 1, size)
    )
    gram = mixed.T @ mixed / samples
    return regress(gram, weight.reshape(len(weight), -1) @ gram, weight, 0.0)


def replaced(graph: Graph, method: Method, target: Target) -> Graph:
    op = graph.op("conv")
    assert isinstance(op, Conv)
    factors = fit_factors(target, method)
    return apply_parts(
        graph, [with_factors(op, graph, method, factors, graph.constants["b"].values)]
    )


def full_rank(kind: str, shape: tuple[int, ...]) -> Method:
    out, channels, rows, columns = shape
    return {
        "svd-input": Method("svd-input", (min(channels, out * rows * columns),)),
        "svd-spatial": Method("svd-spatial", (min(channels * columns, out * rows),)),
        "svd-output": Method("svd-output", (min(channels * rows * columns, out),)),
        "tucker": Method("tucker", (channels, out)),
    }[kind]


layers = {
    "channels": st.tuples(st.integers(1, 6), st.integers(1, 6)),
    "size": st.tuples(st.integers(7, 11), st.integers(7, 11)),
    "kernel": st.tuples(st.integers(1, 4), st.integers(1, 4)),
    "strides": st.tuples(st.integers(1, 3), st.integers(1, 3)),
    "pads": st.tuples(*[st.integers(0, 2)] * 4),
    "dilations": st.tuples(st.integers(1, 2), st.integers(1, 2)),
}


@settings(max_examples=80, deadline=None)
@given(kind=st.sampled_from(["svd-input", "svd-output", "svd-spatial", "tucker"]), **layers)
def test_full_rank_reproduces_any_convolution(
    kind, channels, size, kernel, strides, pads, dilations
):
    graph = conv_graph(channels, size, kernel, strides, pads, dilations)
    weight = graph.constants["w"].values.astype(float)
    x = np.random.default_rng(1).standard_normal((2, channels[0], *size)).astype("f")

    after = replaced(graph, full_rank(kind, weight.shape), target_of(weight))

    wanted, found = (evaluate(g, {"x": x})["y"] for g in (graph, after))
    assert np.abs(found - wanted).max() <= 1e-5 * max(np.abs(wanted).max(), 1)


@settings(max_examples=40, deadline=None)
@given(kind=st.sampled_from(["svd-input", "svd-output", "svd-spatial"]), **layers)
def test_full_rank_in_groups_reproduces_any_convolution(
    kind, channels, size, kernel, strides, pads, dilations
):
    channels = (2 * channels[0], 2 * channels[1])
    graph = conv_graph(channels, size, kernel, strides, pads, dilations)
    weight = graph.constants["w"].values.astype(float)
    out, inputs, rows, columns = weight.shape
    rank = {
        "svd-input": min(inputs, out // 2 * rows * columns),
        "svd-spatial": min(inputs * columns, out // 2 * rows),
        "svd-output": min(inputs // 2 * rows * columns, out),
    }[kind]
    x = np.random.default_rng(1).standard_normal((2, inputs, *size)).astype("f")

    after = replaced(graph, Method(kind, (rank,), 2), target_of(weight))

    wanted, found = (evaluate(g, {"x": x})["y"] for g in (graph, after))
    assert np.abs(found - wanted).max() <= 1e-5 * max(np.abs(wanted).max(), 1)


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(["cpd", "cpd-plane"]), **layers)
def test_cpd_has_the_shape_strides_and_pads_of_the_original(
    kind, channels, size, kernel, strides, pads, dilations
):
    graph = conv_graph(channels, size, kernel, strides, pads, dilations)
    # Rank-one weights are reproduced exactly, so that a wrong stride or pad would show.
    shape = (channels[1], channels[0], *kernel)
    factors = [np.random.default_rng(i).uniform(0.5, 1.5, n) for i, n in enumerate(shape)]
    weight = np.einsum("o,c,h,w->ochw", *factors)
    constants = {**graph.constants, "w": Constant(weight.astype("f"))}
    graph = Graph("net", ("x",), ("y",), graph.ops, graph.tensors, constants)
    x = np.random.default_rng(1).standard_normal((2, channels[0], *size)).astype("f")

    after = replaced(graph, Method(kind, (1,)), target_of(weight))

    wanted, found = (evaluate(g, {"x": x})["y"] for g in (graph, after))
    assert np.abs(found - wanted).max() <= 1e-5 * max(np.abs(wanted).max(), 1)
    assert len(after.ops) == {"cpd": 4, "cpd-plane": 3}[kind]


@pytest.mark.parametrize("shape", [(16, 8, 3, 3), (8, 16, 5, 2), (12, 4, 1, 3), (40, 24, 1, 1)])
def test_factors_have_the_shapes_that_solvers_are_told(shape: tuple[int, ...]):
    target = target_of(np.random.default_rng(0).standard_normal(shape))

    for method in methods_of(shape, seen_once=False):
        shapes = tuple(factor.shape for factor in fit_factors(target, method))
        assert shapes == factor_shapes(method, shape)
        assert product(fit_factors(target, method), shape[1]).shape == shape


@pytest.mark.parametrize("shape", [(16, 8, 3, 3), (64, 64, 3, 3), (12, 4, 1, 3), (40, 24, 1, 1)])
def test_no_method_has_as_many_weights_as_the_original(shape: tuple[int, ...]):
    methods = list(methods_of(shape, seen_once=False))

    sizes = [sum(prod(s) for s in factor_shapes(method, shape)) for method in methods]
    assert max(sizes) < prod(shape)
    assert len(set(methods)) == len(methods)


def test_an_op_that_sees_one_window_is_only_split_behind_it():
    assert {m.kind for m in methods_of((32, 16, 3, 3), seen_once=True)} == {"svd-output"}
    assert {m.kind for m in methods_of((32, 16, 1, 1), seen_once=False)} == {"svd-output"}


def test_svd_output_is_the_best_of_its_rank():
    """Reduced-rank regression in closed form, against the optimum by whitening (Eckart-Young)."""
    weight = np.random.default_rng(0).standard_normal((12, 5, 3, 3))
    target = target_of(weight)
    flat, whiten = target.weight.reshape(12, -1), np.linalg.cholesky(target.gram)

    factors = fit_factors(target, Method("svd-output", (4,)))

    best = np.square(np.linalg.svd(flat @ whiten, compute_uv=False)[4:]).sum()
    assert target.loss(product(factors, 5)) == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("kind", ["svd-input", "svd-spatial", "svd-output", "cpd", "cpd-plane"])
def test_a_higher_rank_never_fits_worse(kind):
    target = target_of(np.random.default_rng(0).standard_normal((16, 12, 3, 3)))

    losses = [
        target.loss(product(fit_factors(target, Method(kind, (rank,))), 12))
        for rank in (1, 2, 4, 8, 12)
    ]

    assert losses == sorted(losses, reverse=True)


def test_turns_that_begin_ahead_get_further_and_end_at_the_best():
    curved = np.array([1.0, 1e-3])
    errors = []

    def turn(factors):
        factors = [factor - curved * factor for factor in factors]
        errors.append(sum(float((curved * factor**2).sum()) for factor in factors))
        return factors, errors[-1]

    (factor,) = cpd._turns([np.ones(2)], turn, 100)
    plain = np.ones(2) * (1 - curved) ** 100

    error = (curved * factor**2).sum()
    assert error == min(errors)
    assert error < 0.1 * (curved * plain**2).sum()


@pytest.mark.parametrize("quick", [False, True])
def test_weights_of_zeros_have_factors_that_make_zeros(quick):
    target = target_of(np.zeros((8, 8, 3, 3)))

    for method in methods_of(target.weight.shape, seen_once=False):
        factors = fit_factors(target, method, quick=quick)
        assert all(np.isfinite(factor).all() for factor in factors)
        assert not product(factors, 8).any()


@pytest.mark.parametrize(
    ("kind", "groups"),
    [*product_of(("svd-input", "svd-spatial", "svd-output"), GROUPS), ("cpd", 1), ("cpd-plane", 1)],
)
def test_factors_fitted_to_data_beat_those_fitted_to_weights(kind, groups):
    weight = np.random.default_rng(0).standard_normal((16, 12, 3, 3))
    target = target_of(weight)
    blind = Target(weight, np.eye(weight[0].size))
    method = Method(kind, (4,), groups)

    fitted, plain = (product(fit_factors(t, method), 12) for t in (target, blind))

    assert target.loss(fitted) < 0.9 * target.loss(plain)
    assert blind.loss(plain) <= blind.loss(fitted)


def test_values_between_factors_have_equal_power():
    """So that one 8-bit format serves all of them."""
    target = target_of(np.random.default_rng(0).standard_normal((16, 12, 3, 3)))
    data = np.random.default_rng(3).standard_normal((5000, 108)) @ np.linalg.cholesky(target.gram).T
    windows = data.reshape(-1, 12, 3, 3)

    first, plane, _ = fit_factors(target, Method("cpd-plane", (20,)))

    inner = np.einsum("nchw,rc->nrhw", windows, first[:, :, 0, 0])
    power = np.sqrt((inner**2).mean((0, 2, 3)))
    assert power == pytest.approx(np.ones(20), rel=0.1)
    after = np.einsum("nrhw,rhw->nr", inner, plane[:, 0])
    assert np.sqrt((after**2).mean(0)) == pytest.approx(np.ones(20), rel=0.1)


def test_chance_pulls_the_target_to_the_original():
    weight = np.random.default_rng(0).standard_normal((4, 3, 3, 3))
    rng = np.random.default_rng(1)
    read, wrong = rng.standard_normal((6, 27)), rng.standard_normal((6, 4))

    chance = regress(read.T @ read / 6, wrong.T @ read / 6, weight, 0.5)
    certain = regress(read.T @ read / 6, wrong.T @ read / 6, weight, 0.0)

    distances = [np.linalg.norm(target.weight - weight) for target in (chance, certain)]
    assert distances[0] < distances[1]
