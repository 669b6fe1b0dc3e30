"""The constants of a sweep as bytes of the port, in the order in which the engine takes them: block
after block the weights of its first term, what its channels become outputs with, and the weights of
its other terms."""

import numpy as np
from numpy.typing import NDArray

from hwmap.files.words import CHANNEL_BYTES, channel_bytes
from hwmap.ir.graph import Graph
from hwmap.ir.ops import HardwareOp, Lookup, Select, Weighted
from hwmap.ir.requantize import Requant
from hwmap.ir.select import separated
from hwmap.ir.types import Array, Integers
from hwmap.sequential.engine import SweepCost
from hwmap.sequential.geometry import TAPS, Sweep
from hwmap.sequential.layout import WORD_BYTES, Layout

Bytes = NDArray[np.int8]


def constant_bytes(
    op: HardwareOp,
    graph: Graph,
    layouts: tuple[Layout, Layout],
    cost: SweepCost,
    requant: Requant,
) -> Bytes:
    """The constants of one sweep of `op` as port words (words, port_bytes); `layouts` are those of
    its source and its target."""
    port = cost.engine.port_bytes
    if isinstance(op, Lookup):
        return _port_words(graph.constants[op.table].values.astype(np.int8).reshape(1, -1), port)
    if not cost.sweep.weighted:
        return np.zeros((0, port), np.int8)
    if cost.sweep.matrix:
        weights = _matrix_terms(_taps_of(op, graph, layouts[0], cost.sweep), cost)
    else:
        assert isinstance(op, Weighted)
        weights = _depthwise_terms(_tap_weights(op, graph, cost.sweep), layouts[1], cost)
    channels = _channels(op, graph, layouts[1], cost, requant)
    terms = _port_words(weights.reshape(-1, weights.shape[-1]), port).reshape(
        len(weights), cost.terms, cost.weight_words, port
    )
    blocks = _port_words(channels.reshape(len(weights), -1), port).reshape(len(weights), -1, port)
    first, others = terms[:, 0], terms[:, 1:].reshape(len(weights), -1, port)
    return np.concatenate([first, blocks, others], axis=1).reshape(-1, port)


def _port_words(rows: Bytes, port: int) -> Bytes:
    """Every row filled up to whole words of the port; (words, port)."""
    return _pad(rows, 1, port).reshape(-1, port)


def _tap_weights(op: Weighted, graph: Graph, sweep: Sweep) -> Array:
    """The weights (C_out, C, K_h, K_w) of the taps of a sweep; tap -1 is 0."""
    weight = graph.constants[op.weight].values
    rows, columns = sweep.taps
    if rows == (-1,) or columns == (-1,):
        return np.zeros((*weight.shape[:2], len(rows), len(columns)), np.int8)
    return weight[:, :, rows][:, :, :, columns]


