"""What a worker does: it solves one task, or builds one plan. What several need it keeps."""

import time
from functools import lru_cache
from pathlib import Path

from hwmap import style
from hwmap.board import Board, budget_of, load_board, with_clock
from hwmap.compiler import (
    Allowed,
    Compiled,
    Known,
    build,
    find_candidates,
    find_plan,
    load_source,
)
from hwmap.data.calibration import read_calibration, read_labelled
from hwmap.data.dataset import DataSet
from hwmap.decompose.candidates import Candidate, dense_candidates
from hwmap.errors import InfeasibleError, TimeLimitError, UnsupportedOperatorError
from hwmap.explore.point import Built, Job, Solved, Task
from hwmap.ir.graph import Graph
from hwmap.progress import quiet
from hwmap.report.compiled import compile_report, measure_accuracy
from hwmap.solve.settings import Settings
from hwmap.style import Plan, plan_from_json, plan_to_json


def solve(job: Job, task: Task) -> Solved:
    """The solver's answer to a task."""
    begin = time.perf_counter()
    settings = settings_of(job, task)
    allowed = Allowed(_candidates(job, task.max_drop), settings.max_loss)
    try:
        plan = find_plan(task.style, _source(job), settings, allowed, job.time_limit, quiet)
    except (InfeasibleError, UnsupportedOperatorError) as error:
        return Solved("infeasible", 0, 0, "", str(error), time.perf_counter() - begin)
    except TimeLimitError as error:
        return Solved("unknown", 0, 0, "", str(error), time.perf_counter() - begin)
    text = plan_to_json(plan)
    seconds = time.perf_counter() - begin
    return Solved(plan.status, plan.cycles, plan.bound_cycles, text, "", seconds)


def build_plan(job: Job, task: Task, text: str) -> Built:
    """What the plan `text` for a task is worth."""
    compiled = compiled_of(job, task, plan_from_json(text, "the store"))
    tests = _tests(job)
    accuracy = None if tests is None else measure_accuracy(compiled, tests, _data(job))
    report = compile_report(compiled, accuracy)
    board = compiled.settings.board
    profile = style.profile(compiled.plan, compiled.design, compiled.graph, board)
    return Built(
        profile.latency_cycles,
        report.dsp,
        report.lut,
        report.ff,
        report.memory_bytes,
        len(compiled.plan.choices),
        None if accuracy is None else accuracy.integer_top1,
        profile,
    )


def compiled_of(job: Job, task: Task, plan: Plan) -> Compiled:
    """The design of a plan for a task."""
    return build(_source(job), settings_of(job, task), _data(job), plan, quiet, _known(job))


def board_of(name: str, clock_mhz: int) -> Board:
    """A board at a clock."""
    board = load_board(name)
    return board if board.clock_mhz == clock_mhz else with_clock(board, clock_mhz)


def settings_of(job: Job, task: Task) -> Settings:
    """What a plan for a task must respect."""
    board = board_of(task.board, task.clock_mhz)
    budget = budget_of(board, dsp=task.dsp, lut=task.lut, memory_bytes=task.mem_bytes)
    return Settings(board, budget, task.max_drop, dict(job.losses)[task.max_drop], job.scales)


@lru_cache(maxsize=1)
def _source(job: Job) -> Graph:
    return load_source(Path(job.model))


@lru_cache(maxsize=1)
def _data(job: Job) -> DataSet:
    return read_calibration(job.calib, _source(job), job.preprocess)


@lru_cache(maxsize=1)
def _tests(job: Job) -> DataSet | None:
    if job.test_data is None:
        return None
    return read_labelled(job.test_data, _source(job), job.preprocess)


@lru_cache(maxsize=1)
def _known(job: Job) -> Known:
    return {}


@lru_cache(maxsize=1)
def _every_candidate(job: Job) -> dict[str, tuple[Candidate, ...]]:
    return find_candidates(_source(job), _data(job), Path(job.cache), quiet)


def _candidates(job: Job, max_drop: float) -> dict[str, tuple[Candidate, ...]]:
    if max_drop == 0:
        return dense_candidates(_source(job))
    limit = dict(job.losses)[max_drop]
    return {
        name: tuple(candidate for candidate in items if candidate.loss <= limit)
        for name, items in _every_candidate(job).items()
    }
