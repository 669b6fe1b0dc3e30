"""Receptive fields along the height: the rows that an op reads for some rows of its output."""

from collections.abc import Iterable
from typing import assert_never

import numpy as np

from hwmap.ir.graph import Graph
from hwmap.ir.ops import (
    Add,
    Affine,
    AveragePool,
    Clip,
    Concat,
    Conv,
    ConvTranspose,
    FakeQuant,
    Linear,
    LocalNorm,
    Lookup,
    MaxPool,
    Mul,
    Norm,
    Op,
    Pad,
    Reshape,
    Resize,
    Select,
    Softmax,
    TopK,
)


def rows_read(op: Op, graph: Graph, position: int, wanted: range) -> frozenset[int]:
    """The rows of input `position` that `op` reads for rows `wanted` of its output.

    Padding is no row: a window that lies in it reads nothing.
    """
    height = graph.shape(op.inputs[position])[1]
    match op:
        case Conv(weight=weight):
            taps = graph.constants[weight].values.shape[2]
            found = _window(op.strides[0], op.pads[0], op.dilations[0], taps, wanted)
        case MaxPool():
            found = _window(op.strides[0], op.pads[0], op.dilations[0], op.kernel[0], wanted)
        case AveragePool():
            found = _window(op.strides[0], op.pads[0], 1, op.kernel[0], wanted)
        case ConvTranspose(weight=weight):
            taps = graph.constants[weight].values.shape[2]
            steps = [tap * op.dilations[0] - op.pads[0] for tap in range(taps)]
            reach = (row - step for row in wanted for step in steps)
            found = (start // op.strides[0] for start in reach if start % op.strides[0] == 0)
        case Mul() if height == 1:
            found = range(1)
        case Add() | Mul() | Affine() | Clip() | Lookup() | LocalNorm() | FakeQuant():
            found = wanted
        case Pad():
            found = (row - op.pads[0] for row in wanted)
        case Concat(axis=axis):
            before = sum(graph.shape(name)[1] for name in op.inputs[:position]) if axis == 1 else 0
            found = (row - before for row in wanted)
        case Select(index=index):
            values = graph.constants[index].values[:, wanted.start : wanted.stop]
            width = graph.shape(op.inputs[0])[2]
            found = np.unique(values // width % height).tolist()
        case Resize(rows=rows):
            found = graph.constants[rows].values[wanted.start : wanted.stop].nonzero()[1].tolist()
        case Softmax(axis=axis) | Norm(axis=axis) | TopK(axis=axis) if axis != 1:
            found = wanted
        case Softmax() | Norm() | TopK() | Linear() | Reshape():
            found = range(height)
        case _:
            assert_never(op)
    return frozenset(row for row in found if 0 <= row < height)


def _window(stride: int, pad: int, dilation: int, taps: int, wanted: range) -> Iterable[int]:
    return (row * stride - pad + tap * dilation for row in wanted for tap in range(taps))
