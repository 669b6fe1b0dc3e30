"""The solver as a whole: recomputation, budgets, proofs, and the checker that trusts nothing."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import hwmap
from hwmap.board import budget_of, load_board
from hwmap.compiler import Compiled
from hwmap.decompose.method import DENSE
from hwmap.errors import InfeasibleError, PlanError, TimeLimitError
from hwmap.ir.evaluate import evaluate
from hwmap.quantize.choose import quantize_inputs
from hwmap.sequential.check import check_plan
from hwmap.sequential.design import build_design
from hwmap.sequential.memory import memories
from hwmap.sequential.network import network_of
from hwmap.sequential.plan import Plan, Retention, Step, from_json, to_json
from hwmap.sequential.simulate import simulate
from hwmap.sequential.solve.again import run_again
from hwmap.sequential.solve.assemble import assemble
from hwmap.sequential.solve.nodes import Costs
from hwmap.sequential.solve.shapes import shapes_of
from hwmap.solve.addresses import Item, live_peak, pack, pack_low, top
from hwmap.solve.answer import Choice
from tests.models import ModelBuilder, chain, must_recompute

BOARD = load_board("pynq-z2")
WHOLE = budget_of(BOARD)


def _least(model: Path, **limits: int) -> int:
    """The least memory that the error message of a hopeless budget promises."""
    with pytest.raises(InfeasibleError) as error:
        hwmap.compile(model, "pynq-z2", mem=512, max_drop=0.0, time_limit=5, **limits)
    return int(re.search(r"--mem (\d+) works", str(error.value))[1])


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    model = chain().save(tmp_path_factory.mktemp("chain") / "net.onnx", "out")
    return hwmap.compile(model, "pynq-z2", time_limit=5).compiled


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
    plan = assemble(network, BOARD, WHOLE, compiled.plan.engine, smaller.nodes, smaller.order,
                    addresses=smaller.addresses)  # fmt: skip

    assert plan is not None
    assert any(step.instance for step in plan.steps)
    assert plan.arena_words < shape.arena_words
    check_plan(plan, compiled.graph, BOARD, WHOLE, 0.0)
    x = np.random.default_rng(0).random((3, *compiled.source.shape("x"))).astype("f")
    inputs = quantize_inputs(compiled.graph, {"x": x})
    result = simulate(build_design(compiled.graph, plan, BOARD), inputs)
    assert np.array_equal(result.outputs["out"], evaluate(compiled.graph, inputs)["out"])
    assert result.cycles == plan.cycles


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


def test_a_plan_comes_back_from_json(compiled: Compiled):
    assert from_json(to_json(compiled.plan), "plan.json") == compiled.plan


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"network": "x"}', "[" * 100_000])
def test_text_that_is_no_plan_is_refused(text: str):
    with pytest.raises(PlanError, match=r"plan\.json: not a plan of hwmap"):
        from_json(text, "plan.json")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("cycles", "12", "plan.cycles is '12'; expected int"),
        ("cycles", 1.5, "plan.cycles is 1.5; expected int"),
        ("status", "banana", "plan.status is 'banana'; expected one of"),
        ("loss", float("nan"), "plan.loss is nan; expected a finite number"),
        ("engine", {"pe": 1}, "plan.engine: field 'bus_bytes' is missing or not known"),
        ("held", "all", "plan.held is 'all'; expected a list"),
        (
            "steps",
            [
                {
                    "kind": "jump",
                    "name": "x",
                    "first_row": 0,
                    "last_row": 1,
                    "first_word": 0,
                    "last_word": 1,
                    "instance": 0,
                }
            ],
            "plan.steps[0].kind is 'jump'",
        ),
    ],
)
def test_a_plan_with_a_wrong_field_names_it(
    compiled: Compiled, field: str, value: object, message: str
):
    text = json.dumps({**json.loads(to_json(compiled.plan)), field: value})

    with pytest.raises(PlanError, match=re.escape(message)):
        from_json(text, "plan.json")


def _check(compiled: Compiled, plan: Plan) -> None:
    check_plan(plan, compiled.graph, BOARD, WHOLE, 0.05)


def test_the_checker_accepts_the_plan(compiled: Compiled):
    _check(compiled, compiled.plan)


def _moved(plan: Plan, tensor: str, **changes: int) -> tuple[Retention, ...]:
    return tuple(
        replace(item, **changes) if item.tensor == tensor else item for item in plan.retentions
    )


def _held(plan: Plan, **changes: int) -> Plan:
    return replace(plan, held=(replace(plan.held[0], **changes), *plan.held[1:]))


def _first(plan: Plan, **changes: object) -> Plan:
    return replace(plan, steps=(replace(plan.steps[0], **changes), *plan.steps[1:]))


LIES = {
    "cycles": (
        lambda p: replace(p, cycles=p.cycles - 1, bound_cycles=p.cycles - 1),
        "the steps take",
    ),
    "bound": (lambda p: replace(p, bound_cycles=p.cycles + 1), "a bound of"),
    "proof": (lambda p: replace(p, status="feasible"), "'feasible' with"),
    "memory": (lambda p: replace(p, memory_bytes=p.memory_bytes - 1), "memories take"),
    "dsp": (lambda p: replace(p, dsp=p.dsp - 1), "DSP slices; the plan says"),
    "lut": (lambda p: replace(p, lut=p.lut - 1), "LUTs; the plan says"),
    "ff": (lambda p: replace(p, ff=p.ff - 1), "flip-flops; the plan says"),
    "uram": (lambda p: replace(p, in_uram=("sums",)), "'sums' cannot be in URAM"),
    "no uram": (lambda p: replace(p, in_uram=("arena",)), "memories do not fit"),
    "loss": (lambda p: replace(p, loss=p.loss + 0.01), "add up to a loss"),
    "order": (
        lambda p: replace(p, steps=(p.steps[0], p.steps[2], p.steps[1], *p.steps[3:])),
        "step",
    ),
    "missing step": (lambda p: replace(p, steps=p.steps[:-1], fetched_words=p.fetched_words[:-1]),
                     "'out' has no store step for some of its rows"),
    "unknown step": (
        lambda p: replace(p, steps=(*p.steps, Step("run", "nothing", 0, 1, 0, 1))),
        "which the network does not have",
    ),
    "numbering": (lambda p: _first(p, instance=1), "is numbered 1"),
    "rows": (lambda p: _first(p, last_row=99), "makes rows or words that 'x' does not have"),
    "rows out of order": (lambda p: _first(p, first_row=1), "'x' does not go on with row 0"),
    "half of a pool": (
        lambda p: replace(p, steps=tuple(
            replace(s, last_word=s.last_word - 1) if s.name == "pool" and s.last_word > 1 else
            replace(s, first_word=5, last_word=6) if s.name == "pool" else s for s in p.steps
        )),
        "cannot be made alone|does not have",
    ),
    "overlap": (
        lambda p: replace(p, retentions=_moved(p, "a.relu",
                                               address_words=p.retentions[0].address_words)),
        "overlaps",
    ),
    "unknown tensor": (
        lambda p: replace(p, retentions=(*p.retentions, Retention("nothing", 0, 1, 0, 1, 0))),
        "keeps 'nothing', which the network does not have",
    ),
    "outside": (
        lambda p: replace(p, retentions=_moved(p, "a.relu", address_words=10**6)),
        "outside the arena",
    ),
    "no place": (
        lambda p: replace(p, retentions=_moved(p, "a.relu", start_step=3)),
        "which has no place",
    ),
    "dropped too early": (
        lambda p: replace(p, retentions=_moved(p, "x", end_step=1)),
        "of 'x', not on chip",
    ),
    "two copies": (
        lambda p: replace(p, arena_words=p.arena_words + 999,
                          memory_bytes=p.memory_bytes + _arena_bytes(p, 999),
                          retentions=(*p.retentions, replace(p.retentions[0],
                                                             address_words=p.arena_words))),
        "two copies of a row",
    ),
    "constants elsewhere": (lambda p: _held(p, address_words=1), "are overwritten|not on chip"),
    "constants outside": (lambda p: _held(p, address_words=10**6), "are outside their memory"),
    "constants of nothing": (lambda p: _held(p, name="nothing"), "constants of 'nothing'"),
    "constants too late": (lambda p: _held(p, start_step=3), "not on chip"),
    "constants not fetched": (lambda p: _held(p, start_step=0), "not on chip|not fetched"),
    "fetched twice": (
        lambda p: replace(p, fetched_words=(5, *p.fetched_words[1:])),
        "are not fetched, or too many",
    ),
    "fetches of other steps": (
        lambda p: replace(p, fetched_words=p.fetched_words[1:]),
        "does not say for every step",
    ),
    "bus": (
        lambda p: replace(p, engine=replace(p.engine, bus_bytes=16)),
        "bus_bytes=16; the board's port has 8",
    ),
    "engine": (
        lambda p: replace(p, engine=replace(p.engine, pe=12)),
        "pe=12; expected a multiple of 8",
    ),
    "requantizer": (
        lambda p: replace(p, engine=replace(p.engine, requant_lanes=128)),
        "requant_lanes=128; expected at most",
    ),
    "stripe": (
        lambda p: replace(p, engine=replace(p.engine, stripe=5)),
        "stripe=5; expected one of",
    ),
    "negative memory": (lambda p: replace(p, arena_words=-1), "is negative"),
    "negative loss": (
        lambda p: replace(p, choices=(Choice("a", DENSE, 0.0, -1.0),), loss=-1.0),
        "add up to a loss",
    ),
}  # fmt: skip


def _arena_bytes(plan: Plan, words: int) -> int:
    """The bytes that so many more words of the arena take."""
    before, after = (
        sum(m.size_bytes for m in memories(plan.engine, plan.arena_words + more, 0))
        for more in (0, words)
    )
    return after - before


@pytest.mark.parametrize("lie", sorted(LIES))
def test_the_checker_refuses_a_plan_that_lies(compiled: Compiled, lie: str):
    change, message = LIES[lie]

    with pytest.raises(PlanError, match=message):
        _check(compiled, change(compiled.plan))


def test_the_checker_refuses_a_plan_above_the_budget(compiled: Compiled):
    small = replace(WHOLE, dsp=compiled.plan.dsp - 1)

    with pytest.raises(PlanError, match="DSP slices; the plan says"):
        check_plan(compiled.plan, compiled.graph, BOARD, small, 0.05)


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
