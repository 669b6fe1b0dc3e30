"""What a sweep makes of the answers of a solver that is not always at its best."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random

import pytest

from hwmap.explore.point import Built, Job, Point, Solved, Task, pareto
from hwmap.explore.store import Store
from hwmap.explore.sweep import Axes, run, waves
from hwmap.profile import Profile
from hwmap.streaming.plan import Plan, to_json

JOB = Job("model", None, None, None, "cache", 1.0, ((0.0, 0.0), (1.0, 0.1)))
PROFILE = Profile((), (), (), "FIFOs", (), 1000)
PLAN = Plan("streaming", "net", "kv260", "feasible", 1, 0, (), (), (), 1, 1, 0, 1, 0, 1, 1, 0.0, ())
AXES = Axes(
    (("kv260", 200),),
    {"kv260": (10, 30, 100, 120, 140)},
    {"kv260": (1, 2, 4)},
    {"kv260": (1000,)},
    (0.0, 1.0),
    ("streaming", "auto"),
)
LEAST = 30


def _best(task: Task) -> int:
    """The fewest cycles that a budget allows."""
    return 10_000 // (min(task.mem_bytes, 100) * task.dsp) + (0 if task.max_drop else 50)


class _Pool:
    """A solver that may miss the best, or its proof, and answers in any order."""

    def __init__(
        self, seed: int, order: int, *, stop_after: int | None = None, misses: bool = True
    ) -> None:
        self._seed, self._order, self._left = seed, Random(order), stop_after
        self._misses = misses
        self.asked: list[Task] = []

    def run(self, work, items):
        items = list(items)
        self._order.shuffle(items)
        for item in items:
            if self._left is not None:
                self._left -= 1
                if self._left < 0:
                    raise KeyboardInterrupt
            yield item, self._answer(item)

    def close(self) -> None:
        pass

    def _answer(self, item):
        if isinstance(item, tuple):
            return Built(1000, 1, 1, 1, 1, 0, None, PROFILE)
        self.asked.append(item)
        random = Random(f"{self._seed} {item}")
        if item.mem_bytes * item.dsp < LEAST:
            return Solved("infeasible", 0, 0, "", "too small", 1.0)
        if self._misses and random.random() < 0.1:
            return Solved("unknown", 0, 0, "", "no time", 1.0)
        cycles = _best(item) + self._misses * random.choice((0, 0, 40, 400))
        bound = _best(item) - self._misses * random.choice((0, 0, 10))
        status = "optimal" if cycles == bound else "feasible"
        plan = replace(PLAN, status=status, cycles=cycles, bound_cycles=bound)
        return Solved(status, cycles, bound, to_json(plan), "", 1.0)


def _run(folder: Path, pool: _Pool) -> tuple[Point, ...]:
    store = Store(folder)
    try:
        return tuple(found.point for found in run(JOB, AXES, store, pool, lambda *_: None))
    finally:
        store.close()


@pytest.mark.parametrize("seed", range(10))
def test_a_larger_budget_is_never_slower_and_every_claim_holds(seed: int, tmp_path: Path):
    points = _run(tmp_path, _Pool(seed, 0))

    assert len(points) == 5 * 3 * 2 * 2
    for small, large in product(points, points):
        budgets = zip(_budgets(small), _budgets(large), strict=True)
        if small.style == large.style and all(a <= b for a, b in budgets) and small.fps:
            assert large.fps is not None
            assert large.fps >= small.fps
    for point in points:
        task = Task("kv260", 200, *_budgets(point), "streaming")
        if point.mem_bytes * point.dsp < LEAST:
            assert point.status in ("infeasible", "unknown")
        elif point.fps is not None:
            assert point.bound_cycles <= _best(task) <= point.cycles
            assert (point.status == "optimal") == (point.cycles == point.bound_cycles)


def _budgets(point: Point) -> tuple[int, int, int, float]:
    return point.mem_bytes, point.dsp, point.lut, point.max_drop


def test_the_result_depends_neither_on_the_order_of_answers_nor_on_interruptions(tmp_path: Path):
    undisturbed = _run(tmp_path / "0", _Pool(3, 0))

    assert _run(tmp_path / "1", _Pool(3, 1)) == undisturbed
    for stop in (0, 1, 5, 11, 20, 30):
        folder = tmp_path / f"stopped{stop}"
        with pytest.raises(KeyboardInterrupt):
            _run(folder, _Pool(3, stop, stop_after=stop))
        assert _run(folder, _Pool(3, stop + 1)) == undisturbed


def test_what_is_there_is_not_asked_again(tmp_path: Path):
    _run(tmp_path, _Pool(4, 0))
    again = _Pool(4, 1)

    _run(tmp_path, again)

    assert again.asked == []


def test_what_follows_from_other_budgets_is_not_asked(tmp_path: Path):
    pool = _Pool(0, 0, misses=False)

    points = _run(tmp_path, pool)

    # 120 of memory is between 100 and 140, which are as fast; what is less than too little too.
    assert all(point.status in ("optimal", "infeasible") for point in points)
    assert not any(task.mem_bytes == 120 for task in pool.asked)


def test_the_front_has_what_no_point_beats(tmp_path: Path):
    points = _run(tmp_path, _Pool(5, 0))
    sizes = (7, 3, 9, 3)
    four = tuple(
        replace(points[-1], number=n, fps=float(fps), used_mem_bytes=size)
        for n, (fps, size) in enumerate(zip((5, 2, 5, 3), sizes, strict=True))
    )

    assert pareto(four) == (3, 0)


def test_corners_come_first_and_every_task_once():
    groups = waves(AXES)
    tasks = [task for group in groups for task in group]

    assert len(set(tasks)) == len(tasks) == 5 * 3 * 2 * 2
    assert {task.mem_bytes for task in groups[0]} == {10, 140}
    assert {task.mem_bytes for group in groups[:2] for task in group} == {10, 100, 140}
