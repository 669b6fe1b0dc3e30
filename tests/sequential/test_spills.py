"""Rows of tensors that wait in DRAM: plans, the checker, every rung, the driver."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import hwmap
from hwmap.board import budget_of, load_board
from hwmap.compiler import Compiled
from hwmap.errors import HwmapError, PlanError, SimulationError
from hwmap.inference import quantize_inputs
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import hardware_ops
from hwmap.ladder import climb, run_simulation
from hwmap.project import Project, read_project
from hwmap.report.compiled import compile_report
from hwmap.sequential.check import check_plan
from hwmap.sequential.design import Design, build_design
from hwmap.sequential.logic import engine_logic
from hwmap.sequential.network import network_of
from hwmap.sequential.plan import Plan, Retention
from hwmap.sequential.profile import profile_of
from hwmap.sequential.simulate import simulate
from hwmap.sequential.solve.nodes import Costs, Cut, depth_first, nodes_of
from hwmap.sequential.solve.parts import parts_of, steps_of
from hwmap.sequential.summary import rows
from tests.models import chain, u_net
from tests.pynq import BASE, Driver
from tests.sequential.board import SimulatedBoard
from tests.sequential.plans import first_edge, plan_of, runs_as_the_reference

BOARD = load_board("pynq-z2")
WHOLE = budget_of(BOARD)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    model = chain().save(tmp_path_factory.mktemp("chain") / "net.onnx", "out")
    return hwmap.compile(model, "pynq-z2", time_limit=2).compiled


@pytest.fixture(scope="module")
def plan(compiled: Compiled) -> Plan:
    """The output of the first convolution leaves in three strips, and comes back."""
    edges = frozenset({first_edge(compiled.source)})
    heights = dict.fromkeys(compiled.graph.tensors, 3)
    found = plan_of(compiled.source, BOARD, compiled.plan.engine, heights=heights, spills=edges)
    assert found is not None
    return found


def _moves(plan: Plan, kind: str) -> list[int]:
    return [index for index, step in enumerate(plan.steps) if step.kind == kind]


def test_all_of_a_tensor_has_left_before_any_of_it_comes_back(plan: Plan, compiled: Compiled):
    spills, reloads = _moves(plan, "spill"), _moves(plan, "reload")

    assert len(spills) == len(reloads) > 1
    assert max(spills) < min(reloads)
    assert plan.engine == replace(compiled.plan.engine, spills=True)
    check_plan(plan, compiled.source, BOARD, WHOLE, 0.0)


def test_a_strip_that_runs_again_behind_its_spill_takes_what_it_took(
    compiled: Compiled, plan: Plan
):
    network = network_of(compiled.source)
    edges = frozenset(
        (op.output, reader.name)
        for op in hardware_ops(network.graph)
        for reader in hardware_ops(network.graph)
        if op.output in reader.inputs and op.name == op.output
    )
    cut = Cut(dict.fromkeys(network.graph.tensors, 3), edges)
    nodes = nodes_of(network, Costs(network, plan.engine), cut)
    order = depth_first(nodes)
    spill = next(at for at, number in enumerate(order) if nodes[number].kind == "spill")
    made = order[spill - 1]
    assert (nodes[made].kind, nodes[made].name) == ("run", nodes[order[spill]].name)

    found = steps_of(network, plan.engine, nodes, [*order[: spill + 1], made],
                     parts_of(network, plan.engine, 1 << 20))  # fmt: skip

    assert found.sizes[-1] == found.sizes[spill - 1] != found.sizes[spill]


def _changed(plan: Plan, index: int, **changes: object) -> Plan:
    steps = list(plan.steps)
    steps[index] = replace(steps[index], **changes)
    return replace(plan, steps=tuple(steps))


def _without_port(plan: Plan) -> Plan:
    engine = replace(plan.engine, spills=False)
    logic = engine_logic(engine, BOARD.dsp_slice)
    return replace(plan, engine=engine, lut=logic.lut, ff=logic.ff)


LIES: dict[str, tuple[Callable[[Plan], Plan], str]] = {
    "no port": (_without_port, "is a spill, and the engine has no port for it"),
    "never left": (
        lambda p: _changed(p, _moves(p, "spill")[0], kind="reload"),
        "is numbered|reloads rows of 'a.relu' that were not spilled before",
    ),
    "a part of the rows": (
        lambda p: _changed(p, _moves(p, "spill")[0], last_word=1),
        "is a spill of a part of its rows|makes rows or words",
    ),
    "rows that were lost": (
        lambda p: _changed(p, _moves(p, "spill")[0], last_row=1),
        "that were not spilled before",
    ),
    "a tensor that is not there": (
        lambda p: _changed(p, _moves(p, "spill")[0], name="nothing"),
        "which the network does not have",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_the_checker_refuses_a_plan_that_lies(compiled: Compiled, plan: Plan, lie: str):
    change, message = LIES[lie]

    with pytest.raises(PlanError, match=message):
        check_plan(change(plan), compiled.source, BOARD, WHOLE, 0.0)


@pytest.fixture(scope="module")
def design(compiled: Compiled, plan: Plan) -> Design:
    return build_design(compiled.graph, plan, BOARD)


def test_the_simulator_moves_the_rows(compiled: Compiled, plan: Plan, design: Design):
    x = np.random.default_rng(0).random((3, *compiled.source.shape("x"))).astype("f")
    inputs = quantize_inputs(compiled.graph, {"x": x})

    found = simulate(design, inputs)

    assert np.array_equal(found.outputs["out"], evaluate(compiled.graph, inputs)["out"])
    assert found.cycles == plan.cycles
    profile = profile_of(plan, design, compiled.graph)
    tensor = first_edge(compiled.source)[0]
    moved = [span for span in profile.spans if span.name.startswith(f"{tensor} [")]
    assert len(moved) == len(_moves(plan, "spill")) + len(_moves(plan, "reload"))
    assert all(span.fetches for span in moved)


def test_dram_beyond_what_a_program_has_there_is_an_error(compiled: Compiled, design: Design):
    inputs = quantize_inputs(compiled.graph, {"x": np.zeros((1, *compiled.source.shape("x")), "f")})

    with pytest.raises(SimulationError, match="DRAM is outside"):
        simulate(replace(design, spilled_words=design.spilled_words - 1), inputs)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A U-Net in a third of the memory that its skip connections take."""
    folder = tmp_path_factory.mktemp("u_net")
    model = u_net(8, 32, 3).save(folder / "net.onnx", "out")
    hwmap.compile(model, "zybo-z7-10", folder / "build", mem=16_000, time_limit=3)
    return read_project(folder / "build")


