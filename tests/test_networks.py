"""Real networks through the whole line, at three memory budgets each, rung by rung."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from hwmap.board import Budget, budget_of, load_board
from hwmap.compiler import Compiled, build, load_source
from hwmap.data.dataset import DataSet
from hwmap.decompose.candidates import Candidate
from hwmap.errors import InfeasibleError
from hwmap.files.write import write_folder
from hwmap.ir.graph import Graph
from hwmap.ladder import climb, run_simulation
from hwmap.progress import quiet
from hwmap.project import project_files, read_project
from hwmap.report.compiled import compile_report, measure_accuracy
from hwmap.sequential.check import check_plan
from hwmap.sequential.plan import Plan
from hwmap.sequential.solve import Target, solve
from hwmap.solve.settings import Settings
from tests.decomposed import some_candidates
from tests.networks import Case

BOARD = load_board("pynq-z2")
MAX_LOSS = 0.001
SECONDS = 4.0
IMAGES = 10
METHOD_STEP = 8
"""So few of the methods of an op are candidates that measuring and solving are soon done."""


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A network, its candidates and data, the plan for the whole board, and the least memory for
    which a design was found."""

    case: Case
    source: Graph
    candidates: dict[str, tuple[Candidate, ...]]
    data: DataSet
    ample: Plan
    least: int

    def images(self, count: int | None = None) -> DataSet:
        """The first test images with their labels."""
        name = self.source.inputs[0]
        x = self.case.images[:count].reshape(-1, *self.source.shape(name))
        return DataSet({name: x}, self.case.labels[:count].astype(np.int64))


def _solve(source: Graph, candidates: dict[str, tuple[Candidate, ...]], budget: Budget) -> Plan:
    return solve(source, candidates, Target(BOARD, budget), MAX_LOSS, SECONDS)


@pytest.fixture(scope="module")
def prepared(case: Case) -> _Prepared:
    source = load_source(case.model)
    name = source.inputs[0]
    data = DataSet({name: case.calibration.reshape(-1, *source.shape(name))}, None)
    candidates = some_candidates(source, data.inputs, METHOD_STEP, MAX_LOSS)
    with pytest.raises(InfeasibleError) as error:
        _solve(source, candidates, budget_of(BOARD, memory_bytes=512))
    least = int(re.search(r"--mem (\d+) works", str(error.value))[1])
    ample = _solve(source, candidates, budget_of(BOARD))
    return _Prepared(case, source, candidates, data, ample, least)


@cache
def _compiled(prepared: _Prepared, tightness: str) -> Compiled:
    """The whole board; half way between what that takes and the least; the least."""
    half_way = (prepared.ample.memory_bytes + prepared.least) // 2
    memory = {"ample": None, "tight": half_way, "tightest": prepared.least}[tightness]
    budget = budget_of(BOARD, memory_bytes=memory)
    plan = _solve(prepared.source, prepared.candidates, budget) if memory else prepared.ample
    settings = Settings(BOARD, budget, 1.0, MAX_LOSS)
    return build(prepared.source, settings, prepared.data, plan, quiet)


TIGHTNESS = ("ample", "tight", "tightest")


@pytest.mark.parametrize("tightness", TIGHTNESS)
def test_every_rung_of_the_ladder_holds(prepared: _Prepared, tightness: str, tmp_path: Path):
    compiled = _compiled(prepared, tightness)
    plan, budget = compiled.plan, compiled.settings.budget
    report = compile_report(compiled, None)
    directory = tmp_path / "build"
    files = project_files(compiled, prepared.case.model, prepared.images(IMAGES), report)
    write_folder(directory, files)

    project = read_project(directory)
    simulated = run_simulation(project)
    rungs = list(climb(project, simulated))

    assert [rung for rung in rungs if rung.holds is False] == []
    assert sum(rung.holds is True for rung in rungs) == 8
    assert simulated.peak_bytes <= 8 * plan.arena_words
    assert plan.memory_bytes <= budget.memory_bytes
    assert plan.dsp <= budget.dsp
    assert plan.lut <= budget.lut
    assert plan.bound_cycles <= plan.cycles
    check_plan(plan, compiled.graph, BOARD, budget, MAX_LOSS)
    assert plan.choices or report.fetched or tightness == "ample"


@pytest.mark.parametrize("tightness", TIGHTNESS)
def test_integer_top1_is_within_two_points_of_float(prepared: _Prepared, tightness: str):
    compiled = _compiled(prepared, tightness)
    accuracy = measure_accuracy(compiled, prepared.images(), prepared.data)

    assert accuracy.integer_top1 >= accuracy.float_top1 - 0.02
