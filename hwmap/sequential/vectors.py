"""Test vectors: the bytes that go into and come out of an accelerator."""

from collections.abc import Mapping
from typing import Literal

from hwmap.files.words import tensor_bytes
from hwmap.ir.types import Array
from hwmap.sequential.design.types import Design

COMMANDS_PER_START = 1 << 22
"""What a C simulation holds at once: a process runs to its end before the next one begins."""


def images_per_start(design: Design) -> int:
    """The images that the test bench runs in one start of the accelerator."""
    commands = sum(step.walk_trips for step in design.steps)
    return max(COMMANDS_PER_START // max(commands, 1), 1)


def stream_bytes(
    design: Design, kind: Literal["load", "store"], tensors: Mapping[str, Array]
) -> bytes:
    """`tensors` (N, C, H, W) in the order of the stream, image by image: the tensors in the order
    of `port_order`, each as (height, width, channels)."""
    return tensor_bytes(port_order(design, kind), tensors)


def port_order(design: Design, kind: Literal["load", "store"]) -> list[str]:
    """The tensors that pass a port, in the order of the "load" (or "store") steps: a plan may
    choose another than the network's."""
    return [step.source for step in design.steps if step.kind == kind]
