"""What every style's plan says: its status, what was chosen for each op, and the loss of that."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor
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


def claim_problem(status: Status, cycles: int, bound_cycles: int) -> str | None:
    """What is wrong with a plan's status: it is optimal if, and only if, its bound is reached."""
    if bound_cycles > cycles or (status == "optimal") != (bound_cycles == cycles):
        return f"'{status}' with {cycles:,} cycles and a bound of {bound_cycles:,}"
    return None


def loss_problem(choices: Sequence[Choice], stated: float, max_loss: float) -> str | None:
    """What is wrong with the loss that a plan states for its choices."""
    loss = sum(choice.loss for choice in choices)
    parts = sum(loss_ppb(choice.loss) for choice in choices)
    negative = any(choice.loss < 0 for choice in choices)
    if negative or abs(loss - stated) > 1e-9 or parts > floor(max_loss * PPB):
        return f"the choices add up to a loss of {loss:.6f}; the limit is {max_loss:.6f}"
    return None


def described(choices: Iterable[Choice]) -> str:
    """The choices for people, a line each."""
    lines = (f"{choice.op} ({choice.method}, error {choice.error:.3f})" for choice in choices)
    return "\n".join(lines) or "none"


def with_method(name: str, choices: Iterable[Choice]) -> str:
    """The name of an op of a rewritten network; of a factor with the method of its op."""
    for choice in choices:
        if name.startswith(f"{choice.op}/{choice.method.kind}."):
            return f"{name} ({choice.method})"
    return name


def kept(part: int, whole: int) -> str:
    """How many MACs or weights are left of so many, for people."""
    return f"{part:,} ({part / whole if whole else 1:.1%} of dense)"
