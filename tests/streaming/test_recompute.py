"""Tensors that are computed a second time, so that they need not be kept."""

import json
from pathlib import Path

import numpy as np
import pytest

import hwmap
from hwmap.compiler import load_source
from hwmap.errors import GraphError, PlanError
from hwmap.ir.evaluate import evaluate
from hwmap.project import read_project
from hwmap.streaming import plan as plans
from hwmap.streaming.recompute import Recomputed, has_other_use, sources, streamed
from tests.models import ModelBuilder, u_net
from tests.streaming.random_networks import random_network

MEMORY = 30 * 1024
"""Less than the skip connections of this network hold."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return u_net(8, 64, 2).save(tmp_path_factory.mktemp("net") / "u_net.onnx", "out")


@pytest.fixture(scope="module")
def build(model: Path) -> Path:
    folder = model.parent / "build"
    hwmap.compile(model, "kv260", folder, mem="30KiB", style="streaming", time_limit=20)
    return folder


def test_a_skip_that_does_not_fit_is_computed_twice_on_every_rung(build: Path):
    compiled = read_project(build).compiled
    assert isinstance(compiled.plan, plans.Plan)

    assert compiled.plan.recomputed
    assert compiled.plan.memory_bytes <= MEMORY
    assert hwmap.verify(build).holds
    report = json.loads((build / "report.json").read_text("utf-8"))
    assert [item["reader"] for item in report["recomputed"]]


def test_a_plan_cannot_compute_a_tensor_from_what_does_not_lead_to_it(build: Path, model: Path):
    text = (build / "plan.json").read_text("utf-8")
    plan = plans.from_json(text, "")
    first = plan.recomputed[0]
    edited = build.parent / "edited.json"
    for old, new, message in (
        (f'"source": "{first.source}"', '"source": "pool1"', "cannot be computed from 'pool1'"),
        (f'"reader": "{first.reader}"', '"reader": "out"', "op 'out' does not read"),
    ):
        edited.write_text(text.replace(old, new), "utf-8")
        with pytest.raises(PlanError, match=message):
            hwmap.compile(model, "kv260", mem=MEMORY, plan=edited)


def test_the_sources_of_a_tensor_are_those_that_it_hangs_on_alone(model: Path):
    graph = streamed(load_source(model), ())
    skips = {op.name: op for op in graph.ops if op.name.startswith("skip")}

    found = [name for name, _ in sources(graph, skips["skip0"].inputs[1])]

    # What is on the way up hangs on both ways of the inner level: on what they both come from.
    kept, risen = skips["skip1"].inputs
    assert found[-1] == "x"
    assert {"skip1", kept, "pool0"} <= {*found}
    assert risen not in found
    (last,) = (op for op in graph.ops if op.name == "out")
    with pytest.raises(GraphError, match="only op 'out' reads"):
        streamed(graph, (Recomputed("out", last.inputs[0], "x"),))
    with pytest.raises(GraphError, match="does not read"):
        streamed(graph, (Recomputed("out", "x", "x"),))


@pytest.mark.parametrize("seed", range(5))
def test_what_is_computed_twice_has_the_same_values(seed: int, tmp_path: Path):
    graph = random_network(seed, tmp_path)
    x = {
        name: np.random.default_rng(seed).standard_normal((2, *graph.shape(name))).astype("f")
        for name in graph.inputs
    }
    every = [
        Recomputed(op.name, tensor, source)
        for op in graph.ops
        for tensor in dict.fromkeys(op.inputs)
        if has_other_use(graph, tensor, op.name)
        for source, _ in sources(graph, tensor)
    ]

    for item in every:
        again = streamed(graph, (item,))
        assert len(again.ops) > len(graph.ops)
        wanted, found = evaluate(graph, x), evaluate(again, x)
        assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


def test_two_tensors_that_share_ops_are_computed_twice_for_one_reader(tmp_path: Path):
    net = ModelBuilder((2, 8, 8))
    at = "x"
    for name in "abc":
        at = net.conv(at, (2, 2), (3, 3), name=name, pads=[1] * 4)
    late = net.conv(at, (2, 2), (3, 3), name="late", pads=[1] * 4)
    net.conv(net.node("Concat", "a", "b", late, name="joined", axis=1), (6, 2), (1, 1), name="out")
    graph = load_source(net.save(tmp_path / "net.onnx", "out"))
    (joined,) = (op for op in graph.ops if op.name == "joined")
    both = tuple(Recomputed(joined.name, tensor, "x") for tensor in joined.inputs[:2])
    x = {"x": np.random.default_rng(0).standard_normal((2, 2, 8, 8)).astype("f")}

    again = streamed(graph, both)

    assert len({op.name for op in again.ops}) == len(again.ops) == len(graph.ops) + 3
    (output,) = graph.outputs
    assert np.array_equal(evaluate(again, x)[output], evaluate(graph, x)[output])
    with pytest.raises(GraphError, match="does not read"):
        streamed(graph, (both[0], both[0]))


def test_a_network_whose_names_are_taken_is_refused(tmp_path: Path):
    net = ModelBuilder((2, 8, 8))
    net.conv("x", (2, 2), (1, 1), name="a")
    net.conv("a", (2, 2), (1, 1), name="a@a@joined")
    net.node("Add", "a", "a@a@joined", name="joined")
    graph = load_source(net.save(tmp_path / "net.onnx", "joined"))

    with pytest.raises(GraphError, match="has a 'a@a@joined' of its own"):
        streamed(graph, (Recomputed("joined", "a", "x"),))
