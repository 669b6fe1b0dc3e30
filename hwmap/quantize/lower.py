"""Float graph -> integer graph.

Activations become int8, affine, one scale per tensor; weights int8, symmetric, one scale per
output channel; biases int32 at scale_in * scale_weight.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hwmap.errors import ModelError
from hwmap.ir.graph import Graph, hardware_ops, rewrite
from hwmap.ir.ops import Conv, HardwareOp, MaxPool
from hwmap.ir.requantize import MAX_ACCUMULATOR
from hwmap.ir.types import Constant, Quant, Tensor
from hwmap.ir.verify import verify
from hwmap.quantize.calibrate import Range

ACTIVATION_BITS = 8
WEIGHT_BITS = 8
BIAS_BITS = 32
ROUNDED_UP = 1 + 2.0**-22
"""Scales are rounded to float32."""


def lower(graph: Graph, ranges: Mapping[str, Range]) -> Graph:
    """The integer graph of a float graph of hardware ops, from the ranges of its tensors."""
    tensors = {
        name: replace(graph.tensors[name], quant=_quant(ranges[name])) for name in graph.inputs
    }
    constants: dict[str, Constant] = {}
    ops: list[HardwareOp] = []
    for op in hardware_ops(graph):
        source = tensors[op.inputs[0]].integer
        quant = source if isinstance(op, MaxPool) else _quant(ranges[op.output])
        tensors[op.output] = Tensor(op.output, graph.shape(op.output), quant)
        if isinstance(op, Conv):
            # Named after the op: two ops may share a float weight but read different scales.
            names = f"{op.name}.weight", f"{op.name}.bias"
            constants |= zip(names, _lower_constants(op, graph, source), strict=True)
            op = replace(op, weight=names[0], bias=names[1])
        ops.append(op)
    integer = rewrite(graph, ops=ops, tensors=tensors.values(), constants=constants)
    return verify(integer, "quantization")


def _quant(measured: Range) -> Quant:
    """int8 that covers `measured` and 0 exactly; a tensor that is always 0 gets scale 1."""
    low, high = min(measured[0], 0.0), max(measured[1], 0.0)
    levels = (1 << ACTIVATION_BITS) - 1
    scale = float(np.float32((high - low) / levels)) or 1.0
    bottom = -(1 << (ACTIVATION_BITS - 1))
    return Quant(ACTIVATION_BITS, True, scale, int(np.clip(bottom - round(low / scale), -128, 127)))


def _lower_constants(op: Conv, graph: Graph, source: Quant) -> tuple[Constant, Constant]:
    """Integer weights and bias of `op`, which reads activations of the format `source`."""
    weight = graph.constants[op.weight].values.astype(np.float64)
    bias = graph.constants[op.bias].values.astype(np.float64)
    scales = _weight_scales(weight, bias, source.scalar_scale)
    limit = (1 << (WEIGHT_BITS - 1)) - 1
    integers = np.rint(weight / scales[:, None, None, None]).clip(-limit, limit).astype(np.int8)
    bias_scales = scales * source.scalar_scale
    bias_integers = np.rint(bias / bias_scales).astype(np.int32)
    return (
        Constant(integers, Quant(WEIGHT_BITS, True, tuple(map(float, scales)), 0)),
        Constant(bias_integers, Quant(BIAS_BITS, True, tuple(map(float, bias_scales)), 0)),
    )


def _weight_scales(
    weight: NDArray[np.float64], bias: NDArray[np.float64], source_scale: float
) -> NDArray[np.float64]:
    """One scale per output channel: the largest weight becomes 127, unless an accumulator could
    then leave 32 bits (a channel of nearly dead weights with a bias, or of very many weights).

    With x - z in [-255, 255] and each |w| rounded up by at most a half, an accumulator is at most
        255 * (sum(|w|) / scale + n / 2) + |b| / (scale * scale_in) + 1/2
    """
    limit = (1 << (WEIGHT_BITS - 1)) - 1
    levels = (1 << ACTIVATION_BITS) - 1
    room = MAX_ACCUMULATOR - levels * weight[0].size // 2 - 1
    if room <= 0:
        raise ModelError(f"a sum of {weight[0].size} products does not fit 32 bits")
    sums = levels * np.abs(weight).sum((1, 2, 3)) + np.abs(bias) / source_scale
    scales = np.maximum(np.abs(weight).max((1, 2, 3)) / limit, sums / room * ROUNDED_UP)
    return np.where(scales > 0, scales, 1.0).astype(np.float32).astype(np.float64)
