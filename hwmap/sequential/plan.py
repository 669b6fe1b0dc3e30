"""A plan: every decision that turns a float graph into a program, and what it costs."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

from hwmap.errors import PlanError
from hwmap.files.decode import decode
from hwmap.sequential.engine import Engine
from hwmap.solve.answer import Choice, Status

Moving = Literal["load", "store", "spill", "reload"]
Kind = Literal["run", "load", "store", "spill", "reload"]
THROUGH_DRAM = ("spill", "reload")
Style = Literal["sequential"]
STYLE: Style = "sequential"


@dataclass(frozen=True)
class Step:
    """One run. `name` is an op, or for "load" and "store" a graph input or output, for "spill" (to
    DRAM) and "reload" any tensor.

    It makes rows [first_row, last_row) of the output, and of their pixels the words [first_word,
    last_word). `instance` counts the runs of the same strip from 0: above 0, it is a
    rematerialization, or another reload.
    """

    kind: Kind
    name: str
    first_row: int
    last_row: int
    first_word: int
    last_word: int
    instance: int = 0


@dataclass(frozen=True)
class Retention:
    """A copy of rows [first_row, last_row) of `tensor` lies at `address_words` of the arena during
    steps [start_step, end_step), row after row."""

    tensor: str
    first_row: int
    last_row: int
    start_step: int
    end_step: int
    address_words: int


@dataclass(frozen=True)
class Held:
    """The constants of words [first_word, last_word) of op `name` lie at `address_words` of the
    constant memory during steps [start_step, end_step). They are fetched in these steps, before the
    first that needs them; with a start below 0, once, before the first image."""

    name: str
    first_word: int
    last_word: int
    start_step: int
    end_step: int
    address_words: int


@dataclass(frozen=True)
class Tailored:
    """What the network would take on an engine of its own, within the same budget: the fastest plan
    that was found."""

    engine: Engine
    cycles: int


@dataclass(frozen=True)
class Plan:
    """The decisions for one network, board and budget. Names are those of the rewritten graph.

    `held` is in the order in which constants are fetched, `fetched_words` of the bus in each step.
    `arena_words` of 8 bytes, `constant_words` of the port. `in_uram` names the memories that lie in
    URAM, all others are in block RAM. `bound_cycles` is a proved lower bound over everything the
    solver chooses: no plan takes fewer cycles. With `tailored` the engine was not chosen but
    given, and memories are as large as those that it has.
    """

    network: str
    board: str
    status: Status
    cycles: int
    bound_cycles: int
    engine: Engine
    choices: tuple[Choice, ...]
    steps: tuple[Step, ...]
    retentions: tuple[Retention, ...]
    held: tuple[Held, ...]
    fetched_words: tuple[int, ...]
    arena_words: int
    constant_words: int
    memory_bytes: int
    in_uram: tuple[str, ...]
    dsp: int
    lut: int
    ff: int
    loss: float
    tailored: Tailored | None = None


def held_for(plan: Plan, index: int) -> int | None:
    """The number of what holds the constants of step `index`; None if nothing does."""
    step = plan.steps[index]
    key = (step.name, step.first_word, step.last_word)
    for number, item in enumerate(plan.held):
        own = (item.name, item.first_word, item.last_word)
        if own == key and item.start_step < index < item.end_step:
            return number
    return None


def to_json(plan: Plan) -> str:
    """The plan as readable JSON."""
    return json.dumps({"style": STYLE, **asdict(plan)}, indent=1) + "\n"


def from_json(text: str, source: str) -> Plan:
    """The plan that `to_json` wrote.

    Raises:
        PlanError: not a plan; `source` is named.
    """
    try:
        values = json.loads(text)
        if isinstance(values, dict) and values.pop("style", None) != STYLE:
            raise ValueError(f"its style is not {STYLE}")
        plan: Plan = decode(Plan, values, "plan")
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{source}: not a plan of hwmap ({error}); expected a plan.json") from error
    return plan
