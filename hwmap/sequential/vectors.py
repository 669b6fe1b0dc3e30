"""Test vectors: the bytes that go into and come out of an accelerator."""

from collections.abc import Mapping
from typing import Literal

from hwmap.files.words import tensor_bytes
from hwmap.ir.types import Array
from hwmap.sequential.design.types import Design
from hwmap.sequential.layout import packed_pixels

COMMANDS_PER_START = 1 << 21
"""What a C simulation holds at once: a process runs to its end before the next one begins."""


def images_per_start(design: Design) -> int:
    """The images that the test bench runs in one start of the accelerator."""
    commands = sum(row.walk_trips + row.write_trips for row in design.rows)
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
    return list(dict.fromkeys(row.source for row in design.rows if row.kind == kind))


def ports_text(design: Design) -> str:
    """What the test bench and the driver know of a program: its tensors in the order of their
    streams, with the pixels that share a word of the bus (0: they are whole words), and the runs of
    channels of a pixel, which begin with words of 8 bytes each; and the bytes of DRAM in which rows
    wait."""
    lines = [f"start {images_per_start(design)}"]
    if design.spilled_words:
        lines.append(f"spilled {design.spilled_words * design.engine.bus_bytes}")
    tensors = {tensor.name: tensor for tensor in (*design.inputs, *design.outputs)}
    ports: tuple[tuple[Literal["load", "store"], str], ...]
    ports = (("load", "input"), ("store", "output"))
    for kind, word in ports:
        for name in port_order(design, kind):
            _, height, width = tensors[name].shape
            layout, engine = design.layouts[name], design.engine
            packed = packed_pixels(layout, engine.bus_bytes, engine.banks)
            pixels = packed if kind == "load" else 0
            runs = " ".join(map(str, layout.runs))
            lines.append(f"{word} {height} {width} {pixels} {runs}")
    return "\n".join(lines) + "\n"
