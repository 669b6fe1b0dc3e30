"""Plans are as fast as the fastest of all foldings, tried one by one, and no bound lies."""

from collections.abc import Sequence
from dataclasses import astuple
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import pytest

from hwmap.board import BRAM18_BYTES, Budget, budget_of, load_board
from hwmap.compiler import load_source
from hwmap.decompose.candidates import dense_candidates
from hwmap.errors import InfeasibleError
from hwmap.ir.given import least_weight
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.progress import quiet
from hwmap.solve.settings import Settings
from hwmap.streaming.bits import sum_bits_of
from hwmap.streaming.cost import Cost, Target, fifo_cost, unit_cost
from hwmap.streaming.layout import Layout
from hwmap.streaming.network import conversions, unit_of
from hwmap.streaming.solve import solve
from hwmap.streaming.solve.legal import legal_foldings
from hwmap.streaming.solve.options import Foldings
from hwmap.streaming.solve.problem import limits_of
from hwmap.streaming.timetable import schedule_of
from hwmap.streaming.units import LEAST_DEPTH, Matrix, Sink, Source, Unit, sources_of, targets_of
from hwmap.streaming.use import SHELL, target_of
from tests.models import ModelBuilder
from tests.streaming.random_networks import random_network

BOARD = load_board("pynq-z2")
MOST_CHOICES = 400_000


@pytest.mark.parametrize(
    "seed", [*range(25), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(25, 100))]
)
def test_no_choice_of_foldings_is_faster(seed: int, tmp_path: Path):
    graph, budget = _chain(seed, tmp_path), _budget(Random(seed))
    settings = Settings(BOARD, budget, 0.0, 0.0)

    fewest = _fewest_trips(graph, budget)

    assert _answer(graph, settings) == (fewest, "infeasible" if fewest is None else "optimal")


def _answer(graph: Graph, settings: Settings) -> tuple[int | None, str]:
    try:
        plan = solve(graph, dense_candidates(graph), settings, 20, quiet)
    except InfeasibleError:
        return None, "infeasible"
    return plan.cycles, plan.status


def _chain(seed: int, folder: Path) -> Graph:
    """A float network of one to three ops that has not too many foldings to try them all."""
    random = Random(seed)
    while True:
        channels, height, width = random.randint(1, 3), random.randint(3, 6), random.randint(3, 6)
        model, at = ModelBuilder((channels, height, width), seed=seed), "x"
        for number in range(random.randint(1, 3)):
            kind = random.choice(("conv", "depthwise", "pool"))
            if kind == "pool":
                at = model.node(
                    "MaxPool", at, name=f"pool{number}", kernel_shape=[2, 2], pads=[0, 0, 1, 1]
                )
                continue
            out = channels if kind == "depthwise" else random.randint(1, 4)
            size = random.choice((1, 3))
            group = channels if kind == "depthwise" else 1
            at = model.conv(
                at, (channels, out), (size, size), name=f"{kind}{number}",
                pads=[size // 2] * 4, group=group,
            )  # fmt: skip
            channels = out
        graph = load_source(model.save(folder / "chain.onnx", at))
        foldings = [len(list(legal_foldings(op, graph, 0))) for op in hardware_ops(graph)]
        if np.prod(foldings) <= MOST_CHOICES:
            return graph


def _budget(random: Random) -> Budget:
    return budget_of(
        BOARD,
        dsp=random.choice((1, 2, 3, 5, 8, 12, 20)),
        lut=random.choice((2600, 3000, 3500, 4200, 6000)),
        memory_bytes=random.choice((2, 4, 8, 40)) * BRAM18_BYTES,
    )


def _fewest_trips(graph: Graph, budget: Budget) -> int | None:
    """The trips of the slowest kernel in the fastest choice that fits; None: none does."""
    target = Target(BOARD.dsp_slice, least_weight(graph))
    # Every choice as (trips, what it takes), by the words that it ends with.
    choices: Choices = {None: np.array([[0, *astuple(SHELL)]])}
    for op in hardware_ops(graph):
        found: dict[Layout, list[np.ndarray]] = {}
        for folding in legal_foldings(op, graph, 0):
            unit = unit_of(op, graph, folding)
            own = _row((unit,), sum_bits_of(op, graph), target)
            for end, rows in choices.items():
                between = _between(end, sources_of(unit)[0], target)
                found.setdefault(targets_of(unit)[0], []).append(_both(_both(rows, between), own))
        choices = {end: np.unique(np.concatenate(rows), axis=0) for end, rows in found.items()}
    every = [_both(rows, _row((Sink(end),), 8, target)) for end, rows in choices.items()]
    trips, *costs = np.concatenate(every).T
    fits = np.all(astuple(limits_of(BOARD, budget)) >= np.array(costs).T, axis=1)
    fits &= costs[3] * BRAM18_BYTES <= budget.memory_bytes
    return int(trips[fits].min()) if fits.any() else None


Choices = dict[Layout | None, np.ndarray]


def _both(rows: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The slower of the trips, and the sum of what is taken."""
    slowest = np.maximum(rows[:, :1], other[0])
    return np.concatenate([slowest, rows[:, 1:] + other[1:]], axis=1)


@cache
def _between(have: Layout | None, wanted: Layout, target: Target) -> np.ndarray:
    return _row((Source(wanted),) if have is None else conversions(have, wanted), 8, target)


def _row(units: Sequence[Unit], sum_bits: int, target: Target) -> np.ndarray:
    """The trips of the slowest, and what all take with the FIFOs that they read."""
    found = np.zeros(7, np.int64)
    for unit in units:
        found[0] = max(found[0], schedule_of(unit).trips)
        found[1:] += astuple(unit_cost(unit, sum_bits, target))
        for layout in sources_of(unit):
            found[1:] += astuple(fifo_cost(layout, LEAST_DEPTH, target))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_what_foldings_take_is_what_their_kernels_take(seed: int, tmp_path: Path):
    graph = random_network(seed, tmp_path)
    target = target_of(graph, BOARD, by_shifts=seed % 2 == 1)
    random = Random(seed)

    for op in hardware_ops(graph):
        known = Foldings(op, graph, target)
        for row in random.sample(range(len(known.foldings)), min(len(known.foldings), 30)):
            unit = unit_of(op, graph, known.foldings[row])
            found = unit_cost(unit, sum_bits_of(op, graph), target)
            for layout in sources_of(unit):
                found += fifo_cost(layout, LEAST_DEPTH, target)
            feed = unit.feed if isinstance(unit, Matrix) else None
            found += unit_cost(feed, 8, target) if feed else Cost(0, 0, 0, 0, 0, 0)
            assert tuple(known.exact(row)[:6]) == astuple(found), known.foldings[row]
            assert known.trips[row] == schedule_of(unit).trips
