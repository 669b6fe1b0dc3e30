"""The simulator notices tables that are wrong, and its clock is the FIFO's."""

from dataclasses import replace

import numpy as np
import pytest

import hwmap
from hwmap.compiler import Compiled
from hwmap.errors import SimulationError
from hwmap.ir.evaluate import evaluate
from hwmap.quantize.choose import quantize_inputs
from hwmap.sequential.design.steps import Fetch
from hwmap.sequential.design.types import Design
from hwmap.sequential.engine import DRAM_LATENCY_CYCLES
from hwmap.sequential.simulate import _Fifo, simulate, time_lines
from tests.models import chain


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    model = chain().save(tmp_path_factory.mktemp("chain") / "net.onnx", "out")
    return hwmap.compile(model, "pynq-z2", mem=5_800, max_drop=0.0, time_limit=3).compiled


@pytest.fixture
def inputs(compiled: Compiled):
    x = np.random.default_rng(0).random((20, 4, 8, 8)).astype("f")
    return quantize_inputs(compiled.graph, {"x": x})


def _changed(design: Design, index: int, **changes: object) -> Design:
    steps = list(design.steps)
    steps[index] = replace(steps[index], **changes)
    return replace(design, steps=tuple(steps))


def test_the_simulator_is_the_reference(compiled: Compiled, inputs):
    result = simulate(compiled.design, inputs)

    assert np.array_equal(result.outputs["out"], evaluate(compiled.graph, inputs)["out"])
    assert result.cycles == compiled.plan.cycles
    assert result.peak_bytes == compiled.plan.memory.arena_bytes


def test_a_tensor_that_is_overwritten_gives_wrong_values(compiled: Compiled, inputs):
    steps = compiled.design.steps
    overlapping = _changed(compiled.design, 2, target_address=steps[1].target_address + 64)

    result = simulate(overlapping, inputs)

    assert not np.array_equal(result.outputs["out"], evaluate(compiled.graph, inputs)["out"])


def test_a_write_beyond_the_arena_is_an_error(compiled: Compiled, inputs):
    beyond = _changed(compiled.design, 1, target_address=compiled.design.memory.arena_bytes - 8)

    with pytest.raises(SimulationError, match="a write to byte"):
        simulate(beyond, inputs)


def test_constants_beyond_their_memory_are_an_error(compiled: Compiled, inputs):
    beyond = _changed(
        compiled.design, 0, fetch=Fetch(0, compiled.design.memory.weight_words + 1, 0, 0)
    )

    with pytest.raises(SimulationError, match="constants at"):
        simulate(beyond, inputs)


def test_words_that_are_never_fetched_are_an_error(compiled: Compiled, inputs):
    longer = np.concatenate([compiled.design.dram, np.zeros((3, 8), np.int8)])

    with pytest.raises(SimulationError, match="3 DRAM words were not fetched"):
        simulate(replace(compiled.design, dram=longer), inputs)


def _slow_fifo(bursts: list[tuple[int, int]], latency: int, depth: int) -> list[int]:
    """The same FIFO, word by word: the last read of each (start, words)."""
    written: list[int] = []
    read: list[int] = []
    ends = []
    for start, words in bursts:
        now = start
        for _ in range(words):
            index = len(read)
            at = latency if index == 0 else written[-1] + 1
            if index >= depth:
                at = max(at, read[index - depth] + 1)
            written.append(at)
            now = max(now + 1, at + 1)
            read.append(now)
        ends.append(now)
    return ends


@pytest.mark.parametrize("seed", range(20))
def test_the_fifo_is_that_of_its_recurrence(seed: int):
    rng = np.random.default_rng(seed)
    bursts, now = [], 0
    for _ in range(12):
        now += int(rng.integers(0, 120))
        words = int(rng.integers(0, 300))
        bursts.append((now, words))
        now += words

    fifo = _Fifo()
    fifo.begin_burst()
    found = [fifo.read(start, words) for start, words in bursts]

    assert found == _slow_fifo(bursts, latency=60, depth=64)


def test_a_step_that_only_waits_for_constants_stalls(compiled: Compiled):
    ((steps, stalls),) = time_lines(compiled.design, 1)

    waiting = sum(max(step.fetch_words - step.compute_trips, 0) for step in steps)

    assert stalls == waiting
    assert any(step.fetch_words for step in steps)


def test_a_later_image_finds_the_fifo_full(compiled: Compiled):
    first, second, third = (steps[-1].end_cycle for steps, _ in time_lines(compiled.design, 3))

    # The first word of a burst is there after its latency, and can be read on the next cycle.
    assert first - second == DRAM_LATENCY_CYCLES + 1
    assert third == second
