"""Real networks through the whole line, at three memory budgets each, rung by rung."""

import re
from pathlib import Path

import numpy as np
import pytest

from hwmap.board import Budget, budget_of, load_board
from hwmap.compiler import Compiled, build, load_source
from hwmap.data.dataset import DataSet
from hwmap.decompose.cache import cache_for
from hwmap.decompose.candidates import Candidate, enumerate_candidates
from hwmap.errors import InfeasibleError
from hwmap.ir.graph import Graph
from hwmap.ladder import climb, run_simulation
from hwmap.project import project_files, read_project, write_project
from hwmap.report.compiled import compile_report, measure_accuracy
from hwmap.sequential.check import check_plan
from hwmap.sequential.solve.search import Limits, solve
from hwmap.solve.settings import Settings
from tests.networks import ROOT, Case

BOARD = load_board("pynq-z2")
MAX_LOSS = 0.001
SECONDS = 4.0
IMAGES = 10
CACHE = ROOT / "build" / "test-cache"
"""Two workers may measure the candidates of one network."""


def _solve(source: Graph, candidates: dict[str, tuple[Candidate, ...]], budget: Budget):
    return solve(source, candidates, BOARD, Limits(budget, MAX_LOSS, SECONDS))


@pytest.fixture(scope="module")
def prepared(case: Case):
    """The network, its candidates, its data, and the least memory for which a design was found."""
    source = load_source(case.model)
    name = source.inputs[0]
    data = DataSet({name: case.calibration.reshape(-1, *source.shape(name))}, None)
    cache = cache_for(CACHE, source, data.inputs)
    found = enumerate_candidates(source, data.inputs, cache)
    # A few of them, so that the solver is soon done.
    candidates = {
        name: items[:1] + tuple(c for c in items[1::4] if c.loss <= MAX_LOSS)
        for name, items in found.items()
    }
    with pytest.raises(InfeasibleError) as error:
        _solve(source, candidates, budget_of(BOARD, memory_bytes=1024))
    least = int(re.search(r"--mem (\d+) works", str(error.value))[1])
    return case, source, candidates, data, least


def _compile(prepared, budget: Budget) -> Compiled:
    _, source, candidates, data, _ = prepared
    plan = _solve(source, candidates, budget)
    return build(source, Settings(BOARD, budget, 1.0, MAX_LOSS), data, plan, lambda _: None)


def _budget(prepared, tightness: str) -> Budget:
    """The whole board; half way between what dense and resident takes and the least; the least."""
    _, source, candidates, _, least = prepared
    if tightness == "ample":
        return budget_of(BOARD)
    if tightness == "tightest":
        return budget_of(BOARD, memory_bytes=least)
    ample = _solve(source, candidates, budget_of(BOARD)).memory_bytes
    return budget_of(BOARD, memory_bytes=(ample + least) // 2)


@pytest.mark.parametrize("tightness", ["ample", "tight", "tightest"])
def test_every_rung_of_the_ladder_holds(prepared, tightness: str, tmp_path: Path):
    case, source, *_ = prepared
    budget = _budget(prepared, tightness)
    compiled = _compile(prepared, budget)
    name = source.inputs[0]
    images = DataSet({name: case.images[:IMAGES].reshape(-1, *source.shape(name))}, None)
    directory = tmp_path / "build"
    write_project(
        directory, project_files(compiled, case.model, images, compile_report(compiled, None))
    )

    project = read_project(directory)
    simulated = run_simulation(project)
    rungs = list(climb(project, simulated))

    assert [rung for rung in rungs if rung.holds is False] == []
    assert sum(rung.holds is True for rung in rungs) == 8
    assert simulated.peak_bytes <= compiled.plan.memory.arena_bytes
    assert compiled.plan.memory_bytes <= budget.memory_bytes
    assert compiled.plan.dsp <= budget.dsp
    assert compiled.plan.bound_cycles <= compiled.plan.cycles
    check_plan(compiled.plan, compiled.graph, BOARD, budget, MAX_LOSS)
    if tightness != "ample":
        assert compiled.plan.choices or compile_report(compiled, None).fetched


@pytest.mark.parametrize("tightness", ["ample", "tight", "tightest"])
def test_integer_top1_is_within_two_points_of_float(prepared, tightness: str):
    case, source, *_ = prepared
    compiled = _compile(prepared, _budget(prepared, tightness))
    name = source.inputs[0]
    images = case.images.reshape(-1, *source.shape(name))

    accuracy = measure_accuracy(compiled, DataSet({name: images}, case.labels.astype(np.int64)))

    assert accuracy.integer_top1 >= accuracy.float_top1 - 0.02