def _taps_of(op: HardwareOp, graph: Graph, layout: Layout, sweep: Sweep) -> Bytes:
    """Weights (groups, outputs, kernel rows, columns, bytes of a pixel) of a matrix sweep."""
    if isinstance(op, Select):
        return _selection(op, graph, layout, sweep)
    assert isinstance(op, Weighted)
    weight = _tap_weights(op, graph, sweep)
    outputs, per_input, rows, columns = weight.shape
    per_output = outputs // op.groups
    width = sweep.group_words * WORD_BYTES
    # Several groups of the op may be one of the sweep (`sweeps.merged_groups`).
    count = sweep.source_words // sweep.group_words
    merged = op.groups // count
    found = np.zeros((count, merged * per_output, rows, columns, width), np.int8)
    places = layout.places
    for group in range(op.groups):
        within = group % merged
        inputs = np.arange(per_input) + (within if count > 1 else group) * per_input
        target = places[inputs] if count == 1 else inputs
        own = weight[group * per_output : (group + 1) * per_output].transpose(0, 2, 3, 1)
        block = found[group // merged, within * per_output : (within + 1) * per_output]
        block[..., target] = own
    if count > 1:
        found = found[sweep.first_group : sweep.first_group + sweep.groups]
    first = sweep.target_word * WORD_BYTES - sweep.first_group * merged * per_output
    return found[:, first : first + sweep.words * WORD_BYTES]


def _selection(op: Select, graph: Graph, layout: Layout, sweep: Sweep) -> Bytes:
    """Weights 0 and 1 of a Select on the array."""
    index = graph.constants[op.index].values
    _, height, width = graph.shape(op.inputs[0])
    parts = separated(op, graph)
    size = sweep.source_words * WORD_BYTES
    if parts is not None:
        found = np.zeros((1, len(parts[0]), 1, 1, size), np.int8)
        found[0, np.arange(len(parts[0])), 0, 0, layout.places[parts[0]]] = 1
    else:
        row = index[:, sweep.rows.first]  # (channels, columns)
        channels, columns = row.shape
        pixel = sweep.words // columns * WORD_BYTES
        found = np.zeros((1, columns * pixel, height, width, size), np.int8)
        outputs = np.arange(columns) * pixel + np.arange(channels)[:, None]
        source, at = np.divmod(row, height * width)
        found[0, outputs, at // width, at % width, layout.places[source]] = 1
    first = sweep.target_word * WORD_BYTES
    return found[:, first : first + sweep.words * WORD_BYTES]


def _matrix_terms(weights: Bytes, cost: SweepCost) -> Bytes:
    """(blocks of all groups, terms, PE * SIMD)."""
    engine, sweep = cost.engine, cost.sweep
    groups, outputs, rows = weights.shape[:3]
    runs = weights.reshape(groups, outputs, rows, cost.runs, cost.run_words * WORD_BYTES)
    padded = _pad(_pad(runs, 4, engine.simd), 1, engine.pe, cost.blocks * engine.pe)
    split = padded.reshape(
        groups, cost.blocks, engine.pe, rows, cost.runs, cost.run_trips, engine.simd
    )
    assert sweep.groups == groups
    return split.transpose(0, 1, 3, 4, 5, 2, 6).reshape(
        groups * cost.blocks, cost.terms, engine.pe * engine.simd
    )


def _depthwise_terms(weight: Array, layout: Layout, cost: SweepCost) -> Bytes:
    """(blocks, terms, lanes * TAPS): the newest column, whose tap is the last, comes first. What an
    earlier pass had is 0."""
    lanes, passes = cost.engine.vector_lanes, cost.passes
    _, _, rows, _ = weight.shape
    found = np.zeros((cost.blocks * lanes, rows, passes.count, TAPS), np.int8)
    for number in range(passes.count):
        repeated = passes.repeated if number else 0
        for tap in range(repeated, passes.taps):
            column = number * passes.step + tap
            found[layout.places, :, number, passes.taps - 1 - tap] = weight[:, 0, :, column]
    by_block = found.reshape(cost.blocks, lanes, cost.terms, TAPS)
    return by_block.transpose(0, 2, 1, 3).reshape(cost.blocks, cost.terms, -1)


def _channels(
    op: HardwareOp, graph: Graph, layout: Layout, cost: SweepCost, requant: Requant
) -> Bytes:
    """Bias, multiplier and shift of each output channel: (blocks of all groups, bytes).

    The zero point z of the input is folded into the bias: sum(w * (x - z)) = sum(w * x) - z *
    sum(w), over the weights of the sweep.
    """
    sweep, engine = cost.sweep, cost.engine
    size = engine.pe if sweep.matrix else engine.vector_lanes
    if isinstance(op, Select):
        ones = np.ones(sweep.words * WORD_BYTES, np.int64)
        entries = channel_bytes(0 * ones, ones, 0 * ones)
    else:
        assert isinstance(op, Weighted)
        bias = graph.constants[op.bias].values.astype(np.int64)
        zero = graph.tensors[op.inputs[0]].integer.zero_point
        sums: Integers = _tap_weights(op, graph, sweep).astype(np.int64).sum((1, 2, 3))
        folded = bias - zero * sums
        assert np.abs(folded).max() < 2**31, "quantization keeps accumulators within 32 bits"
        entries = np.zeros((layout.words * WORD_BYTES, CHANNEL_BYTES), np.int8)
        entries[layout.places] = channel_bytes(folded, requant.multipliers, requant.shifts)
        first = sweep.target_word * WORD_BYTES
        entries = entries[first : first + sweep.groups * sweep.words * WORD_BYTES]
    grouped = entries.reshape(sweep.groups, -1, CHANNEL_BYTES)
    return _pad(grouped, 1, size, cost.blocks * size).reshape(
        sweep.groups * cost.blocks, size * CHANNEL_BYTES
    )


def _pad(array: Array, axis: int, multiple: int, least: int = 0) -> Array:
    """`array` with zeros at the end of `axis`, up to a multiple of `multiple`, `least` at least."""
    widths = [(0, 0)] * array.ndim
    size = array.shape[axis]
    widths[axis] = (0, max(size + -size % multiple, least) - size)
    return np.pad(array, widths)
