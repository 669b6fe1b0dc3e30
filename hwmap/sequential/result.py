"""What a simulation found."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class StepTime:
    """One row of the program on the time line of an image: `cycles` from the end of the row before
    to its own end, `compute_trips` and `fetch_words` in them."""

    source: str
    kind: str
    instance: int
    start_cycle: int
    end_cycle: int
    compute_trips: int
    fetch_words: int
    cycles: int


@dataclass(frozen=True, eq=False)
class SimResult:
    """Outputs (N, C, H, W) as integers, the time line of one image, and the arena's peak.

    `stalls` are cycles in which a row had nothing to compute and waited for constants.
    """

    outputs: Mapping[str, NDArray[np.int64]]
    clock_mhz: int
    steps: tuple[StepTime, ...]
    cycles: int
    stalls: int
    peak_bytes: int
