"""Weights and channel constants, laid out as the engine reads them."""

import numpy as np
from numpy.typing import NDArray

from hwmap.files.words import CHANNEL_BYTES, channel_bytes
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Weighted
from hwmap.ir.requantize import Requant
from hwmap.ir.types import Array
from hwmap.sequential.design.steps import Fetch
from hwmap.sequential.engine import Engine, OpShape, run_words, sweep_cost
from hwmap.sequential.geometry import Sweep, Window

Bytes = NDArray[np.int8]


def weight_memory_words(op: Weighted, graph: Graph, engine: Engine, shape: OpShape) -> list[Bytes]:
    """The weights of each sweep of `op` as words (words, PE * SIMD) int8.

    Matrix array: (groups, blocks, kernel rows, runs, words) of PE rows of SIMD weights; vector
    lanes: slices of one weight per lane, (blocks, taps), side by side in a word. Weights beyond
    the last channel or the end of a run are 0.
    """
    weight = graph.constants[op.weight].values.transpose(0, 2, 3, 1)
    found = []
    for sweep in shape.sweeps:
        words = sweep_cost(sweep, shape, engine).weight_words
        taps = _taps(weight, sweep)
        if shape.matrix:
            layout = _matrix_layout(taps, sweep.window, engine)
        else:
            lanes = engine.vector_lanes
            flat = taps.reshape(len(taps), -1)
            layout = _pad(flat, 0, lanes).reshape(-1, lanes, flat.shape[1]).transpose(0, 2, 1)
        found.append(_pad(layout.reshape(-1), 0, engine.weight_word_bytes).reshape(words, -1))
    return found


def _taps(weight: Bytes, sweep: Sweep) -> Bytes:
    """The weights (C_out, K_h, K_w, C) of the taps of a sweep; tap -1 is 0."""
    rows, columns = sweep.taps
    if rows == (-1,) or columns == (-1,):
        return np.zeros((len(weight), len(rows), len(columns), weight.shape[3]), np.int8)
    return weight[:, rows][:, :, columns]


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


def channel_memory_words(
    op: Weighted, graph: Graph, engine: Engine, shape: OpShape, requant: Requant
) -> list[Bytes]:
    """Bias, multiplier and shift of each output channel, for each sweep of `op`, as words (words,
    8 * lanes) int8.

    The zero point z of the input is folded into the bias: sum(w * (x - z)) = sum(w * x) - z *
    sum(w), over the weights of the sweep.
    """
    block = engine.pe if shape.matrix else engine.vector_lanes
    bias = graph.constants[op.bias].values.astype(np.int64)
    weight = graph.constants[op.weight].values.transpose(0, 2, 3, 1)
    zero = graph.tensors[op.inputs[0]].integer.zero_point
    found = []
    for sweep in shape.sweeps:
        sums = _taps(weight, sweep).astype(np.int64).sum((1, 2, 3))
        folded = bias - zero * sums
        assert np.abs(folded).max() < 2**31, "quantization keeps accumulators within 32 bits"
        entries = channel_bytes(folded, requant.multipliers, requant.shifts)
        padded = _pad(entries.reshape(sweep.window.groups, -1, CHANNEL_BYTES), 1, block)
        found.append(padded.reshape(-1, engine.requant_lanes * CHANNEL_BYTES))
    return found


def bus_words(constants: Bytes, engine: Engine) -> Bytes:
    """Bytes as words of the bus (words, bus_bytes)."""
    return constants.reshape(-1, engine.bus_bytes)


def fetch_words(fetch: Fetch, engine: Engine) -> int:
    """The bus words of a fetch."""
    weights = fetch.weight_words * engine.weight_word_bytes
    channels = fetch.channel_words * engine.channel_word_bytes
    return (weights + channels) // engine.bus_bytes


def _pad(array: Array, axis: int, multiple: int) -> Array:
    """`array` with zeros at the end of `axis`, up to a multiple of `multiple`."""
    widths = [(0, 0)] * array.ndim
    widths[axis] = (0, -array.shape[axis] % multiple)
    return np.pad(array, widths)
