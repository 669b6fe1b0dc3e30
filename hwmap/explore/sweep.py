"""A sweep: waves of tasks, from the corners of the budgets inwards.

A plan for a smaller budget is one for every larger budget too, and no plan for a smaller budget is
faster than the bound of a larger one. So what earlier waves have found may answer a task without a
solver: where the fastest plan from below is at the bound from above, or where even more is not
enough. A task sees what whole waves before it have found, and nothing of its own wave: the result
is the same whatever finishes first, and wherever a run was interrupted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import partial
from itertools import groupby, product
from typing import Literal

from hwmap import style
from hwmap.explore.point import Built, Found, Job, Point, Solved, Task
from hwmap.explore.pool import Pool
from hwmap.explore.store import Store
from hwmap.explore.work import build_plan, solve
from hwmap.style import STYLES, Plan, Wanted, plan_from_json, plan_to_json


@dataclass(frozen=True)
class News:
    """How far a sweep is: so many tasks (`what` is "points") or, then, designs of all of them are
    done. The last `answer` is to `task`; neither for a design."""

    what: Literal["points", "designs"]
    done: int
    of: int
    task: Task | None = None
    answer: Solved | None = None


Show = Callable[[News], None]
"""Is told of how many of all tasks are done, and what was found last."""


@dataclass(frozen=True)
class Axes:
    """The values of every budget; `styles` as the user names them."""

    boards: tuple[tuple[str, int], ...]
    mems: Mapping[str, tuple[int, ...]]
    dsps: Mapping[str, tuple[int, ...]]
    luts: Mapping[str, tuple[int, ...]]
    drops: tuple[float, ...]
    styles: tuple[Wanted, ...]


def waves(axes: Axes) -> list[list[Task]]:
    """All tasks, those of a wave together: the corners first, then what halves the gaps."""
    levels: dict[Task, int] = {}
    for board, clock in axes.boards:
        values = axes.mems[board], axes.dsps[board], axes.luts[board], axes.drops
        for wanted, budget in product(axes.styles, product(*map(_levels, values))):
            mem, dsp, lut, drop = (value for value, _ in budget)
            for one in _styles(wanted):
                task = Task(board, clock, int(mem), int(dsp), int(lut), drop, one)
                levels[task] = max(level for _, level in budget)
    ordered = sorted(levels, key=lambda task: levels[task])
    return [list(group) for _, group in groupby(ordered, key=lambda task: levels[task])]


def _styles(name: Wanted) -> tuple[style.Style, ...]:
    return STYLES if name == "auto" else (name,)


def _levels(values: Sequence[float]) -> list[tuple[float, int]]:
    """Each value, and the step of halving in which it comes: both ends are 0."""
    levels = {0: 0, len(values) - 1: 0}
    gaps, level = [(0, len(values) - 1)], 0
    while gaps:
        level += 1
        narrower = []
        for low, high in gaps:
            if high - low > 1:
                middle = (low + high) // 2
                levels[middle] = level
                narrower += [(low, middle), (middle, high)]
        gaps = narrower
    return [(value, levels[index]) for index, value in enumerate(values)]


def run(job: Job, axes: Axes, store: Store, pool: Pool, show: Show) -> tuple[Found, ...]:
    """Solves what is not in the store yet, builds every plan, and gives the points in the order of
    the axes."""
    groups = waves(axes)
    tasks = [task for group in groups for task in group]
    answers: dict[Task, Solved] = {}
    for group in groups:
        before = dict(answers)
        for task in group:
            known = store.solved(task)
            derived = known or _derived(task, before)
            if derived is not None:
                answers[task] = derived
                store.add_solved(task, derived)
        missing = [task for task in group if task not in answers]
        show(News("points", len(answers), len(tasks)))
        for task, answer in pool.run(partial(solve, job), missing):
            store.add_solved(task, answer)
            answers[task] = answer
            show(News("points", len(answers), len(tasks), task, answer))
    settled = {task: _settled(task, answers) for task in tasks}
    built = _built(job, settled, store, pool, show)
    return tuple(
        _found(number, wanted, tasks, settled, built)
        for number, (wanted, tasks) in enumerate(_rows(axes))
    )


def _derived(task: Task, answers: Mapping[Task, Solved]) -> Solved | None:
    """The answer that follows from those to other budgets, if it is proved."""
    found = _settled(task, answers)
    return found if found.status in ("optimal", "infeasible") else None


def _settled(task: Task, answers: Mapping[Task, Solved]) -> Solved:
    """The best that is known of a task: its plan or one for less; its bound or one for more."""
    nothing = Solved("unknown", 0, 0, "", "", 0.0)
    own = answers.get(task, nothing)
    larger = [answer for other, answer in answers.items() if task.within(other)]
    smaller = {
        other: answer for other, answer in answers.items() if answer.plan and other.within(task)
    }
    hopeless = next((answer for answer in larger if answer.status == "infeasible"), None)
    if hopeless is not None:
        return replace(hopeless, seconds=own.seconds)
    if not smaller:
        return own
    bound = max((answer.bound_cycles for answer in larger), default=0)
    plan = style.with_bound(_leanest(task, smaller), bound)
    text = plan_to_json(plan)
    return Solved(plan.status, plan.cycles, plan.bound_cycles, text, "", own.seconds)


def _leanest(task: Task, smaller: Mapping[Task, Solved]) -> Plan:
    """The fastest of the plans; of those the one that takes least."""
    cycles = min(answer.cycles for answer in smaller.values())
    plans = {
        other: plan_from_json(answer.plan, "the store")
        for other, answer in smaller.items()
        if answer.cycles == cycles
    }

    def taken(other: Task) -> tuple[object, ...]:
        plan = plans[other]
        return plan.memory_bytes, plan.dsp, plan.lut, other != task, astuple(other)

    return plans[min(plans, key=taken)]


def _built(
    job: Job, settled: Mapping[Task, Solved], store: Store, pool: Pool, show: Show
) -> dict[str, Built]:
    """What each of the plans is worth, by the plan."""
    wanted: dict[str, Task] = {}
    for task, answer in settled.items():
        if answer.plan:
            wanted.setdefault(answer.plan, task)
    found = {plan: built for plan in wanted if (built := store.built(plan)) is not None}
    missing = [(task, plan) for plan, task in wanted.items() if plan not in found]
    for (_, plan), built in pool.run(partial(_build, job), missing):
        store.add_built(plan, built)
        found[plan] = built
        show(News("designs", len(found), len(wanted)))
    return found


def _build(job: Job, item: tuple[Task, str]) -> Built:
    return build_plan(job, *item)


def _rows(axes: Axes) -> Iterator[tuple[Wanted, list[Task]]]:
    """The style and the tasks of each point."""
    for board, clock in axes.boards:
        budgets = product(axes.mems[board], axes.dsps[board], axes.luts[board], axes.drops)
        for wanted, budget in product(axes.styles, budgets):
            yield wanted, [Task(board, clock, *budget, one) for one in _styles(wanted)]


def _found(
    number: int,
    wanted: Wanted,
    tasks: Sequence[Task],
    settled: Mapping[Task, Solved],
    built: Mapping[str, Built],
) -> Found:
    """A point, from the faster of the styles; without a plan from one of which none is proved."""

    def rank(task: Task) -> tuple[bool, int, bool]:
        return not settled[task].plan, settled[task].cycles, settled[task].status != "unknown"

    task = min(tasks, key=rank)
    answer = settled[task]
    worth = built.get(answer.plan)
    planned = worth is not None
    # Of a style without an answer nothing is known, not even a bound.
    bounds = [settled[one].bound_cycles for one in tasks if settled[one].status != "infeasible"]
    bound = min(bounds, default=0)
    status = answer.status
    if planned and wanted == "auto":
        status = "optimal" if answer.cycles == bound else "feasible"
    per_second = task.clock_mhz * 1e6
    point = Point(
        number=number,
        board=task.board,
        clock_mhz=task.clock_mhz,
        mem_bytes=task.mem_bytes,
        dsp=task.dsp,
        lut=task.lut,
        max_drop=task.max_drop,
        style=wanted,
        status=status,
        plan_style=task.style if planned else None,
        cycles=answer.cycles if planned else None,
        bound_cycles=bound if planned else None,
        fps=per_second / answer.cycles if planned else None,
        bound_fps=per_second / bound if planned and bound else None,
        latency_ms=1e3 * worth.latency_cycles / per_second if worth else None,
        used_mem_bytes=worth.memory_bytes if worth else None,
        used_dsp=worth.dsp if worth else None,
        used_lut=worth.lut if worth else None,
        used_ff=worth.ff if worth else None,
        decomposed=worth.decomposed if worth else None,
        top1=worth.top1 if worth else None,
        message=answer.message,
    )
    return Found(point, task, answer.plan, worth.profile if worth else None)
