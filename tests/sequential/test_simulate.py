"""The simulator notices tables that are wrong, and its clock is the FIFO's."""

from dataclasses import replace

import numpy as np
import pytest

import hwmap
from hwmap.board import load_board
from hwmap.compiler import Compiled
from hwmap.errors import SimulationError
from hwmap.ir.evaluate import evaluate
from hwmap.quantize.choose import quantize_inputs
from hwmap.sequential.design import build_design
from hwmap.sequential.design.types import Design
from hwmap.sequential.engine import Engine
from hwmap.sequential.program import HEADER_BYTES, Segment, decode, encode
from hwmap.sequential.simulate import simulate
from hwmap.sequential.timeline import _Fifo, time_lines
from tests.models import chain
from tests.sequential.plans import tight_plan


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    model = chain().save(tmp_path_factory.mktemp("chain") / "net.onnx", "out")
    return hwmap.compile(model, "pynq-z2", max_drop=0.0, time_limit=3).compiled


@pytest.fixture
def inputs(compiled: Compiled):
    x = np.random.default_rng(0).random((20, 4, 8, 8)).astype("f")
    return quantize_inputs(compiled.graph, {"x": x})


def _changed(design: Design, index: int, **changes: object) -> Design:
    """The design whose program has another row `index`."""
    rows = list(design.rows)
    bus = design.engine.bus_bytes
    at = -(-HEADER_BYTES // bus) + sum(
        row.row_bus_words(bus) + row.fetch_words for row in (*design.once, *rows[:index])
    )
    rows[index] = replace(rows[index], **changes)
    words = encode(rows[index], bus)
    program = np.concatenate([design.program[:at], words, design.program[at + len(words) :]])
    return replace(design, rows=tuple(rows), program=program)


def test_the_simulator_is_the_reference(compiled: Compiled, inputs):
    result = simulate(compiled.design, inputs)

    assert np.array_equal(result.outputs["out"], evaluate(compiled.graph, inputs)["out"])
    assert result.cycles == compiled.plan.cycles
    assert result.peak_bytes == 8 * compiled.plan.arena_words


def test_a_tensor_that_is_overwritten_gives_wrong_values(compiled: Compiled, inputs):
    first = compiled.design.rows[1].target_pointers
    overlapping = _changed(compiled.design, 2, target_pointers=first[:1] * len(first))

    result = simulate(overlapping, inputs)

    assert not np.array_equal(result.outputs["out"], evaluate(compiled.graph, inputs)["out"])


def test_a_write_beyond_the_arena_is_an_error(compiled: Compiled, inputs):
    pointers = compiled.design.rows[1].target_pointers
    beyond = _changed(
        compiled.design, 1, target_pointers=(compiled.design.arena_words - 1,) * len(pointers)
    )

    with pytest.raises(SimulationError, match="a write to word"):
        simulate(beyond, inputs)


def test_constants_beyond_their_memory_are_an_error(compiled: Compiled, inputs):
    once = compiled.design.once[0]
    segments = (Segment(once.fetched[0].address + 1, once.fetched[0].words),)
    bus = compiled.design.engine.bus_bytes
    at = -(-HEADER_BYTES // bus)
    words = encode(replace(once, fetched=segments), bus)
    program = compiled.design.program
    program = np.concatenate([program[:at], words, program[at + len(words) :]])

    with pytest.raises(SimulationError, match="constants at"):
        simulate(replace(compiled.design, program=program), inputs)


def test_results_that_could_not_leave_in_time_are_an_error(compiled: Compiled, inputs):
    row = compiled.design.rows[1]
    hurried = _changed(compiled.design, 1, first=1, other=1, last=1, slices=row.slices)

    with pytest.raises(SimulationError, match="a block takes"):
        simulate(hurried, inputs)


def test_words_that_are_never_read_are_an_error(compiled: Compiled, inputs):
    longer = np.concatenate([compiled.design.program, np.zeros((3, 8), np.int8)])

    with pytest.raises(SimulationError, match="3 words of the program are left"):
        simulate(replace(compiled.design, program=longer), inputs)


def test_a_row_comes_back_from_its_bytes(compiled: Compiled):
    for row in (*compiled.design.once, *compiled.design.rows):
        words = encode(row, 8)

        assert decode(words, 8) == (replace(row, source="", instance=0), len(words))
        assert len(words) == row.row_bus_words(8)


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
    engine = Engine(8, 8, 8, 8, 8, 8, 32)
    plan = tight_plan(compiled.source, load_board("pynq-z2"), engine)
    design = build_design(compiled.graph, plan, load_board("pynq-z2"))

    ((steps, stalls),) = time_lines(design, 1)

    assert stalls == sum(max(step.fetch_words - step.compute_trips, 0) for step in steps)
    assert any(step.fetch_words for step in steps)
    assert steps[-1].end_cycle == plan.cycles


def test_the_program_of_the_next_image_comes_while_the_last_steps_run(compiled: Compiled):
    ends = [steps[-1].end_cycle for steps, _ in time_lines(compiled.design, 3)]

    assert ends == [compiled.plan.cycles] * 3
