"""Weights and channel constants, laid out as the engine reads them."""

import numpy as np
from numpy.typing import NDArray

from hwmap.cost.engine import CHANNEL_BYTES, Engine, op_cost, run_words
from hwmap.cost.window import Window, is_matrix, window_of
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Conv
from hwmap.ir.requantize import requant_of
from hwmap.ir.types import Array

Bytes = NDArray[np.int8]


def weight_memory_words(op: Conv, graph: Graph, engine: Engine) -> Bytes:
    """The weights of `op` as words (weight_words, PE * SIMD) int8.

    Matrix array: (groups, blocks, kernel rows, runs, words) of PE rows of SIMD weights; vector
    lanes: slices of one weight per lane, (blocks, taps), side by side in a word. Weights beyond
    the last channel or the end of a run are 0.
    """
    weight = graph.constants[op.weight].values.transpose(0, 2, 3, 1)
    words = op_cost(op, graph, engine).weight_words
    if is_matrix(op, graph):
        layout = _matrix_layout(weight, window_of(op, graph), engine)
    else:
        lanes = engine.vector_lanes
        taps = weight.reshape(len(weight), -1)
        padded = _pad(taps, 0, lanes)
        layout = padded.reshape(-1, lanes, taps.shape[1]).transpose(0, 2, 1)
    return _pad(layout.reshape(-1), 0, engine.weight_word_bytes).reshape(words, -1)


def _matrix_layout(weight: Bytes, window: Window, engine: Engine) -> Bytes:
    runs = weight.reshape(window.groups, -1, window.kernel_rows, window.runs, window.run_bytes)
    padded = _pad(_pad(runs, 4, engine.simd), 1, engine.pe)
    split = padded.reshape(
        window.groups,
        -1,
        engine.pe,
        window.kernel_rows,
        window.runs,
        run_words(window, engine),
        engine.simd,
    )
    return split.transpose(0, 1, 3, 4, 5, 2, 6)


def channel_memory_words(op: Conv, graph: Graph, engine: Engine) -> Bytes:
    """Bias, multiplier and shift of each output channel as words (channel_words, 8 * lanes) int8.

    The zero point of the input is folded into the bias: sum(w * (x - z)) = sum(w * x) - z * sum(w).
    """
    requant = requant_of(op, graph)
    zero = graph.tensors[op.inputs[0]].integer.zero_point
    sums = graph.constants[op.weight].values.astype(np.int64).sum((1, 2, 3))
    bias = graph.constants[op.bias].values.astype(np.int64) - zero * sums
    assert np.abs(bias).max() < 2**31, "quantization keeps every accumulator within 32 bits"
    matrix = is_matrix(op, graph)
    groups = window_of(op, graph).groups
    block = engine.pe if matrix else engine.vector_lanes
    fields = np.zeros((len(bias), 2), np.uint32)
    fields[:, 0] = bias.astype(np.int32).view(np.uint32)
    fields[:, 1] = requant.multipliers | (requant.shifts << 24)
    padded = _pad(fields.reshape(groups, -1, 2), 1, block)
    entries = padded.astype("<u4").reshape(-1, engine.requant_lanes * 2)
    return np.frombuffer(entries.tobytes(), np.int8).reshape(
        -1, engine.requant_lanes * CHANNEL_BYTES
    )


def bus_words(weights: Bytes, channels: Bytes, engine: Engine) -> Bytes:
    """Weights, then channel constants, as words of the bus (words, bus_bytes)."""
    return np.concatenate([weights.reshape(-1), channels.reshape(-1)]).reshape(-1, engine.bus_bytes)


def _pad(array: Array, axis: int, multiple: int) -> Array:
    """`array` with zeros at the end of `axis`, up to a multiple of `multiple`."""
    widths = [(0, 0)] * array.ndim
    widths[axis] = (0, -array.shape[axis] % multiple)
    return np.pad(array, widths)
