"""What every style's plan says: its status, what was chosen for each op, and the loss of that."""

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