def test_a_network_that_is_too_large_for_its_board_runs_through_dram(project: Project):
    plan, graph = project.compiled.plan, project.compiled.graph
    spilled = dict.fromkeys(plan.steps[index].name for index in _moves(plan, "spill"))
    sizes = [int(np.prod(graph.shape(name))) for name in spilled]

    assert sum(sizes) > 0
    assert plan.cycles < 1.5 * plan.bound_cycles
    rungs = list(climb(project, run_simulation(project)))
    assert [rung for rung in rungs if rung.holds is False] == []
    said = dict(rows(compile_report(project.compiled, None)))["spilled"]
    assert said.startswith(f"{len(spilled)} tensor")


def test_two_copies_that_come_back_in_one_step_are_refused(project: Project):
    compiled = project.compiled
    plan, network = compiled.plan, network_of(compiled.source)

    def span(item: Retention, address: int) -> range:
        size = (item.last_row - item.first_row) * network.row_words(item.tensor)
        return range(address, address + size)

    def free(item: Retention) -> Iterator[int]:
        meets = [
            other
            for other in plan.retentions
            if other.start_step < item.end_step and item.start_step < other.end_step
        ]
        taken = {word for other in meets for word in span(other, other.address_words)}
        for address in range(plan.arena_words - len(span(item, 0)) + 1):
            if not taken & set(span(item, address)):
                yield address

    twice = [
        (number, replace(item, address_words=address))
        for number, item in enumerate(plan.retentions)
        if plan.steps[item.start_step].kind == "reload"
        for address in islice(free(item), 1)
    ]
    assert twice
    for number, second in twice[:3]:
        kept = (*plan.retentions[:number], second, *plan.retentions[number:])
        with pytest.raises(PlanError, match="two copies of a row"):
            hwmap.style.check(replace(plan, retentions=kept), compiled.source, compiled.settings)


def test_an_engine_with_the_port_takes_what_one_without_it_does_not(
    project: Project, tmp_path: Path
):
    large = u_net(8, 40, 2).save(tmp_path / "large.onnx", "out")
    made = hwmap.compile(large, engine=project.directory, time_limit=2)

    assert made.compiled.plan.engine == project.compiled.plan.engine
    assert runs_as_the_reference(made.compiled)
    small = chain().save(tmp_path / "small.onnx", "out")
    hwmap.compile(small, "zybo-z7-10", tmp_path / "small", mem=16_000, time_limit=2)
    with pytest.raises(HwmapError, match=r"does not fit|no program"):
        hwmap.compile(large, engine=tmp_path / "small", time_limit=2)


def test_the_driver_has_room_for_the_rows(project: Project, monkeypatch: pytest.MonkeyPatch):
    board = SimulatedBoard([project])
    driver = Driver(board, monkeypatch)
    board.memory = driver.buffers

    assert driver.run(project.directory) == 0

    design = project.compiled.design
    waiting = design.spilled_words * design.engine.bus_bytes
    assert board.registers.address("spilled_rows") == BASE
    # The programs are the first buffer, the rows the second.
    assert driver.buffers[1].nbytes == max(waiting, 4096)
