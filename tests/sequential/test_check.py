"""Plans as files, and the checker that trusts nothing."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

import hwmap
from hwmap.board import budget_of, load_board
from hwmap.compiler import Compiled
from hwmap.decompose.method import DENSE
from hwmap.errors import InfeasibleError, PlanError, SimulationError
from hwmap.ir.ops import Conv
from hwmap.sequential.check import check_plan
from hwmap.sequential.design import build_design
from hwmap.sequential.memory import memories
from hwmap.sequential.network import network_of
from hwmap.sequential.plan import Plan, Retention, Step, Tailored, from_json, to_json
from hwmap.sequential.program_time import constant_words
from hwmap.sequential.simulate import simulate
from hwmap.sequential.solve import Target, solve
from hwmap.solve.answer import Choice
from tests.models import chain

BOARD = load_board("pynq-z2")
WHOLE = budget_of(BOARD)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    model = chain().save(tmp_path_factory.mktemp("chain") / "net.onnx", "out")
    return hwmap.compile(model, "pynq-z2", time_limit=5).compiled


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
        lambda p: replace(p, retentions=_moved(p, "a.relu", start_step=3, end_step=4)),
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
    "kept for no step": (
        lambda p: replace(p, retentions=_moved(p, "x", end_step=0)),
        "keeps rows of 'x' from step 0 to 0",
    ),
    "slices that it does not take": (lambda p: replace(p, dsp=p.dsp + 1), "DSP slices; the plan"),
    "an engine of its own": (
        lambda p: replace(p, tailored=Tailored(p.engine, -5)),
        "an engine of its own would take -5 cycles",
    ),
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
    "weights that the engine does not multiply": (
        lambda p: replace(p, engine=replace(p.engine, least_weight=-100)),
        "least_weight=-100; expected one of",
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


def test_weights_of_minus_128_need_an_engine_that_multiplies_them(compiled: Compiled):
    graph, plan = compiled.graph, compiled.plan
    name = next(op.weight for op in graph.ops if isinstance(op, Conv))
    values = graph.constants[name].values.copy()
    values.flat[0] = -128
    constants = {**graph.constants, name: replace(graph.constants[name], values=values)}
    lower = replace(graph, constants=constants)

    with pytest.raises(PlanError, match="a weight is -128; the engine multiplies -127 or more"):
        check_plan(plan, lower, BOARD, WHOLE, 0.0)
    with pytest.raises(InfeasibleError, match="a weight of the network is -128"):
        solve(lower, {}, Target(BOARD, WHOLE, plan), 0.0, 1.0)
    wide = solve(lower, {}, Target(BOARD, WHOLE), 0.0, 1.0)
    assert wide.engine.least_weight == -128
    check_plan(wide, lower, BOARD, WHOLE, 0.0)


def test_constants_that_stay_are_there_for_the_next_image_too(compiled: Compiled):
    plan = compiled.plan
    assert plan.held[0].start_step < 0
    last = len(plan.steps) - 1
    late = replace(plan.held[0], start_step=last, end_step=last + 1)
    words = constant_words(network_of(compiled.graph), late.name, late.first_word, late.last_word,
                           plan.engine)  # fmt: skip
    fetched = (*plan.fetched_words[:-1], words * plan.engine.port_bytes // plan.engine.bus_bytes)
    # What an op further on keeps, overwritten when nobody needs it in this image any more.
    other = replace(late, address_words=plan.held[1].address_words)
    lied = replace(plan, held=(*plan.held, other), fetched_words=fetched)

    with pytest.raises(PlanError, match="are overwritten before the next image"):
        check_plan(lied, compiled.graph, BOARD, WHOLE, 0.0)
    with pytest.raises(SimulationError, match="that the next image wants are overwritten"):
        simulate(build_design(compiled.graph, lied, BOARD),
                 {"x": np.zeros((1, 4, 8, 8), np.int8)})  # fmt: skip
