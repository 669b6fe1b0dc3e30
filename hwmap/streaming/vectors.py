"""Test vectors: the bytes that go into and come out of an accelerator."""

from hwmap.streaming.design.types import Design
from hwmap.streaming.layout import Layout

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
