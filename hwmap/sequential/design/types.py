"""A Design says everything about the hardware, and nothing about C++."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwmap.ir.types import Tensor
from hwmap.sequential.design.steps import Fetch, StepDescriptor
from hwmap.sequential.design.widths import Widths
from hwmap.sequential.engine import Engine
from hwmap.sequential.memory import EngineMemory


@dataclass(frozen=True, eq=False)
class Design:
    """A sequential accelerator.

    `dram` (bus words, bus_bytes) int8 holds the constants: first `resident_words` words that stay
    on chip, at address 0 of both memories; then those that are fetched per image, in order.
    `tables` (tables, 256) int8 are those of the lookups. `in_uram` names the memories that are not
    in block RAM.
    """

    name: str
    board: str
    part: str
    clock_mhz: int
    engine: Engine
    memory: EngineMemory
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    steps: tuple[StepDescriptor, ...]
    resident: Fetch
    resident_words: int
    dram: NDArray[np.int8]
    tables: NDArray[np.int8]
    widths: Widths
    in_uram: tuple[str, ...]
    macs: int
