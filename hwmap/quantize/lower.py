"""Float graph -> integer graph.

Activations become int8, affine, one scale per tensor; weights int8, symmetric, one scale per
output channel; biases int32 at scale_in * scale_weight. A QDQ model keeps its scales.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from hwmap.errors import ModelError
from hwmap.ir.function import apply
from hwmap.ir.given import given_format
from hwmap.ir.graph import Graph, hardware_ops, rewrite
from hwmap.ir.interpolate import FRACTION_BITS, fixed_point
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
    Resize,
    Select,
    Weighted,
    copies_values,
)
from hwmap.ir.requantize import MAX_ACCUMULATOR, MAX_SHIFT
from hwmap.ir.types import Array, Constant, Quant
from hwmap.ir.verify import verify
from hwmap.quantize.calibrate import Range
from hwmap.quantize.scales import Scales, power_above
from hwmap.quantize.snap import snap_scales, snapped

ACTIVATION_BITS = 8
WEIGHT_BITS = 8
BIAS_BITS = 32
ROUNDED_UP = 1 + 2.0**-16
"""Scales are moved by up to 2**-17 to where the requantizer meets them."""
ON_GRID = 1e-3
"""Weights this close to whole multiples of their scale lie on its grid."""

Extra = Mapping[str, NDArray[np.float64]]


def lower(
    graph: Graph,
    ranges: Mapping[str, Range],
    bias_shift: Extra | None = None,
    scales: Scales = "free",
) -> Graph:
    """The integer graph of a float graph of integer ops, from the ranges of its tensors.

    `bias_shift` is added to the float biases (C_out,) of the ops it names. `scales` are those that
    the model does not give.
    """
    quants = _activation_quants(graph, ranges, scales)
    tensors = {name: replace(tensor, quant=quants[name]) for name, tensor in graph.tensors.items()}
    constants: dict[str, Constant] = {}
    ops: list[HardwareOp] = []
    for op in hardware_ops(graph):
        source, target = quants[op.inputs[0]], quants[op.output]
        # Constants are named after the op: two ops may share one but read different scales.
        match op:
            case Conv() | ConvTranspose():
                names = f"{op.name}.weight", f"{op.name}.bias"
                shift = (bias_shift or {}).get(op.name, 0.0)
                made = _lower_constants(op, graph, source, target, shift, scales)
                constants |= zip(names, made, strict=True)
                op = replace(op, weight=names[0], bias=names[1])
            case Lookup():
                op = replace(op, table=f"{op.name}.table")
                constants[op.table] = Constant(_table(op, source, target))
            case Resize():
                names = f"{op.name}.rows", f"{op.name}.columns"
                for new, old in zip(names, (op.rows, op.columns), strict=True):
                    constants[new] = _fractions(graph.constants[old].values)
                op = replace(op, rows=names[0], columns=names[1])
            case Add() | Mul() | Concat() | MaxPool() | AveragePool() | Select():
                pass
            case _:
                assert_never(op)
        ops.append(op)
    integer = rewrite(graph, ops=ops, tensors=tensors.values(), constants=constants)
    return verify(integer, "quantization")


def _activation_quants(
    graph: Graph, ranges: Mapping[str, Range], scales: Scales
) -> dict[str, Quant]:
    """The format of every tensor: given, or that of what it copies, or from its range with a scale
    that the requantizer meets exactly."""
    quants: dict[str, Quant] = {}
    roots: dict[str, str] = {}
    grids = {name: grid for name in graph.tensors if (grid := given_format(graph, name))}
    for name in graph.inputs:
        quants[name] = grids.get(name) or quant_of(ranges[name], scales)
        roots[name] = name
    for op in hardware_ops(graph):
        if copies_values(op):
            home, quant = roots[op.inputs[0]], quants[op.inputs[0]]
        else:
            home = _home(graph, op.output, grids)
            quant = grids.get(home) or quant_of(ranges[home], scales)
        roots[op.output], quants[op.output] = home, quant
    if scales == "power-of-two":
        return quants
    found = {name: quant.scalar_scale for name, quant in quants.items()}
    moved = snap_scales(graph, hardware_ops(graph), found, roots, grids)
    return {name: replace(quant, scale=moved[name]) for name, quant in quants.items()}


def _home(graph: Graph, name: str, grids: Mapping[str, Quant]) -> str:
    """The tensor whose format `name` gets: where only a Concat reads it, what the Concat writes. So
    it is rounded once, not twice."""
    while name not in grids and isinstance(after := graph.sole_reader(name), Concat):
        name = after.output
    return name


def quant_of(measured: Range, scales: Scales = "free") -> Quant:
    """int8 that covers `measured` and 0 exactly; a tensor that is always 0 gets scale 1."""
    low, high = min(measured[0], 0.0), max(measured[1], 0.0)
    levels = (1 << ACTIVATION_BITS) - 1
    scale = float(np.float32((high - low) / levels)) or 1.0
    scale = power_above(scale) if scales == "power-of-two" else scale
    bottom = -(1 << (ACTIVATION_BITS - 1))
    return Quant(ACTIVATION_BITS, True, scale, int(np.clip(bottom - round(low / scale), -128, 127)))


def _table(op: Lookup, source: Quant, target: Quant) -> Array:
    """The outputs for the inputs -128 to 127; what is no number becomes 0."""
    values = apply(op.function, source.dequantize(np.arange(source.low, source.high + 1)))
    return target.quantize(np.nan_to_num(values, posinf=np.inf, neginf=-np.inf)).astype(np.int8)


def _fractions(matrix: Array) -> Constant:
    """Interpolation factors (out, in) in fixed point."""
    return Constant(fixed_point(matrix).astype(np.int16), Quant(16, True, 2.0**-FRACTION_BITS, 0))


def _lower_constants(
    op: Weighted,
    graph: Graph,
    source: Quant,
    target: Quant,
    bias_shift: NDArray[np.float64] | float,
    kind: Scales,
) -> tuple[Constant, Constant]:
    """Integer weights and bias of `op`, which reads and writes these formats."""
    weight = graph.constants[op.weight].values.astype(np.float64)
    bias = graph.constants[op.bias].values.astype(np.float64) + bias_shift
    grid = graph.constants[op.weight].quant
    if copies_values(op):
        scales = np.ones(len(weight))
    elif grid is not None and _lies_on(weight, grid):
        scales = np.array(np.broadcast_to(grid.scale, len(weight)), np.float64)
    else:
        ratio = source.scalar_scale / target.scalar_scale
        least = _least_scales(weight, bias, source.scalar_scale)
        scales = _weight_scales(weight, least)
        if kind == "power-of-two":
            scales = _power_scales(weight, scales, np.maximum(least, 2.0**-MAX_SHIFT / ratio))
        else:
            scales = _snapped_scales(scales, ratio)
    limit = (1 << (WEIGHT_BITS - 1)) - 1
    integers = np.rint(weight / scales[:, None, None, None])
    low = -limit - 1 if grid is not None else -limit
    integers = integers.clip(low, limit).astype(np.int8)
    bias_scales = scales * source.scalar_scale
    bias_integers = np.rint(bias / bias_scales)
    sums = np.abs(integers.astype(np.int64)).sum((1, 2, 3)) * (source.high - source.low)
    if (sums + np.abs(bias_integers)).max() > MAX_ACCUMULATOR:
        raise ModelError(f"op '{op.name}': the scales of the model let its sums leave 32 bits")
    return (
        Constant(integers, Quant(WEIGHT_BITS, True, tuple(map(float, scales)), 0)),
        Constant(
            bias_integers.astype(np.int32),
            Quant(BIAS_BITS, True, tuple(map(float, bias_scales)), 0),
        ),
    )


def _snapped_scales(scales: NDArray[np.float64], ratio: float) -> NDArray[np.float64]:
    """`scales` moved to where scale * ratio is exact in the requantizer; those of nearly dead
    channels, where that is far away, stay."""
    moved = np.array([snapped(scale * ratio) / ratio for scale in scales])
    near = np.abs(moved / scales - 1) < ROUNDED_UP - 1
    return np.where(near, moved, scales).astype(np.float32).astype(np.float64)


def _power_scales(
    weight: NDArray[np.float64], scales: NDArray[np.float64], least: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Powers of two (C_out,), none below `least`: of the two next to each of `scales` the one with
    the less error, for the lower one clips the largest weights."""
    limit = (1 << (WEIGHT_BITS - 1)) - 1
    above = np.exp2(np.ceil(np.log2(np.maximum(scales, least))))
    errors = []
    for candidate in (above, above / 2):
        grid = candidate[:, None, None, None]
        rounded = np.rint(weight / grid).clip(-limit, limit) * grid
        errors.append(((weight - rounded) ** 2).sum((1, 2, 3)))
    return np.where((errors[1] < errors[0]) & (above / 2 >= least), above / 2, above)


