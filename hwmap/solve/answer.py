"""What every style's plan says: its status, what was chosen for each op, and the loss of that."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Literal

from hwmap.decompose.method import Method

Status = Literal["optimal", "feasible"]
PPB = 1_000_000_000


def loss_ppb(loss: float) -> int:
    """A loss (see `decompose.cache.Measure`) in whole parts per billion, upwards: how losses are
    added up."""
    return ceil(loss * PPB)


@dataclass(frozen=True)
class Choice:
    """The candidate chosen for a convolution: its method, the relative error of its output, and
    the squared relative error of the network's outputs that it is expected to cause."""

    op: str
    method: Method
    error: float
    loss: float


def described(choices: Iterable[Choice]) -> str:
    """The choices for people, a line each."""
    lines = (f"{choice.op} ({choice.method}, error {choice.error:.3f})" for choice in choices)
    return "\n".join(lines) or "none"


def kept(part: int, whole: int) -> str:
    """How many MACs or weights are left of so many, for people."""
    return f"{part:,} ({part / whole if whole else 1:.1%} of dense)"
