"""A plan: every decision that turns a float graph into a design, and what it costs."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Literal

from hwmap.errors import PlanError
from hwmap.files.decode import decode
from hwmap.sequential.engine import Engine
from hwmap.sequential.memory import EngineMemory
from hwmap.solve.answer import Choice, Status

Kind = Literal["load", "run", "store"]
Style = Literal["sequential"]
STYLE: Style = "sequential"


@dataclass(frozen=True)
class Step:
    """One run. `name` is an op, or for "load" and "store" a graph input or output.

    `instance` counts the runs of the same op from 0: above 0, it is a rematerialization.
    """

    kind: Kind
    name: str
    instance: int = 0


@dataclass(frozen=True)
class Retention:
    """A copy of `tensor` lies at `address_bytes` of the arena during steps [start, end)."""

    tensor: str
    start_step: int
    end_step: int
    address_bytes: int


@dataclass(frozen=True)
class Plan:
    """The decisions for one network, board and budget. Names are those of the rewritten graph.

    `resident` names the ops whose constants stay on chip; all others are fetched each time, while
    the step before computes. `in_uram` names the memories that lie in URAM, all others are in block
    RAM. `bound_cycles` is a proved lower bound over everything the solver
    chooses: no plan takes fewer cycles.
    """

    network: str
    board: str
    status: Status
    cycles: int
    bound_cycles: int
    engine: Engine
    choices: tuple[Choice, ...]
    resident: tuple[str, ...]
    steps: tuple[Step, ...]
    retentions: tuple[Retention, ...]
    memory: EngineMemory
    memory_bytes: int
    in_uram: tuple[str, ...]
    dsp: int
    lut: int
    ff: int
    loss: float


def to_json(plan: Plan) -> str:
    """The plan as readable JSON; the sizes of its memory stand among its own fields."""
    values: dict[str, object] = {"style": STYLE}
    for name, value in asdict(plan).items():
        values |= value if name == "memory" else {name: value}
    return json.dumps(values, indent=1) + "\n"


def from_json(text: str, source: str) -> Plan:
    """The plan that `to_json` wrote.

    Raises:
        PlanError: not a plan; `source` is named.
    """
    try:
        values = json.loads(text)
        if isinstance(values, dict):
            if values.pop("style", None) != STYLE:
                raise ValueError(f"its style is not {STYLE}")
            sizes = [field.name for field in fields(EngineMemory) if field.name in values]
            values["memory"] = {name: values.pop(name) for name in sizes}
        plan: Plan = decode(Plan, values, "plan")
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{source}: not a plan of hwmap ({error}); expected a plan.json") from error
    return plan