def _lies_on(weight: NDArray[np.float64], grid: Quant) -> bool:
    """Whether the weights are whole multiples, within int8, of one scale or one per output."""
    scales = np.asarray(grid.scale, np.float64).reshape(-1)
    if scales.size not in (1, len(weight)):
        return False
    integers = weight / scales[:, None, None, None]
    whole = np.rint(integers)
    inside = -128 <= whole.min() <= whole.max() <= 127
    return bool(inside and np.abs(integers - whole).max() < ON_GRID)


def _weight_scales(weight: NDArray[np.float64], least: NDArray[np.float64]) -> NDArray[np.float64]:
    """One scale per output channel, no lower than `least`: the largest weight becomes 127. Channels
    of zeros have that of another one."""
    limit = (1 << (WEIGHT_BITS - 1)) - 1
    scales = np.maximum(np.abs(weight).max((1, 2, 3)) / limit, least)
    other = scales.max() or 1.0
    return np.where(scales > 0, scales, other).astype(np.float32).astype(np.float64)


def _least_scales(
    weight: NDArray[np.float64], bias: NDArray[np.float64], source_scale: float
) -> NDArray[np.float64]:
    """The scale of each output channel below which an accumulator could leave 32 bits (a channel of
    nearly dead weights with a bias, or of very many weights).

    With x - z in [-255, 255] and each |w| rounded up by at most a half, an accumulator is at most
        255 * (sum(|w|) / scale + n / 2) + |b| / (scale * scale_in) + 1/2
    """
    levels = (1 << ACTIVATION_BITS) - 1
    room = MAX_ACCUMULATOR - levels * weight[0].size // 2 - 1
    if room <= 0:
        raise ModelError(f"a sum of {weight[0].size} products does not fit 32 bits")
    sums = levels * np.abs(weight).sum((1, 2, 3)) + np.abs(bias) / source_scale
    return np.asarray(sums / room * ROUNDED_UP)
