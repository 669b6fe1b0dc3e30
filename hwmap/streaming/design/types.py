"""A Design says everything about the hardware, and nothing about C++."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwmap.dsp import Packing
from hwmap.ir.types import Tensor
from hwmap.streaming.network import Network
from hwmap.streaming.recompute import Recomputed

Bytes = NDArray[np.int8]
MULTIPLIED = -1


@dataclass(frozen=True)
class Numbers:
    """What a kernel computes with besides its memories; the fields are those of
    `hls/hwmap/streaming/chain.hpp`."""

    first_zero: int = 0
    second_zero: int = 0
    first_factor: int = 0
    second_factor: int = 0
    bias: int = 0
    shift: int = 0
    zero_point: int = 0
    low: int = -128
    high: int = 127


@dataclass(frozen=True, eq=False)
class Constants:
    """The trained numbers of a kernel, as its memories hold them: `weights` (words, bytes), and
    `channels` (words, 8 * results): bias, multiplier and shift of each result. `sum_bits` and
    `most_shift` are how wide its arithmetic must be. `left`: sums are shifted up by so many places
    in place of a multiplication (the terms of an Add by up to so many). Averages have their words
    of `channels` by runs of rows and of columns that count equally many values; `row_runs` and
    `column_runs` are where those begin. `fed`: the weights come from DRAM for every image.
    """

    numbers: Numbers
    weights: Bytes
    channels: Bytes
    sum_bits: int
    most_shift: int
    left: int = MULTIPLIED
    fed: bool = False
    row_runs: tuple[int, ...] = (0,)
    column_runs: tuple[int, ...] = (0,)


@dataclass(frozen=True, eq=False)
class Design:
    """A streaming accelerator: `constants` of the kernels that have any, by number; `depths` of the
    FIFOs, in words. `packing` is how weights, and `pixel_packing` how pixels share a multiplier.
    `recomputed`: what is computed a second time. `by_shifts`: all scales are powers of two."""

    name: str
    board: str
    part: str
    clock_mhz: int
    network: Network
    depths: tuple[int, ...]
    constants: dict[int, Constants]
    packing: Packing
    pixel_packing: Packing
    recomputed: tuple[Recomputed, ...]
    by_shifts: bool
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    macs: int
