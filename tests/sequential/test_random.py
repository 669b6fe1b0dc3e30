"""Random networks in random strips on random engines: reference = simulator = C++."""

import random
from pathlib import Path

import numpy as np
import pytest

from hwmap.board import budget_of, load_board
from hwmap.compiler import Compiled, load_source
from hwmap.data.dataset import DataSet
from hwmap.files.write import write_folder
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.ladder import climb, run_simulation
from hwmap.project import Project, project_files, read_project
from hwmap.quantize.calibrate import measure_ranges
from hwmap.quantize.lower import lower
from hwmap.report.compiled import compile_report
from hwmap.sequential.design import build_design
from hwmap.sequential.engine import Engine
from hwmap.sequential.plan import Plan
from hwmap.solve.settings import Settings
from tests.models import ModelBuilder
from tests.sequential.plans import plan_of, tight_plan
from tests.test_soak import random_network

BOARD = load_board("u250")


def _engine(rng: random.Random) -> Engine:
    lanes, pe = rng.choice((8, 16, 24)), rng.choice((8, 16, 24, 40))
    results = rng.choice([r for r in (1, 2, 4, 8, 16) if r <= min(lanes, pe)])
    port = rng.choice((16, 32, 64))
    return Engine(pe, rng.choice((8, 16, 24, 56)), lanes, results, port, rng.choice((8, 16)),
                  rng.choice((32, 64)))  # fmt: skip


def _project(seed: int, tmp_path: Path) -> Project:
    """A random network, cut at random, with ample or scarce memory for constants, and in every
    second one some tensors that go through DRAM."""
    rng = random.Random(seed)
    model = random_network(rng).save(tmp_path / "net.onnx", "out")
    source = load_source(model)
    heights = {name: rng.choice((1, 2, 3, 5, 99)) for name in source.tensors}
    made = rng.choice((plan_of, tight_plan))
    edges = [(name, op.name) for op in hardware_ops(source) for name in op.inputs]
    spills = frozenset(rng.sample(edges, len(edges) // 4)) if seed % 2 else frozenset()
    plan = made(source, BOARD, _engine(rng), heights=heights, spills=spills)
    assert plan is not None
    return _built(model, source, plan, seed, tmp_path)


def _built(model: Path, source: Graph, plan: Plan, seed: int, tmp_path: Path) -> Project:
    """The project of a plan, with random images."""
    random_values = np.random.default_rng(seed)
    inputs = {
        name: random_values.standard_normal((3, *source.shape(name))).astype("f")
        for name in source.inputs
    }
    graph = lower(source, measure_ranges(source, inputs))
    settings = Settings(BOARD, budget_of(BOARD), 0.0, 0.0)
    compiled = Compiled(settings, source, graph, plan, build_design(graph, plan, BOARD))
    files = project_files(compiled, model, DataSet(inputs, None), compile_report(compiled, None))
    write_folder(tmp_path / "build", files)
    return read_project(tmp_path / "build")


SEEDS = [pytest.param(s, marks=pytest.mark.soak if s >= 12 else ()) for s in range(30)]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_strips_climb_every_rung(seed: int, tmp_path: Path):
    project = _project(seed, tmp_path)

    rungs = list(climb(project, run_simulation(project)))

    assert [rung for rung in rungs if rung.holds is False] == []


def test_a_group_with_more_constants_than_there_is_room_for_is_made_in_parts(tmp_path: Path):
    net = ModelBuilder((32, 5, 6))
    net.conv("x", (32, 96), (3, 3), name="out", group=2, pads=[1] * 4)
    model = net.save(tmp_path / "net.onnx", "out")
    source = load_source(model)
    plan = tight_plan(source, BOARD, Engine(16, 8, 8, 4, 16, 8, 32))

    project = _built(model, source, plan, 0, tmp_path)

    words = [(s.first_word, s.last_word) for s in plan.steps if s.kind == "run"]
    assert words == [(0, 2), (2, 4), (4, 6), (6, 8), (8, 10), (10, 12)]
    rungs = list(climb(project, run_simulation(project)))
    assert [rung for rung in rungs if rung.holds is False] == []
