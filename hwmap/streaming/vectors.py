"""Test vectors: the bytes that go into and come out of an accelerator."""

from collections.abc import Iterable, Mapping

import numpy as np

from hwmap.ir.types import Array
from hwmap.streaming.design.types import Design
from hwmap.streaming.layout import Layout
from hwmap.streaming.units import Sink, Source

BYTES_PER_START = 1 << 27
"""What a C simulation holds at once: a kernel runs to its end before the next one begins."""


def port_bytes(layout: Layout) -> int:
    """The bytes of a port that moves a word of a stream at a time: a power of two."""
    return 1 << (layout.word_bytes - 1).bit_length()


def images_per_start(design: Design) -> int:
    """The images that the test bench runs in one start of the accelerator."""
    streams = design.network.streams
    image = sum(stream.layout.words * (stream.layout.word_bytes + 16) for stream in streams)
    return max(BYTES_PER_START // image, 1)


def input_layouts(design: Design) -> dict[str, Layout]:
    """How the words of each input go in, in the order of the ports."""
    kernels = design.network.kernels
    return {
        kernel.source: kernel.unit.target for kernel in kernels if isinstance(kernel.unit, Source)
    }


def output_layouts(design: Design) -> dict[str, Layout]:
    """How the words of each output come out, in the order of the ports."""
    kernels = design.network.kernels
    return {
        kernel.source: kernel.unit.source for kernel in kernels if isinstance(kernel.unit, Sink)
    }


def tensor_bytes(names: Iterable[str], tensors: Mapping[str, Array]) -> bytes:
    """`tensors` (N, C, H, W) image by image: the tensors in the order of `names`, each as (height,
    width, channels). The test bench and the driver make words of them."""
    parts = [
        tensors[name].astype(np.int8).transpose(0, 2, 3, 1).reshape(len(tensors[name]), -1)
        for name in names
    ]
    return np.concatenate(parts, axis=1).tobytes()
