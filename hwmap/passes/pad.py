"""Pads become part of the op that reads them."""

from dataclasses import replace

import numpy as np

from hwmap.ir.graph import Graph, rewrite
from hwmap.ir.ops import Affine, AveragePool, Conv, Op, Pad, Pads
from hwmap.ir.types import Constant, Tensor


def merge_pad(graph: Graph) -> Graph:
    """Merge a Pad with zeros into the Conv or AveragePool that reads it.

    Rewrite:
        b = Pad(a); c = Conv(b)    ->    c = Conv(a) with larger pads

    A Pad that several ops read goes into each; one that is a graph output, has another value, or
    has another reader stays. The padding of an AveragePool that does not count lies around it.
    """
    for op in graph.ops:
        if not isinstance(op, Pad) or op.value != 0 or op.output in graph.outputs:
            continue
        if op.channels != (0, 0):
            continue
        readers = graph.readers[op.output]
        if not readers or not all(isinstance(reader, Conv | AveragePool) for reader in readers):
            continue
        ops: list[Op] = []
        for other in graph.ops:
            if other is op:
                continue
            if other in readers and isinstance(other, Conv | AveragePool):
                other = replace(other, inputs=op.inputs, pads=_sum(other.pads, op.pads))
            ops.append(other)
        return rewrite(graph, ops=ops)
    return graph


def _sum(a: Pads, b: Pads) -> Pads:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]


def lower_pad(graph: Graph) -> Graph:
    """Turn a Pad that could not be merged into an average over 1 x 1 windows of a padded map.

    Rewrite:
        b = Pad(a) with 0    ->    b = AveragePool(a), kernel 1 x 1, with pads
        b = Pad(a) with v    ->    b = AveragePool(a - v) + v
        b = Pad(a), channels ->    b = Conv(a), fixed: each channel is copied, or 0
    """
    for op in graph.ops:
        if isinstance(op, Pad):
            return _lowered(graph, op) if op.channels == (0, 0) else _with_channels(graph, op)
    return graph


def _with_channels(graph: Graph, pad: Pad) -> Graph:
    """Channels are added by a convolution, which pads rows and columns too."""
    channels = graph.shape(pad.inputs[0])[0]
    weight = np.pad(np.eye(channels, dtype=np.float32), (pad.channels, (0, 0)))
    names = f"{pad.name}.weight", f"{pad.name}.bias"
    arrays = weight[:, :, None, None], np.zeros(len(weight), np.float32)
    constants = {name: Constant(array) for name, array in zip(names, arrays, strict=True)}
    conv = Conv(pad.name, pad.inputs, pad.output, *names, pads=pad.pads, fixed=True)
    ops = [conv if op is pad else op for op in graph.ops]
    return rewrite(graph, ops=ops, constants=constants)


def _lowered(graph: Graph, pad: Pad) -> Graph:
    if pad.value == 0:
        pool = AveragePool(pad.name, pad.inputs, pad.output, (1, 1), (1, 1), pad.pads)
        return rewrite(graph, ops=[pool if op is pad else op for op in graph.ops])
    source = graph.shape(pad.inputs[0])
    names = [f"{pad.name}/{part}" for part in ("down", "padded", "up")]
    one, value = np.ones(source[0], np.float32), np.full(source[0], pad.value, np.float32)
    constants = {
        f"{names[0]}.scale": Constant(one),
        f"{names[0]}.shift": Constant(-value),
        f"{names[2]}.shift": Constant(value),
    }
    chain: list[Op] = [
        Affine(names[0], pad.inputs, names[0], f"{names[0]}.scale", f"{names[0]}.shift"),
        AveragePool(names[1], (names[0],), names[1], (1, 1), (1, 1), pad.pads),
        Affine(pad.name, (names[1],), pad.output, f"{names[0]}.scale", f"{names[2]}.shift"),
    ]
    tensors = [Tensor(names[0], source), Tensor(names[1], graph.shape(pad.output))]
    ops = [new for op in graph.ops for new in (chain if op is pad else [op])]
    return rewrite(graph, ops=ops, tensors=tensors, constants=constants)
