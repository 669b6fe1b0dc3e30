"""Where the channels of a pixel lie in the arena: in words of 8 bytes.

A pixel takes whole words, and a tensor is its rows of pixels. Channels that are no multiple of 8
leave a hole at the end of the last word; a Concat of such tensors has holes between its parts, and
whatever works channel by channel passes them on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from hwmap.ir.graph import Graph, hardware_ops
from hwmap.ir.ops import (
    Add,
    AveragePool,
    Concat,
    Conv,
    ConvTranspose,
    HardwareOp,
    Lookup,
    MaxPool,
    Mul,
    Op,
    Resize,
    Select,
    is_depthwise,
)
from hwmap.ir.select import Indices, is_identity, separated
from hwmap.ir.types import Constant

WORD_BYTES = 8

MOST_PACKED = 4
"""Channels of the pixels that the input stream packs."""


@dataclass(frozen=True)
class Layout:
    """The channels of a pixel as `runs`, each of which begins with a word."""

    runs: tuple[int, ...]

    @property
    def words(self) -> int:
        """Words of a pixel."""
        return sum(words_of(run) for run in self.runs)

    @property
    def places(self) -> NDArray[np.int64]:
        """The byte of each channel in its pixel."""
        found, first = [], 0
        for run in self.runs:
            found.append(first + np.arange(run))
            first += words_of(run) * WORD_BYTES
        return np.concatenate(found)


def packed_pixels(layout: Layout, bus_bytes: int, banks: int) -> int:
    """Pixels in a word of the input stream, each of which becomes a word of one of `banks`; 0 for
    those with so many channels that they come as whole words."""
    channels = layout.runs[0]
    pixels = min(bus_bytes // channels, banks)
    packs = len(layout.runs) == 1 and channels <= MOST_PACKED and pixels > bus_bytes // WORD_BYTES
    return pixels if packs else 0


def words_of(size_bytes: int) -> int:
    """The words that hold so many bytes."""
    return -(-size_bytes // WORD_BYTES)


def dense(channels: int) -> Layout:
    """Channels without holes between them."""
    return Layout((channels,))


def joined(parts: list[Layout]) -> Layout:
    """The layout of a Concat of channels."""
    runs: list[int] = []
    for run in (run for part in parts for run in part.runs):
        if runs and runs[-1] % WORD_BYTES == 0:
            runs[-1] += run
        else:
            runs.append(run)
    return Layout(tuple(runs))


def layouts_of(graph: Graph, given: Mapping[str, Layout] | None = None) -> dict[str, Layout]:
    """The layout of every tensor of `graph` (hardware ops); inputs are dense unless `given`."""
    found = {name: dense(graph.shape(name)[0]) for name in graph.inputs} | dict(given or {})
    for op in hardware_ops(graph):
        found[op.output] = _written(op, graph, found)
    return found


def _written(op: HardwareOp, graph: Graph, layouts: Mapping[str, Layout]) -> Layout:
    first = layouts[op.inputs[0]]
    match op:
        case Concat(axis=0):
            return joined([layouts[name] for name in op.inputs])
        case Conv() | ConvTranspose() | Select():
            channels = graph.shape(op.output)[0]
            passes = channels == graph.shape(op.inputs[0])[0] and not is_matrix(op, graph, layouts)
            return first if passes else dense(channels)
        case Add() | Mul() | Lookup() | Concat() | MaxPool() | AveragePool() | Resize():
            return first
        case _:
            assert_never(op)


def is_matrix(op: HardwareOp, graph: Graph, layouts: Mapping[str, Layout]) -> bool:
    """Whether `op` runs on the PE x SIMD array; else it runs on the vector lanes."""
    match op:
        case Conv() | ConvTranspose():
            return not is_depthwise(op, graph.shape(op.inputs[0])[0], graph.shape(op.output)[0])
        case Select():
            return not moves_words(op, graph, layouts[op.inputs[0]])
        case Add() | Mul() | Lookup() | Concat() | MaxPool() | AveragePool() | Resize():
            return False
        case _:
            assert_never(op)


def moves_words(op: Select, graph: Graph, layout: Layout) -> bool:
    """Whether a Select of a tensor with `layout` moves whole words; its output has no holes."""
    parts = separated(op, graph)
    if parts is None:
        return False
    whole = np.array_equal(parts[0], np.arange(graph.shape(op.inputs[0])[0]))
    if whole or len(layout.runs) > 1:
        # What selects everything is there to close the holes.
        return whole and not is_identity(op, graph)
    return all(
        start % WORD_BYTES == source % WORD_BYTES == 0
        and (end % WORD_BYTES == 0 or end == len(parts[0]))
        for start, end, source in channel_runs(parts[0])
    )


def channel_runs(sources: Indices) -> list[tuple[int, int, int]]:
    """(start, end, first source) of every run of neighbouring source channels."""
    found: list[tuple[int, int, int]] = []
    for position, channel in enumerate(sources.tolist()):
        if found and channel - found[-1][2] == position - found[-1][0]:
            found[-1] = (found[-1][0], position + 1, found[-1][2])
        else:
            found.append((position, position + 1, channel))
    return found


def aligned(graph: Graph) -> Graph:
    """Give the inputs of every op that reads several of them together the same layout.

    Rewrite:
        c = Add(a, b), b with holes    ->    p = Select(b), everything; c = Add(a, p)

    A Concat of channels takes any layouts.
    """
    layouts = layouts_of(graph)
    for op in hardware_ops(graph):
        if len(op.inputs) < 2 or (isinstance(op, Concat) and op.axis == 0):
            continue
        if len({layouts[name] for name in op.inputs}) > 1:
            packed = next(name for name in op.inputs if len(layouts[name].runs) > 1)
            return aligned(_with_packed(graph, op, packed))
    return graph


def _with_packed(graph: Graph, reader: HardwareOp, name: str) -> Graph:
    shape = graph.shape(name)
    op = Select(f"{reader.name}/packed.{name}", (name,), f"{reader.name}/packed.{name}", "")
    op = replace(op, index=f"{op.name}.index")
    index = np.arange(int(np.prod(shape))).reshape(shape)
    tensor = replace(graph.tensors[name], name=op.output)
    inputs = tuple(op.output if source == name else source for source in reader.inputs)
    ops: list[Op] = []
    for other in graph.ops:
        ops += [op, replace(other, inputs=inputs)] if other is reader else [other]
    return replace(
        graph,
        ops=tuple(ops),
        tensors={**graph.tensors, op.output: tensor},
        constants={**graph.constants, op.index: Constant(index)},
    )
