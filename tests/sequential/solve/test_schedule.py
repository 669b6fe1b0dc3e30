"""The schedule model and its relaxation against brute force on tiny problems."""

import random
from dataclasses import replace
from functools import cache
from itertools import product

import pytest

from hwmap.sequential.engine import Engine
from hwmap.sequential.solve.problem import BlockShape, Option, Part, Problem, Task
from hwmap.sequential.solve.recompute import recompute
from hwmap.sequential.solve.relax import least_bytes, relax
from hwmap.sequential.solve.schedule import schedule
from tests.sequential.solve.brute_force import fewest_cycles

ENGINE = Engine(pe=2, simd=2, vector_lanes=2, requant_lanes=2, bus_bytes=4)
PLENTY = (BlockShape(512, 1, 0),)
EXTRA = 3


def _options(rng: random.Random, size: int, *, candidate: int) -> list[Option]:
    """A candidate with every choice of what stays on chip."""
    inner = [rng.randint(1, max(size // 2, 1))] if candidate else []
    stays = [
        Part(
            rng.randint(5, 60),
            weight := rng.randint(1, 12),
            channel := rng.randint(1, 4),
            weight + 4 * channel,
            bytes_,
            resident=True,
            lead_cycles=9 * (bytes_ % 3 == 0),
        )
        for bytes_ in [*inner, size]
    ]
    error = candidate * rng.randint(1, 50_000)
    return [
        Option(candidate, error, parts)
        for parts in product(*((part, replace(part, resident=False)) for part in stays))
    ]


def _random_problem(seed: int) -> tuple[Problem, int]:
    """A load, two to four ops on random earlier tensors, a store; and a limit on the memory."""
    rng = random.Random(seed)
    count = rng.choice((2, 3, 3, 4))
    sizes = [rng.randint(4, 40) for _ in range(count + 1)]
    tasks = [Task("x", "load", (), 0, (Option(0, 0, (Part(4, 0, 0, 0, sizes[0], True),)),))]
    for index in range(1, count + 1):
        latest = {index - 1} | ({rng.randrange(index)} if rng.random() < 0.5 else set())
        options = []
        for candidate in range(rng.choice((1, 1, 1, 2))):
            options += _options(rng, sizes[index], candidate=candidate)
        tasks.append(Task(f"op{index}", "run", tuple(sorted(latest)), index, tuple(options)))
    store = Option(0, 0, (Part(3, 0, 0, 0, 0, True),))
    tasks.append(Task("y", "store", (count,), -1, (store,)))
    problem = Problem(
        engine=ENGINE,
        tasks=tuple(tasks),
        tensor_bytes=tuple(sizes),
        overhead_cycles=3,
        startup_cycles=7,
        loss_ppb=rng.choice((0, 60_000)),
        fifo_bytes=64 * 4,
        fifo_words=64,
        bram18=1000,
        uram=0,
        arena=PLENTY,
        weights=PLENTY,
        channels=PLENTY,
        fifo=PLENTY,
        tables=0,
        table_bytes=0,
        table_words=0,
        table_blocks=PLENTY,
    )
    return problem, rng.randint(380, 660)


@cache
def _fewest(seed: int) -> int | None:
    """The exact answer for a random problem, which several tests ask for."""
    return fewest_cycles(*_random_problem(seed))


def _proved_cycles(problem: Problem, limit: int) -> int | None:
    """The fewest cycles that the model finds, with its proof; None if it proves that none fit."""
    outcome = schedule(problem, extra=EXTRA, limit_bytes=limit, most_cycles=None, seconds=60.0)
    assert outcome.proved
    return None if outcome.schedule is None else outcome.schedule.cycles


@pytest.mark.parametrize("seed", range(60))
def test_the_model_finds_what_brute_force_finds(seed: int):
    assert _proved_cycles(*_random_problem(seed)) == _fewest(seed)


@pytest.mark.parametrize("seed", range(60))
def test_the_relaxation_is_never_above_the_optimum(seed: int):
    problem, limit = _random_problem(seed)
    exact = _fewest(seed)

    relaxed = relax(problem, limit_bytes=limit)

    # Where nothing fits, any bound is right.
    assert exact is None or (relaxed.bound is not None and relaxed.bound <= exact)
    assert exact is None or least_bytes(problem) <= limit


@pytest.mark.parametrize("seed", range(30))
def test_the_search_finds_what_brute_force_finds_for_given_options(seed: int):
    problem, limit = _random_problem(seed)
    first = [replace(task, options=task.options[:1]) for task in problem.tasks]
    problem = replace(problem, tasks=tuple(first))
    exact = fewest_cycles(problem, limit)

    found = recompute(problem, [0] * len(first), limit_bytes=limit, seconds=0.5)

    # With everything on chip, durations are the cycles, and small graphs are solved exactly.
    resident = all(part.resident for task in first for part in task.options[0].parts)
    assert resident
    if exact is None:
        assert found is None
    else:
        assert found is not None
        assert found.cycles == exact


def test_the_random_problems_are_not_all_easy():
    answers = [_fewest(seed) for seed in range(60)]
    alone = [
        schedule(
            _random_problem(seed)[0], extra=0, limit_bytes=10**6, most_cycles=None, seconds=9.0
        ).schedule
        for seed in range(60)
    ]

    assert 3 <= answers.count(None) <= 40
    tight = [a for a, s in zip(answers, alone, strict=True) if a and s and a > s.cycles]
    assert len(tight) >= 10


def _random_dag(seed: int) -> tuple[Problem, int]:
    """Six ops with one resident option each, so that only order and recomputation are open."""
    rng = random.Random(1000 + seed)
    problem, _ = _random_problem(seed)
    sizes = tuple(rng.randint(4, 60) for _ in range(7))
    tasks = [Task("x", "load", (), 0, (Option(0, 0, (Part(4, 0, 0, 0, sizes[0], True),)),))]
    for index in range(1, 7):
        inputs = {rng.randrange(index)} | ({rng.randrange(index)} if rng.random() < 0.6 else set())
        part = Part(rng.randint(5, 60), 1, 1, 5, sizes[index], resident=True)
        option = Option(0, 0, (part,))
        tasks.append(Task(f"op{index}", "run", tuple(sorted(inputs)), index, (option,)))
    read = {tensor for task in tasks for tensor in task.inputs}
    for index in sorted(set(range(7)) - read):
        store = Option(0, 0, (Part(3, 0, 0, 0, 0, True),))
        tasks.append(Task(f"y{index}", "store", (index,), -1, (store,)))
    constants = 6 * (problem.engine.weight_word_bytes + problem.engine.channel_word_bytes)
    arena = rng.randint(max(sizes) + 20, sum(sizes) * 2 // 3)
    memory = constants + problem.fifo_bytes + arena + 3 * problem.engine.arena_lanes
    return replace(problem, tasks=tuple(tasks), tensor_bytes=sizes), memory


@pytest.mark.parametrize("seed", range(25))
def test_order_and_recomputation_of_six_ops_are_those_of_brute_force(seed: int):
    problem, limit = _random_dag(seed)

    assert _proved_cycles(problem, limit) == fewest_cycles(problem, limit)
