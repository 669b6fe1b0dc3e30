"""Decompositions: exact at full rank, the original's shape everywhere, errors that are measured."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwmap.compiler import load_source
from hwmap.decompose.apply import apply_candidates
from hwmap.decompose.candidates import (
    METHODS,
    enumerate_candidates,
    make_candidate,
    measure_candidate,
)
from hwmap.decompose.cpd import cpd
from hwmap.decompose.moments import measure_moments
from hwmap.errors import PlanError
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import Graph, macs, to_networkx
from hwmap.ir.ops import Conv
from hwmap.ir.types import Constant, Tensor
from hwmap.ir.verify import verify
from tests.models import chain, everything


def _conv_graph(
    channels: tuple[int, int],
    size: tuple[int, int],
    kernel: tuple[int, int],
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilations: tuple[int, int] = (1, 1),
) -> Graph:
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


def _full_rank(method: str, graph: Graph) -> int:
    out, channels, rows, columns = graph.constants["w"].values.shape
    return {
        "svd-input": min(channels, out * rows * columns),
        "svd-output": min(channels * rows * columns, out),
        "svd-spatial": min(channels * columns, out * rows),
        "cpd": channels * rows * columns,
    }[method]


@settings(max_examples=60, deadline=None)
@given(
    method=st.sampled_from(["svd-input", "svd-output", "svd-spatial"]),
    channels=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    size=st.tuples(st.integers(7, 11), st.integers(7, 11)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
    dilations=st.tuples(st.integers(1, 2), st.integers(1, 2)),
)
def test_full_rank_reproduces_any_convolution(
    method, channels, size, kernel, strides, pads, dilations
):
    graph = _conv_graph(channels, size, kernel, strides, pads, dilations)
    candidate = make_candidate(graph.ops[0], graph, method, (_full_rank(method, graph),))
    x = np.random.default_rng(1).standard_normal((2, channels[0], *size)).astype("f")

    found = evaluate(apply_candidates(graph, [candidate]), {"x": x})["y"]

    wanted = evaluate(graph, {"x": x})["y"]
    assert np.abs(found - wanted).max() <= 1e-5 * max(np.abs(wanted).max(), 1)


@settings(max_examples=30, deadline=None)
@given(
    size=st.tuples(st.integers(7, 11), st.integers(7, 11)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
    dilations=st.tuples(st.integers(1, 2), st.integers(1, 2)),
)
def test_cpd_has_the_shape_strides_and_pads_of_the_original(size, strides, pads, dilations):
    graph = _conv_graph((3, 2), size, (3, 2), strides, pads, dilations)
    # Rank-one weights are reproduced exactly, so that a wrong stride or pad would show.
    factors = [np.random.default_rng(i).standard_normal(n) for i, n in enumerate((2, 3, 3, 2))]
    weight = np.einsum("o,c,h,w->ochw", *factors).astype("f")
    graph = Graph(
        "net", ("x",), ("y",), graph.ops, graph.tensors, {**graph.constants, "w": Constant(weight)}
    )
    candidate = make_candidate(graph.ops[0], graph, "cpd", (1,))
    x = np.random.default_rng(1).standard_normal((2, 3, *size)).astype("f")

    found = evaluate(apply_candidates(graph, [candidate]), {"x": x})["y"]

    wanted = evaluate(graph, {"x": x})["y"]
    assert np.abs(found - wanted).max() <= 1e-4 * max(np.abs(wanted).max(), 1)
    assert len(candidate.graph.ops) == 4


def test_cpd_fits_better_with_more_components():
    weight = np.random.default_rng(0).standard_normal((8, 6, 3, 3))

    errors = []
    for rank in (2, 8, 20, 60):
        first, rows, columns, last = cpd(weight, rank)
        product = np.einsum(
            "rc,rh,rw,or->ochw",
            first[:, :, 0, 0],
            rows[:, 0, :, 0],
            columns[:, 0, 0, :],
            last[:, :, 0, 0],
        )
        errors.append(np.linalg.norm(product - weight) / np.linalg.norm(weight))

    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.1


@pytest.mark.parametrize("method", METHODS)
def test_the_error_is_the_relative_error_of_the_output_on_the_data(method: str):
    graph = _conv_graph((4, 6), (9, 8), (3, 3), (2, 1), (1, 0, 1, 2))
    op = graph.ops[0]
    x = np.random.default_rng(0).uniform(-1, 3, (40, 4, 9, 8)).astype("f")
    moments = measure_moments(graph, {"x": x}, (op,))["conv"]

    candidate = measure_candidate(make_candidate(op, graph, method, (3,)), graph, moments)

    wanted = evaluate(graph, {"x": x})["y"]
    found = evaluate(apply_candidates(graph, [candidate]), {"x": x})["y"]
    measured = np.linalg.norm(found - wanted) / np.linalg.norm(wanted)
    assert candidate.error == pytest.approx(measured, rel=1e-3)
    assert candidate.error > 0.05


def test_no_candidate_has_more_macs_than_dense_and_none_is_beaten(tmp_path: Path):
    graph = load_source(chain().save(tmp_path / "net.onnx", "out"))
    x = np.random.default_rng(0).standard_normal((8, 4, 8, 8)).astype("f")

    for candidates in enumerate_candidates(graph, {"x": x}).values():
        dense, *others = candidates
        assert all(other.macs < dense.macs for other in others)
        values = [(c.macs, c.weights, c.error) for c in others]
        assert not any(
            a != b and all(i <= j for i, j in zip(a, b, strict=True))
            for a in values
            for b in values
        )


def test_depthwise_and_fixed_convolutions_stay_as_they_are(tmp_path: Path):
    graph = load_source(everything().save(tmp_path / "net.onnx", "out"))
    x = np.random.default_rng(0).standard_normal((4, 3, 11, 9)).astype("f")

    candidates = enumerate_candidates(graph, {"x": x})

    assert [c.method for c in candidates["depthwise"]] == ["dense"]
    assert [c.method for c in candidates["grouped"]] == ["dense"]


def test_the_rewritten_graph_is_an_ordinary_graph(tmp_path: Path):
    graph = load_source(chain().save(tmp_path / "net.onnx", "out"))
    candidate = make_candidate(graph.op("b"), graph, "svd-spatial", (4,))

    after = apply_candidates(graph, [candidate])

    assert list(to_networkx(after).nodes) == [
        "a",
        "b/svd-spatial.0",
        "b/svd-spatial.1",
        "pool",
        "out",
    ]
    assert sum(macs(op, after) for op in after.ops) < sum(macs(op, graph) for op in graph.ops)


def test_a_method_that_does_not_fit_the_op_is_refused(tmp_path: Path):
    graph = load_source(everything().save(tmp_path / "net.onnx", "out"))

    with pytest.raises(PlanError, match="op 'depthwise': cannot be built by 'svd-output'"):
        make_candidate(graph.op("depthwise"), graph, "svd-output", (4,))
    with pytest.raises(PlanError, match=r"ranks \[\]; expected one from 1 to"):
        make_candidate(graph.op("stem"), graph, "svd-output", ())
