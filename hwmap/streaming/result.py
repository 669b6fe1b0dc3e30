"""What a simulation found."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class KernelTime:
    """A kernel over all images: its trips per image, the cycles in which it waited for words, and
    those in which it stood still for want of room."""

    name: str
    source: str
    trips: int
    starved_cycles: int
    blocked_cycles: int


@dataclass(frozen=True)
class FifoUse:
    """The words that a FIFO has room for, and the most that it held."""

    name: str
    tensor: str
    word_bytes: int
    depth_words: int
    peak_words: int


@dataclass(frozen=True, eq=False)
class SimResult:
    """Outputs (N, C, H, W) as integers; the cycles from image to image once the pipeline is full,
    those until the last word of the first image, and of all images."""

    outputs: Mapping[str, NDArray[np.int64]]
    clock_mhz: int
    images: int
    cycles: int
    first_cycles: int
    all_cycles: int
    kernels: tuple[KernelTime, ...]
    fifos: tuple[FifoUse, ...]
    ends: tuple[tuple[int, ...], ...]
