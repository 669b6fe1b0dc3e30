"""Weights that come from DRAM for every image."""

from dataclasses import replace
from pathlib import Path

import pytest

from hwmap.board import Board, budget_of, load_board
from hwmap.compiler import load_source
from hwmap.decompose.candidates import dense_candidates
from hwmap.errors import PlanError
from hwmap.ir.graph import Graph
from hwmap.progress import quiet
from hwmap.solve.settings import Settings
from hwmap.streaming.check import check_plan
from hwmap.streaming.plan import Plan
from hwmap.streaming.solve import solve
from tests.models import ModelBuilder

BOARD = load_board("zybo-z7-10")


def _settings(board: Board) -> Settings:
    return Settings(board, budget_of(board), 0.0, 0.0)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Graph, Plan]:
    """A classifier that is larger than the memory of the board."""
    model = ModelBuilder((512, 1, 1))
    model.conv("x", (512, 1024), (1, 1), name="classify")
    path: Path = tmp_path_factory.mktemp("feed") / "classify.onnx"
    graph = load_source(model.save(path, "classify"))
    return graph, solve(graph, dense_candidates(graph), _settings(BOARD), 20, quiet)


def test_a_classifier_that_does_not_fit_comes_from_dram(planned: tuple[Graph, Plan]):
    graph, plan = planned

    assert plan.foldings[0].weights == "dram"
    assert plan.memory_bytes < 512 * 1024
    assert plan.cycles >= 512 * 1024 // BOARD.bus_bytes
    check_plan(plan, graph, _settings(BOARD))


def test_more_than_the_port_gives_is_refused(planned: tuple[Graph, Plan]):
    graph, plan = planned
    slow = replace(BOARD, dram_bytes_per_second=BOARD.dram_bytes_per_second // 100)

    with pytest.raises(PlanError, match="bytes from DRAM; its port has 1"):
        check_plan(plan, graph, _settings(slow))


def test_weights_that_are_used_more_than_once_stay_on_chip(tmp_path: Path):
    model = ModelBuilder((4, 2, 2))
    model.conv("x", (4, 4), (1, 1), name="conv")
    graph = load_source(model.save(tmp_path / "conv.onnx", "conv"))
    settings = _settings(BOARD)
    plan = solve(graph, dense_candidates(graph), settings, 20, quiet)
    fed = replace(plan, foldings=(replace(plan.foldings[0], weights="dram"),))

    with pytest.raises(PlanError, match="used more than once per image"):
        check_plan(fed, graph, settings)
