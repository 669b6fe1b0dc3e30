"""Candidates: measured honestly, pruned, and remembered."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from hwmap.compiler import load_source
from hwmap.decompose.apply import apply_parts
from hwmap.decompose.cache import Cache, Measure, cache_for
from hwmap.decompose.candidates import (
    enumerate_candidates,
    expected_loss,
    make_candidate,
    measure,
)
from hwmap.decompose.chain import is_decomposable
from hwmap.decompose.fit import fit_network
from hwmap.decompose.method import DENSE, Method
from hwmap.decompose.trial import rounding_noise
from hwmap.errors import PlanError
from hwmap.ir.evaluate import evaluate, evaluate_float
from hwmap.ir.graph import Graph
from hwmap.ir.types import Constant
from hwmap.quantize.choose import output_error, quantize_graph
from tests.decompose.test_factors import conv_graph
from tests.models import ModelBuilder, chain, everything


def _chain(tmp_path: Path) -> tuple[Graph, dict[str, np.ndarray]]:
    graph = load_source(chain().save(tmp_path / "net.onnx", "out"))
    x = np.random.default_rng(0).standard_normal((40, 4, 8, 8)).astype("f")
    return graph, {"x": x}


METHODS = (
    Method("svd-input", (3,)),
    Method("svd-output", (3,)),
    Method("svd-spatial", (5,)),
    Method("tucker", (3, 4)),
    Method("cpd", (6,)),
    Method("cpd-plane", (6,)),
    Method("svd-output", (2,), 2),
)


def _lost(graph: Graph, method: Method, x: np.ndarray, held: np.ndarray) -> float:
    """The squared relative error on images `held` of `x` of the method fitted to the others."""
    few = np.delete(x, held, axis=0)
    (part,) = fit_network(graph, {"conv": method}, {"x": few})
    wanted = evaluate(graph, {"x": x[held]})["y"]
    output = evaluate(apply_parts(graph, (part,)), {"x": x[held]})["y"]
    return float(
        (np.square(output - wanted).sum() + _noise(part, x[held])) / np.square(wanted).sum()
    )


def _noise(part: Graph, x: np.ndarray) -> float:
    """What int8 is expected to add to the squared error of the output for `x`."""
    factors = [part.constants[link.weight].values for link in part.ops]
    squares = []
    values = x
    for link in part.ops[:-1]:
        values = evaluate_float(link, part, [values])
        squares.append(values.var((0, 2, 3)).max())
    every = len(x) * part.tensors["y"].elements
    return rounding_noise(factors, squares) * every / len(factors[-1])


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_the_error_is_that_of_the_output_on_images_not_fitted_to(method: Method):
    graph = conv_graph((4, 6), (9, 8), (3, 3), (2, 1), (1, 0, 1, 2))
    x = np.random.default_rng(0).uniform(-1, 3, (128, 4, 9, 8)).astype("f")

    (found,) = measure(graph, {"x": x}, {"conv": [method]})["conv"]

    error = np.sqrt(_lost(graph, method, x, np.arange(64, 128)))
    # CPD is fitted less closely to compare ranks.
    assert error <= 1.01 * found.error
    assert found.error == pytest.approx(error, rel=0.1 if "cpd" in method.kind else 0.01)
    assert found.error > 0.05
    # The op's output is the network's.
    assert found.loss == pytest.approx(found.error**2, rel=0.15)


def test_the_loss_is_measured_on_images_that_the_op_was_not_fitted_to():
    # As many inputs as images: what was fitted to them is nearly exact on them.
    graph = conv_graph((128, 100), (1, 1), (1, 1))
    x = np.random.default_rng(1).standard_normal((128, 128, 1, 1)).astype("f")

    (found,) = measure(graph, {"x": x}, {"conv": [Method("svd-output", (64,))]})["conv"]

    # The op's output is the network's.
    assert found.loss == pytest.approx(found.error**2, rel=0.15)
    assert found.error > 0.2


def test_of_few_images_a_quarter_is_held_back_and_another_one():
    graph = conv_graph((4, 6), (9, 8), (3, 3), (2, 1), (1, 0, 1, 2))
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 3, (40, 4, 9, 8)).astype("f") * np.arange(1, 41)[:, None, None, None]
    method = Method("svd-output", (3,))

    (found,) = measure(graph, {"x": x}, {"conv": [method]})["conv"]

    _, second, _, last = np.split(np.arange(40), 4)
    quarters = [_lost(graph, method, x, held) for held in (last, second)]
    assert found.error == pytest.approx(np.sqrt(np.mean(quarters)), rel=0.01)
    assert max(quarters) > 1.03 * min(quarters)


@pytest.mark.parametrize("count", [5, 10, 67])
def test_no_image_is_both_fitted_to_and_measured_on(count: int, monkeypatch):
    graph = conv_graph((4, 6), (3, 3), (1, 1))
    # Each image has its number in all pixels.
    x = np.broadcast_to(np.arange(count)[:, None, None, None], (count, 4, 3, 3)).astype("f")
    real, divided = measure.__globals__["trial"], []

    def trial(weight, bias, fitted, held, each):
        assert len(fitted) % each == 0
        divided.append((set(fitted.ravel()), set(held.ravel())))
        return real(weight, bias, fitted, held, each)

    monkeypatch.setitem(measure.__globals__, "trial", trial)
    measure(graph, {"x": x}, {"conv": [Method("svd-output", (3,))]})

    for fitted, held in divided:
        assert fitted | held == set(range(count))
        assert not fitted & held
    if len(divided) > 1:
        assert not set.intersection(*(held for _, held in divided))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("method", METHODS, ids=str)
def test_the_rounding_noise_is_about_what_int8_adds(method: Method, seed: int):
    graph = conv_graph((4, 6), (9, 8), (3, 3), (2, 1), (1, 0, 1, 2))
    # As behind a clamp: many zeros and a long tail.
    x = np.maximum(np.random.default_rng(seed).laplace(0, 1, (80, 4, 9, 8)), 0).astype("f")

    def added(found: Graph) -> float:
        exact = evaluate(found, {"x": x})
        integer = quantize_graph(found, {"x": x}).graph
        return output_error(integer, {"x": x}, exact) ** 2 * np.square(exact["y"]).sum()

    (part,) = fit_network(graph, {"conv": method}, {"x": x})
    by_int8 = added(apply_parts(graph, (part,)))

    # Of that a part, at most what int8 costs the convolution as it is, has nothing to do with it.
    assert (by_int8 - added(graph)) / 2 < _noise(part, x) < 2 * by_int8


def test_no_candidate_has_more_macs_and_more_weights_than_dense_and_none_is_beaten(tmp_path: Path):
    graph, inputs = _chain(tmp_path)

    for candidates in enumerate_candidates(graph, inputs).values():
        dense, *others = candidates
        assert dense.method == DENSE
        assert all(c.macs < dense.macs or c.weights < dense.weights for c in others)
        values = [(c.macs, c.weights, c.error) for c in others]
        assert not any(
            a != b and all(i <= j for i, j in zip(a, b, strict=True))
            for a in values
            for b in values
        )


def test_costs_are_those_of_the_fitted_chain(tmp_path: Path):
    graph, inputs = _chain(tmp_path)
    candidates = enumerate_candidates(graph, inputs)
    assert sum(len(items) for items in candidates.values()) > 10

    for candidate in candidates["b"][1:]:
        (part, *_) = fit_network(graph, {"b": candidate.method}, inputs)
        assert part.ops == candidate.graph.ops
        assert part.tensors == candidate.graph.tensors
        sizes = {n: c.values.shape for n, c in part.constants.items()}
        assert sizes == {n: c.values.shape for n, c in candidate.graph.constants.items()}


def test_a_loss_does_not_depend_on_which_other_ops_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    net = ModelBuilder((4, 8, 8))
    output = "x"
    for index in range(6):
        output = net.conv(output, (4, 4), (3, 3), name=f"conv{index}", pads=[1] * 4)
    graph = load_source(net.save(tmp_path / "net.onnx", output))
    inputs = {"x": np.random.default_rng(0).standard_normal((40, 4, 8, 8)).astype("f")}
    methods = {op.name: [Method("svd-input", (2,))] for op in graph.ops}
    # So many that one op alone would get more than all together.
    monkeypatch.setitem(measure.__globals__, "LEARNING_OPS", 2 * len(methods) + 1)
    (first, *others) = methods

    together = measure(graph, inputs, methods)
    alone = measure(graph, inputs, {first: methods[first]})

    assert len(others) == 5
    assert alone[first] == together[first]


def test_depthwise_grouped_and_fixed_convolutions_stay_as_they_are(tmp_path: Path):
    graph = load_source(everything().save(tmp_path / "net.onnx", "out"))
    x = np.random.default_rng(0).standard_normal((20, 3, 11, 9)).astype("f")

    candidates = enumerate_candidates(graph, {"x": x})

    assert [c.method for c in candidates["depthwise"]] == [DENSE]
    assert [c.method for c in candidates["grouped"]] == [DENSE]


def test_a_factor_is_not_decomposed_again():
    graph = conv_graph((4, 6), (9, 8), (3, 3))
    op = graph.op("conv")

    assert is_decomposable(op, graph)
    assert not is_decomposable(replace(op, factor=True), graph)


@pytest.mark.parametrize(
    ("op", "method", "message"),
    [
        ("depthwise", Method("svd-output", (4,)), "op 'depthwise': cannot be built by"),
        ("stem", Method("svd-output", ()), r"ranks \[\]; expected 1 from 1 to"),
        ("stem", Method("tucker", (2,)), r"ranks \[2\]; expected 2 from 1 to"),
        ("stem", Method("svd-input", (0,)), r"ranks \[0\]; expected 1 from 1 to"),
        ("stem", Method("svd-input", (2,), 5), "5 groups do not divide 3 and"),
        ("stem", Method("cpd", (2,), 3), "groups do not divide|'cpd' has no groups"),
    ],
)
def test_a_method_that_does_not_fit_the_op_is_refused(
    op: str, method: Method, message: str, tmp_path: Path
):
    graph = load_source(everything().save(tmp_path / "net.onnx", "out"))

    with pytest.raises(PlanError, match=message):
        make_candidate(graph.op(op), graph, Measure(method, 0.0, 0.0))


def test_the_number_of_cores_does_not_change_a_bit():
    graph = conv_graph((16, 24), (12, 12), (3, 3))
    x = np.random.default_rng(1).standard_normal((128, 16, 12, 12)).astype("f")

    found = []
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"):
            found.append(measure(graph, {"x": x}, {"conv": [Method("cpd", (16,))]}))

    assert found[0] == found[1]


def test_what_was_measured_is_not_measured_again(tmp_path: Path, monkeypatch):
    graph, inputs = _chain(tmp_path)
    cache = cache_for(tmp_path / "cache", graph, inputs)
    first = enumerate_candidates(graph, inputs, cache)
    monkeypatch.setitem(measure.__globals__, "_measures", None)

    again = enumerate_candidates(graph, inputs, cache_for(tmp_path / "cache", graph, inputs))

    def numbers(found):
        return {n: [(c.method, c.error, c.loss) for c in items] for n, items in found.items()}

    assert numbers(again) == numbers(first)


@pytest.mark.parametrize("damage", ["remove", "cut", "other", "negative"])
def test_a_run_that_was_killed_goes_on_where_it_was(damage: str, tmp_path: Path, monkeypatch):
    graph, inputs = _chain(tmp_path)
    cache = cache_for(tmp_path / "cache", graph, inputs)
    whole = enumerate_candidates(graph, inputs, cache)
    file = sorted(Path(cache.folder).iterdir())[0]
    before = len(list(Path(cache.folder).iterdir()))
    {
        "remove": file.unlink,
        "cut": lambda: file.write_bytes(file.read_bytes()[:40]),
        "other": lambda: file.write_text("[]"),
        "negative": lambda: file.write_text(re.sub('"loss": ', '"loss": -1', file.read_text())),
    }[damage]()
    measured = []
    real = measure.__globals__["_measures"]
    monkeypatch.setitem(
        measure.__globals__,
        "_measures",
        lambda op, *rest: (measured.append(op.name), real(op, *rest))[1],
    )

    found = enumerate_candidates(graph, inputs, cache)

    # Once for each quarter that is held back.
    assert measured == 2 * measured[:1]
    assert len(list(Path(cache.folder).iterdir())) == before
    assert {n: [c.error for c in items] for n, items in found.items()} == {
        n: [c.error for c in items] for n, items in whole.items()
    }


def test_other_data_or_another_network_is_another_cache(tmp_path: Path):
    graph, inputs = _chain(tmp_path)
    weight = graph.op("b").weight
    values = graph.constants[weight].values * 2
    other = replace(graph, constants={**graph.constants, weight: Constant(values)})

    folders = {
        cache_for(tmp_path, graph, inputs).folder,
        cache_for(tmp_path, graph, {"x": inputs["x"] + 1}).folder,
        cache_for(tmp_path, other, inputs).folder,
    }

    assert len(folders) == 3
    assert cache_for(None, graph, inputs) == Cache(None)


def test_losses_between_and_beyond_what_was_measured():
    probes = {0.1: 1e-3, 0.4: 1e-2}

    assert expected_loss(0.1, probes) == pytest.approx(1e-3)
    assert expected_loss(0.2, probes) == pytest.approx(10**-2.5)
    assert expected_loss(0.05, probes) == pytest.approx(1e-3 / 4)
    assert expected_loss(0.8, probes) == pytest.approx(4e-2)
    assert expected_loss(0.3, {0.3: 0.0}) < 1e-15
