"""A Design says everything about the hardware and its program, and nothing about C++."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwmap.dsp import Packing
from hwmap.ir.types import Tensor
from hwmap.sequential.engine import Engine
from hwmap.sequential.layout import Layout
from hwmap.sequential.program import Row


@dataclass(frozen=True, eq=False)
class Design:
    """A sequential accelerator, and a program for it.

    `once` is run before the first image, `rows` for every image. `program` (words, bus_bytes) int8
    is what DRAM holds: a header, what runs once, and what runs for every image. `layouts` are those
    of the inputs and outputs. `spilled_words` of the bus hold rows of tensors in DRAM. `in_uram`
    names the memories that are not in block RAM.
    """

    name: str
    board: str
    part: str
    clock_mhz: int
    engine: Engine
    packing: Packing
    arena_words: int
    constant_words: int
    spilled_words: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    layouts: dict[str, Layout]
    once: tuple[Row, ...]
    rows: tuple[Row, ...]
    program: NDArray[np.int8]
    in_uram: tuple[str, ...]
    macs: int
