"""A transposed convolution as a convolution and a selection.

Stride s sets s x s output pixels between neighbouring input pixels. Each of these phases is a
convolution of its own; as one convolution with s x s times the channels, over all input pixels that
any phase reads, they come pixel by pixel, and a selection sets them side by side. (Shi et al.,
"Is the deconvolution layer the same as a convolutional layer?", 2016.) Kernels that the stride
divides lose nothing; of others some weights are zeros.
"""

from dataclasses import dataclass, replace

import numpy as np

from hwmap.ir.graph import Graph, hardware_ops, rewrite
from hwmap.ir.ops import Conv, ConvTranspose, HardwareOp, Select
from hwmap.ir.types import Array, Constant, Tensor


@dataclass(frozen=True)
class _Axis:
    """The taps of a convolution along an axis: for each phase the tap of the transposed kernel at
    each place, or -1; the padding before and behind; and the positions that it has."""

    taps: tuple[tuple[int, ...], ...]
    before: int
    behind: int
    count: int


def sub_pixel(graph: Graph) -> Graph:
    """`graph`, float or integer, without transposed convolutions.

    Rewrite:
        y = ConvTranspose(x)    ->    t = Conv(x); y = Select(t)
    """
    ops: list[HardwareOp] = []
    tensors = dict(graph.tensors)
    constants: dict[str, Constant] = {}
    for op in hardware_ops(graph):
        if isinstance(op, ConvTranspose):
            pair, between, found = _parts(op, graph)
            tensors[between.name] = between
            constants |= found
            ops += pair
        else:
            ops.append(op)
    if not constants:
        return graph
    return rewrite(graph, ops=ops, tensors=tensors.values(), constants=constants)


def _parts(
    op: ConvTranspose, graph: Graph
) -> tuple[tuple[Conv, Select], Tensor, dict[str, Constant]]:
    weight, bias = graph.constants[op.weight], graph.constants[op.bias]
    source, shape = graph.shape(op.inputs[0]), graph.shape(op.output)
    rows, columns = (
        _axis(
            source[axis + 1],
            shape[axis + 1],
            weight.values.shape[axis + 2],
            op.strides[axis],
            op.dilations[axis],
            op.pads[axis],
        )
        for axis in (0, 1)
    )
    phases = len(rows.taps) * len(columns.taps)
    # Of every group all phases, one behind the other.
    order = np.arange(shape[0]).reshape(op.groups, 1, -1).repeat(phases, 1).reshape(-1)
    between = Tensor(
        f"{op.output}.phases",
        (shape[0] * phases, rows.count, columns.count),
        graph.tensors[op.output].quant,
    )
    names = f"{op.name}.phases.weight", f"{op.name}.phases.bias", f"{op.name}.phases.index"
    conv = Conv(
        op.name,
        op.inputs,
        between.name,
        names[0],
        names[1],
        pads=(rows.before, columns.before, rows.behind, columns.behind),
        groups=op.groups,
        clamp=op.clamp,
        fixed=op.fixed,
    )
    select = Select(f"{op.name}.phases", (between.name,), op.output, names[2])
    values = _weights(weight.values, rows, columns, op.groups)
    index = _index(shape, between.shape, (len(rows.taps), len(columns.taps)), op.groups)
    return (
        (conv, select),
        between,
        {
            names[0]: _reordered(weight, values, order),
            names[1]: _reordered(bias, bias.values[order], order),
            names[2]: Constant(index),
        },
    )


def _reordered(constant: Constant, values: Array, order: Array) -> Constant:
    """A constant with other values, whose channels have the scales of those in `order`."""
    quant = constant.quant
    if quant is not None and np.ndim(quant.scale):
        quant = replace(quant, scale=tuple(np.asarray(quant.scale)[order].tolist()))
    return replace(constant, values=values, quant=quant)


def _axis(size: int, out: int, kernel: int, stride: int, dilation: int, cut: int) -> _Axis:
    """Output stride * q + phase is position stride * q + phase + cut of the whole output, to which
    tap k adds input q + (phase + cut - k * dilation) / stride, where that is whole."""
    places = [
        {
            (phase + cut - tap * dilation) // stride: tap
            for tap in range(kernel)
            if (phase + cut - tap * dilation) % stride == 0
        }
        for phase in range(stride)
    ]
    low = min(0, *(place for own in places for place in own))
    high = max(0, *(place for own in places for place in own))
    # What is cut off lies behind `count`, and is not selected.
    wanted = -(-out // stride)
    behind = max(wanted - 1 + high - (size - 1), 0)
    return _Axis(
        tuple(tuple(own.get(place, -1) for place in range(low, high + 1)) for own in places),
        -low,
        behind,
        -low + size + behind - (high - low),
    )


def _weights(weight: Array, rows: _Axis, columns: _Axis, groups: int) -> Array:
    """(phases * C_out, C_in / groups, places, places) from (C_out, C_in / groups, K_h, K_w)."""
    padded = np.pad(weight, ((0, 0), (0, 0), (0, 1), (0, 1)))
    split = padded.reshape(groups, -1, *padded.shape[1:])
    down, along = np.array(rows.taps), np.array(columns.taps)
    # (group, channel, input, row phase, row place, column phase, column place)
    taken = split[:, :, :, down][..., along]
    ordered = taken.transpose(0, 3, 5, 1, 2, 4, 6)
    return np.ascontiguousarray(ordered).reshape(-1, weight.shape[1], down.shape[1], along.shape[1])


def _index(
    shape: tuple[int, int, int],
    between: tuple[int, int, int],
    phases: tuple[int, int],
    groups: int,
) -> Array:
    """Where each value of the output lies in the tensor of phases."""
    c, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    group, own = np.divmod(c, shape[0] // groups)
    phase = y % phases[0] * phases[1] + x % phases[1]
    channel = (group * (phases[0] * phases[1]) + phase) * (shape[0] // groups) + own
    place = (channel * between[1] + y // phases[0]) * between[2] + x // phases[1]
    return np.asarray(place, np.int64)
