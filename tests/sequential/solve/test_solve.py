"""The solver as a whole: recomputation, budgets, proofs, and the checker that trusts nothing."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import hwmap
from hwmap.board import budget_of, load_board
from hwmap.compiler import Compiled, load_source
from hwmap.decompose.candidates import dense_candidates
from hwmap.decompose.method import DENSE
from hwmap.errors import InfeasibleError, PlanError
from hwmap.sequential.check import check_plan
from hwmap.sequential.engine import Engine
from hwmap.sequential.plan import Plan, Retention, Step, from_json, to_json
from hwmap.sequential.solve.assemble import assemble
from hwmap.sequential.solve.problem import build_problem, jobs_of
from hwmap.sequential.solve.recompute import recompute
from hwmap.sequential.solve.schedule import schedule
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


def test_a_network_that_must_recompute_does_and_every_rung_holds(tmp_path: Path):
    model = must_recompute().save(tmp_path / "net.onnx", "out")
    least = _least(model, dsp=4)

    result = hwmap.compile(
        model, "pynq-z2", tmp_path / "build", dsp=4, mem=least, max_drop=0.0, time_limit=5
    )

    plan = result.compiled.plan
    assert Step("run", "early", 1) in plan.steps
    assert plan.memory.arena_bytes == 3072
    assert "'early', run again (2)" in (tmp_path / "build/hls/steps.hpp").read_text("utf-8")
    assert hwmap.verify(tmp_path / "build").holds


def test_many_recomputations_are_found_by_the_search(tmp_path: Path):
    # Six runs again are more than the schedule model has slots for.
    model = must_recompute(blocks=6).save(tmp_path / "net.onnx", "out")

    result = hwmap.compile(
        model, "pynq-z2", tmp_path / "build", dsp=4, mem=3900, max_drop=0.0, time_limit=20
    )

    again = [step.name for step in result.compiled.plan.steps if step.instance]
    assert len(again) == 6
    assert all(name.startswith("early") for name in again)
    assert hwmap.verify(tmp_path / "build").holds


def test_without_recomputation_that_network_does_not_fit(tmp_path: Path):
    source = load_source(must_recompute().save(tmp_path / "net.onnx", "out"))
    dense = dense_candidates(source)
    problem = build_problem(jobs_of(source, dense), Engine(1, 1, 1, 1, 1), WHOLE, 0.0)
    resident = [replace(task, options=task.options[:1]) for task in problem.tasks]
    problem = replace(problem, tasks=tuple(resident))
    constants = sum(
        o.kept("weight_words") + 8 * o.kept("channel_words") for t in resident for o in t.options
    )

    def fits(arena: int, extra: int) -> bool:
        limit = problem.fifo_bytes + constants + arena + 2
        found = schedule(problem, extra=extra, limit_bytes=limit, most_cycles=None, seconds=20)
        assert found.proved
        return found.schedule is not None

    assert not fits(3327, extra=0)
    assert fits(3328, extra=0)
    assert fits(3072, extra=1)
    assert not fits(3071, extra=1)


@pytest.mark.parametrize("dsp", [4, 5, 7, 12, 33, 70, 220])
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

    with pytest.raises(InfeasibleError, match="the smallest engine needs 4; give --dsp 4 or more"):
        hwmap.compile(model, "pynq-z2", dsp=3)


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
        ("steps", [{"kind": "jump", "name": "x", "instance": 0}], "plan.steps[0].kind is 'jump'"),
        ("resident", "all", "plan.resident is 'all'; expected a list"),
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
    "uram": (lambda p: replace(p, in_uram=("tables",)), "'tables' cannot be in URAM"),
    "no uram": (lambda p: replace(p, in_uram=("arena",)), "memories do not fit"),
    "loss": (lambda p: replace(p, loss=p.loss + 0.01), "add up to a loss"),
    "weights": (
        lambda p: replace(
            p,
            memory=replace(p.memory, weight_words=p.memory.weight_words - 1),
            memory_bytes=p.memory_bytes - p.engine.weight_word_bytes,
        ),
        "weights need more than",
    ),
    "channels": (
        lambda p: replace(
            p,
            memory=replace(p.memory, channel_words=p.memory.channel_words - 1),
            memory_bytes=p.memory_bytes - p.engine.channel_word_bytes,
        ),
        "channel constants need more than",
    ),
    "order": (
        lambda p: replace(p, steps=(p.steps[0], p.steps[2], p.steps[1], *p.steps[3:])),
        "step",
    ),
    "missing step": (lambda p: replace(p, steps=p.steps[:-1]), "has 0 store steps, expected 1"),
    "unknown step": (
        lambda p: replace(p, steps=(*p.steps, Step("run", "nothing"))),
        "which the network does not have",
    ),
    "numbering": (
        lambda p: replace(p, steps=(Step("load", "x", 1), *p.steps[1:])),
        "is numbered 1",
    ),
    "overlap": (lambda p: replace(p, retentions=_moved(p, "a.relu", address_bytes=8)), "overlaps"),
    "unknown tensor": (
        lambda p: replace(p, retentions=(*p.retentions, Retention("nothing", 0, 1, 0))),
        "keeps 'nothing', which the network does not have",
    ),
    "outside": (
        lambda p: replace(p, retentions=_moved(p, "a.relu", address_bytes=10**6)),
        "outside the arena",
    ),
    "dropped too early": (
        lambda p: replace(p, retentions=_moved(p, "x", end_step=1)),
        "which is not on chip",
    ),
    "resident": (lambda p: replace(p, resident=("nothing",)), "is no op with constants"),
    "bus": (
        lambda p: replace(p, engine=replace(p.engine, bus_bytes=16)),
        "bus_bytes=16; expected 8",
    ),
    "engine": (lambda p: replace(p, engine=replace(p.engine, pe=12)), "pe=12; expected a power"),
    "requantizer": (
        lambda p: replace(p, engine=replace(p.engine, requant_lanes=128)),
        "requant_lanes=128; expected at most",
    ),
    "two copies": (
        lambda p: replace(p, retentions=(*p.retentions, p.retentions[-1])),
        "two copies of a tensor",
    ),
    "negative memory": (
        lambda p: replace(p, memory=replace(p.memory, arena_bytes=-1)),
        "is negative",
    ),
    "resident twice": (lambda p: replace(p, resident=(*p.resident, p.resident[0])), "named twice"),
    "negative loss": (
        lambda p: replace(p, choices=(Choice("a", DENSE, 0.0, -1.0),), loss=-1.0),
        "add up to a loss",
    ),
}


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


def test_few_blocks_of_memory_are_used_in_their_best_shape(tmp_path: Path):
    # One 8-bit memory of 2048 words is one BRAM18, and not two for every 512 words.
    board = replace(BOARD, dsp=100, bram18=16, dram_port_bits=8)
    model = chain().save(tmp_path / "net.onnx", "out")

    plan = hwmap.compile(model, board, max_drop=0.0, time_limit=3).compiled.plan

    memories = plan.memory.memories(plan.engine, tables=0)
    assert sum(memory.bram18 for memory in memories) <= 16


def test_a_schedule_whose_memories_do_not_fit_the_blocks_is_no_plan(tmp_path: Path):
    source = load_source(chain().save(tmp_path / "net.onnx", "out"))
    dense = dense_candidates(source)
    problem = build_problem(jobs_of(source, dense), Engine(4, 4, 4, 2, 4), WHOLE, 0.0)
    limit = WHOLE.memory_bytes
    found = recompute(problem, [0] * len(problem.tasks), limit_bytes=limit, seconds=0.5)
    assert found is not None

    few = replace(problem, bram18=2, uram=0)

    assert assemble(source, BOARD, problem, found, dense, limit_bytes=limit) is not None
    assert assemble(source, BOARD, few, found, dense, limit_bytes=limit) is None


def test_too_few_blocks_of_memory_are_proved_infeasible(tmp_path: Path):
    board = replace(BOARD, bram18=3)
    model = chain().save(tmp_path / "net.onnx", "out")

    with pytest.raises(InfeasibleError, match=r"3 BRAM18 and 0 URAM \(proved\)"):
        hwmap.compile(model, board, max_drop=0.0, time_limit=3)


def test_one_factor_of_a_chain_may_stay_on_chip_alone(tmp_path: Path):
    net = ModelBuilder((100,), seed=1)
    low_rank = net.rng.standard_normal((256, 12)) @ net.rng.standard_normal((12, 100)) / 30
    a = net.node("Gemm", "x", net.constant(low_rank, "w"), name="a", transB=1)
    net.gemm(net.node("Relu", a, name="relu"), (256, 8), name="out")
    model = net.save(tmp_path / "net.onnx", "out")
    calib = tmp_path / "calib.npz"
    np.savez(calib, x=net.rng.standard_normal((64, 100)))
    options = {"calib": calib, "max_drop": 1, "time_limit": 5}
    ample = hwmap.compile(model, "pynq-z2", **options).compiled.plan

    plans = [
        hwmap.compile(model, "pynq-z2", mem=mem, **options).compiled.plan
        for mem in range(ample.memory_bytes - 3000, ample.memory_bytes, 500)
    ]

    chain_ops = {"a/svd-output.0", "a/svd-output.1"}
    assert any(len(chain_ops & set(plan.resident)) == 1 for plan in plans)
