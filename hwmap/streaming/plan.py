"""A plan: every decision that turns a float graph into a design, and what it costs."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

from hwmap.errors import PlanError
from hwmap.files.decode import decode
from hwmap.solve.answer import Choice, Status
from hwmap.streaming.folding import Folding
from hwmap.streaming.recompute import Recomputed

Style = Literal["streaming"]
STYLE: Style = "streaming"


@dataclass(frozen=True)
class Plan:
    """The decisions for one network, board and budget. Names are those of the rewritten graph.

    `depths` are the words of the FIFOs, in the order of the network's streams. `cycles` are those
    per image, the trips of the slowest kernel; `bound_cycles` is a proved lower bound over
    everything the solver chooses. `recomputed`: what is computed a second time.
    """

    style: Style
    network: str
    board: str
    status: Status
    cycles: int
    bound_cycles: int
    choices: tuple[Choice, ...]
    foldings: tuple[Folding, ...]
    depths: tuple[int, ...]
    dsp: int
    lut: int
    lutram: int
    bram18: int
    uram: int
    ff: int
    memory_bytes: int
    loss: float
    recomputed: tuple[Recomputed, ...]


def to_json(plan: Plan) -> str:
    """The plan as readable JSON."""
    return json.dumps(asdict(plan), indent=1) + "\n"


def from_json(text: str, source: str) -> Plan:
    """The plan that `to_json` wrote.

    Raises:
        PlanError: not a plan; `source` is named.
    """
    try:
        plan: Plan = decode(Plan, json.loads(text), "plan")
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{source}: not a plan of hwmap ({error}); expected a plan.json") from error
    return plan
