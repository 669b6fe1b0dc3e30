"""The solver as a whole: recomputation, budgets, proofs."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import hwmap
from hwmap.board import budget_of, load_board
from hwmap.compiler import load_source
from hwmap.decompose.candidates import Candidate, Measure, dense_candidates, make_candidate
from hwmap.decompose.chain import is_decomposable
from hwmap.errors import InfeasibleError, TimeLimitError
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import Graph
from hwmap.quantize.choose import quantize_inputs
from hwmap.sequential.check import check_plan
from hwmap.sequential.design import build_design
from hwmap.sequential.engine import Engine
from hwmap.sequential.memory import memories
from hwmap.sequential.network import network_of
from hwmap.sequential.profile import profile_of
from hwmap.sequential.simulate import simulate
from hwmap.sequential.solve import solve
from hwmap.sequential.solve.again import run_again
from hwmap.sequential.solve.assemble import assemble
from hwmap.sequential.solve.cuts import refined
from hwmap.sequential.solve.nodes import Costs
from hwmap.sequential.solve.shapes import shapes_of
from hwmap.sequential.solve.target import Target
from hwmap.sequential.summary import rows, summarize
from hwmap.solve.addresses import Item, live_peak, pack, pack_low, top
from hwmap.solve.deadline import Deadline
from tests.decomposed import methods_tried
from tests.models import ModelBuilder, chain, must_recompute

BOARD = load_board("pynq-z2")
WHOLE = budget_of(BOARD)
LOSSES = (2e-4, 5e-4, 1e-3)


def _least(model: Path, **limits: int) -> int:
    """The least memory that the error message of a hopeless budget promises."""
    with pytest.raises(InfeasibleError) as error:
        hwmap.compile(model, "pynq-z2", mem=512, max_drop=0.0, time_limit=5, **limits)
    return int(re.search(r"--mem (\d+) works", str(error.value))[1])


def test_strips_run_again_in_an_arena_that_is_too_small_for_one_run_each(tmp_path: Path):
    model = must_recompute(blocks=3).save(tmp_path / "net.onnx", "out")
    compiled = hwmap.compile(model, "pynq-z2", max_drop=0.0, time_limit=3).compiled
    network = network_of(compiled.source)
    costs = Costs(network, compiled.plan.engine)
    shape = shapes_of(network, costs)[0]

    smaller = next(
        found
        for part in (0.95, 0.9, 0.85, 0.8)
        if (found := run_again(shape, int(part * shape.arena_words), 3.0)) is not None
        and len(found.order) > len(shape.order)
    )
    target, engine = Target(BOARD, WHOLE), compiled.plan.engine
    plan = assemble(network, target, engine, smaller.nodes, smaller.order,
                    addresses=smaller.addresses)  # fmt: skip

    assert plan is not None
    assert any(step.instance for step in plan.steps)
    assert plan.arena_words < shape.arena_words
    check_plan(plan, compiled.graph, BOARD, WHOLE, 0.0)
    x = np.random.default_rng(0).random((3, *compiled.source.shape("x"))).astype("f")
    inputs = quantize_inputs(compiled.graph, {"x": x})
    design = build_design(compiled.graph, plan, BOARD)
    result = simulate(design, inputs)
    assert np.array_equal(result.outputs["out"], evaluate(compiled.graph, inputs)["out"])
    assert result.cycles == plan.cycles
    report = summarize(plan, design, compiled.settings, compiled.source, compiled.graph, None)
    assert len(report.recomputed) == sum(step.instance > 0 for step in plan.steps)
    for again in report.recomputed:
        step = plan.steps[again.step]
        assert (again.name, again.free_from < again.step) == (step.name, True)
        assert again.cycles == result.steps[again.step].cycles
        tensor = network.graph.op(again.name).output
        assert again.bytes == 8 * network.row_words(tensor) * (again.last_row - again.first_row)
    assert report.arena_without_bytes > 8 * plan.arena_words
    assert f"{len(report.recomputed)} strips, " in dict(rows(report))["recomputed"]
    notes = profile_of(plan, design, compiled.graph).notes
    assert notes[0].startswith(f"{report.recomputed[0].name}, rows ")


@pytest.mark.parametrize("dsp", [58, 60, 70, 90, 130, 220])
def test_every_dsp_budget_from_the_smallest_engine_on_has_a_design(dsp: int, tmp_path: Path):
    model = chain().save(tmp_path / "net.onnx", "out")

    result = hwmap.compile(model, "pynq-z2", dsp=dsp, time_limit=3)

    assert result.compiled.plan.dsp <= dsp


def test_the_least_memory_that_the_error_promises_works(tmp_path: Path):
    model = chain().save(tmp_path / "net.onnx", "out")
    least = _least(model)

    plan = hwmap.compile(model, "pynq-z2", mem=least, max_drop=0.0, time_limit=5).compiled.plan

    assert plan.memory_bytes <= least


def test_less_memory_is_never_faster(tmp_path: Path):
    model = chain().save(tmp_path / "net.onnx", "out")
    least = _least(model)
    budgets = [least, least + 1000, least + 4000, 2 * least + 20_000]

    plans = [
        hwmap.compile(model, "pynq-z2", mem=mem, time_limit=4).compiled.plan for mem in budgets
    ]

    assert plans[-1].status == "optimal"
    assert all(plan.cycles >= plans[-1].cycles for plan in plans)


def test_too_few_dsp_slices_are_proved_infeasible(tmp_path: Path):
    model = chain().save(tmp_path / "net.onnx", "out")

    with pytest.raises(InfeasibleError, match="needs 58; give --dsp 58 or more"):
        hwmap.compile(model, "pynq-z2", dsp=57)


def test_a_clock_at_which_dram_is_too_slow_is_refused(tmp_path: Path):
    model = chain().save(tmp_path / "net.onnx", "out")

    with pytest.raises(InfeasibleError, match=r"moves 4 bytes per cycle at 300 MHz.*lower --clock"):
        hwmap.compile(model, "pynq-z2", clock_mhz=300, style="sequential")


def test_luts_are_a_budget_like_slices(tmp_path: Path):
    model = chain().save(tmp_path / "net.onnx", "out")
    ample = hwmap.compile(model, "pynq-z2", time_limit=3).compiled.plan

    tight = hwmap.compile(model, "pynq-z2", lut=ample.lut - 1, time_limit=3).compiled.plan

    assert tight.lut < ample.lut
    assert tight.cycles >= ample.cycles
    with pytest.raises(
        InfeasibleError, match=r"no design fits 1,000 LUTs .* give --lut \d+ or more"
    ):
        hwmap.compile(model, "pynq-z2", lut=1000)


HARD_TO_PACK = [
    Item(5, 3, 7),
    Item(5, 4, 5),
    Item(4, 0, 3),
    Item(4, 2, 3),
    Item(4, 6, 8),
    Item(1, 4, 6),
    Item(4, 0, 4),
]


@pytest.mark.parametrize("repairs", [0.0, 1.0])
def test_packing_reaches_the_live_peak_where_first_fit_does_not(
    repairs: float, monkeypatch: pytest.MonkeyPatch
):
    peak = live_peak(HARD_TO_PACK)
    first_fit = pack_low(HARD_TO_PACK, peak, 0.0)
    monkeypatch.setattr("hwmap.solve.addresses.REPAIR_SECONDS", repairs)
    if repairs:
        monkeypatch.setattr("hwmap.solve.addresses._pack_exactly", lambda *_: None)

    packed = pack(HARD_TO_PACK, peak, 10.0)

    assert top(HARD_TO_PACK, first_fit) > peak
    assert packed is not None
    taken = [
        (step, address + byte)
        for item, address in zip(HARD_TO_PACK, packed, strict=True)
        for step in range(item.start, item.end)
        for byte in range(item.size_bytes)
    ]
    assert len(set(taken)) == len(taken)
    assert max(byte for _, byte in taken) < peak


def test_packing_below_the_live_peak_is_impossible():
    items = [Item(3, 0, 2), Item(2, 1, 3)]

    assert pack(items, 4, 5.0) is None


def test_few_blocks_of_memory_are_enough(tmp_path: Path):
    board = replace(BOARD, dsp=100, bram18=16)
    model = chain().save(tmp_path / "net.onnx", "out")

    plan = hwmap.compile(model, board, max_drop=0.0, time_limit=3).compiled.plan

    found = memories(plan.engine, plan.arena_words, plan.constant_words)
    assert sum(memory.bram18 for memory in found) <= 16


def test_a_network_without_blocks_of_memory_has_no_plan(tmp_path: Path):
    board = replace(BOARD, bram18=2)
    model = chain().save(tmp_path / "net.onnx", "out")

    with pytest.raises((InfeasibleError, TimeLimitError), match="no design fits"):
        hwmap.compile(model, board, max_drop=0.0, time_limit=3)


def test_constants_that_find_no_room_come_again_and_every_rung_holds(tmp_path: Path):
    net = ModelBuilder((16, 24, 24))
    a = net.conv("x", (16, 64), (3, 3), name="a", pads=[1] * 4)
    b = net.conv(a, (64, 64), (3, 3), name="b", pads=[1] * 4)
    net.conv(b, (64, 8), (3, 3), name="out", strides=[4, 4])
    model = net.save(tmp_path / "net.onnx", "out")
    ample = hwmap.compile(model, "pynq-z2", max_drop=0.0, time_limit=3).compiled.plan

    result = hwmap.compile(
        model, "pynq-z2", tmp_path / "build", mem=52_000, max_drop=0.0, time_limit=5
    )

    plan = result.compiled.plan
    assert len({item.name for item in plan.held}) < len(plan.held)
    assert ample.cycles < plan.cycles < 3 * ample.cycles
    assert hwmap.verify(tmp_path / "build").holds


def test_decompositions_are_never_slower_than_without(tmp_path: Path):
    net = ModelBuilder((100,), seed=1)
    low_rank = net.rng.standard_normal((256, 12)) @ net.rng.standard_normal((12, 100)) / 30
    a = net.node("Gemm", "x", net.constant(low_rank, "w"), name="a", transB=1)
    net.gemm(net.node("Relu", a, name="relu"), (256, 8), name="out")
    model = net.save(tmp_path / "net.onnx", "out")
    calib = tmp_path / "calib.npz"
    np.savez(calib, x=net.rng.standard_normal((64, 100)))
    options = {"calib": calib, "time_limit": 5, "dsp": 58}

    dense = hwmap.compile(model, "pynq-z2", max_drop=0, **options).compiled.plan
    decomposed = hwmap.compile(model, "pynq-z2", max_drop=1, **options).compiled.plan

    assert decomposed.choices
    assert decomposed.cycles < dense.cycles


def test_heights_of_each_tensor_take_fewer_cycles_in_the_same_arena(tmp_path: Path):
    net = ModelBuilder((8, 48, 16))
    wide = net.conv(net.conv("x", (8, 64), (3, 3), name="wide"), (64, 64), (3, 3), name="deep")
    net.conv(net.conv(wide, (64, 8), (3, 3), name="thin"), (8, 8), (3, 3), name="out")
    network = network_of(load_source(net.save(tmp_path / "net.onnx", "out")))
    engine = Engine(16, 16, 16, 8, 64, 8, 32)
    shapes = shapes_of(network, Costs(network, engine))
    start = min(shapes, key=lambda shape: shape.arena_words)

    def room(_: Engine, arena_words: int) -> int:
        return 1 << 20 if arena_words <= 2 * start.arena_words else -1

    found = refined(start, network, room, engine, Deadline(10.0))

    alone = [
        sum(node.cycles for node in shape.nodes)
        for shape in shapes
        if shape.arena_words <= 2 * start.arena_words
    ]
    assert sum(node.cycles for node in found.nodes) < min(alone)
    assert found.arena_words <= 2 * start.arena_words
    assert len(set(found.cut.heights.values())) > 1


def _lossy(graph: Graph) -> dict[str, tuple[Candidate, ...]]:
    """Every op as it is, and some methods whose loss is what they save, squared."""
    found = {}
    for name, (dense,) in dense_candidates(graph).items():
        op = graph.op(name)
        methods = methods_tried(op, graph)[::7] if is_decomposable(op, graph) else []
        made = [make_candidate(op, graph, Measure(method, 0.0, 0.0)) for method in methods]
        saved = [(1 - item.weights / dense.weights) ** 2 for item in made]
        lossy = (replace(item, loss=1e-3 * s) for item, s in zip(made, saved, strict=True))
        found[name] = (dense, *lossy)
    return found


def test_decompositions_that_save_fetches_are_never_worse_than_those_that_save_cycles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    net = ModelBuilder((64, 4, 4))
    a = net.conv("x", (64, 192), (3, 3), name="a", pads=[1] * 4)
    b = net.conv(net.node("Relu", a, name="r"), (192, 192), (3, 3), name="b", pads=[1] * 4)
    net.conv(net.node("Relu", b, name="s"), (192, 64), (1, 1), name="out")
    graph = load_source(net.save(tmp_path / "net.onnx", "out"))
    candidates, target = _lossy(graph), Target(BOARD, budget_of(BOARD, memory_bytes=40_000))

    together = [solve(graph, candidates, target, loss, 5.0).cycles for loss in LOSSES]
    monkeypatch.setattr("hwmap.sequential.solve.search.PRICES", (0.0,))
    one_after_the_other = [solve(graph, candidates, target, loss, 5.0).cycles for loss in LOSSES]
    dense = solve(graph, {}, target, 0.0, 5.0).cycles

    assert all(t <= o <= dense for t, o in zip(together, one_after_the_other, strict=True))
    assert sum(together) < sum(one_after_the_other)
