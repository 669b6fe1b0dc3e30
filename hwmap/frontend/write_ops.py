"""Ops -> ONNX nodes."""

from typing import assert_never

import numpy as np
from onnx import TensorProto

from hwmap.frontend.writer import Writer
from hwmap.ir.function import Function, X, as_clip
from hwmap.ir.graph import Graph
from hwmap.ir.ops import (
    NO_CLAMP,
    NO_PADS,
    Add,
    Affine,
    AveragePool,
    Clamp,
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
    Pads,
    Pair,
    Reshape,
    Resize,
    Select,
    Softmax,
    TopK,
    Weighted,
)
from hwmap.ir.select import separated
from hwmap.ir.types import Array, Constant

FUNCTIONS = {
    "abs": "Abs",
    "add": "Add",
    "ceil": "Ceil",
    "cos": "Cos",
    "div": "Div",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "log": "Log",
    "max": "Max",
    "min": "Min",
    "mul": "Mul",
    "pow": "Pow",
    "round": "Round",
    "sigmoid": "Sigmoid",
    "sign": "Sign",
    "sin": "Sin",
    "sqrt": "Sqrt",
    "tanh": "Tanh",
}


def write_op(writer: Writer, op: Op, graph: Graph, output: str) -> None:
    """Add the nodes of `op`, whose result is called `output`."""
    inputs = [writer.value(name) for name in op.inputs]
    shape = graph.shape(op.output)
    match op:
        case Conv() | ConvTranspose():
            with _clamped(writer, op.clamp, op.name, output) as inner:
                _write_weighted(writer, op, graph, inputs[0], inner)
        case Linear():
            size = graph.tensors[op.inputs[0]].elements
            flat = writer.reshape(inputs[0], f"{output}:flat", [size], f"{op.name}:flat")
            names = [_constant(writer, graph, name) for name in (op.weight, op.bias)]
            writer.node("Gemm", [flat, *names], f"{output}:row", op.name, transB=1)
            writer.reshape(f"{output}:row", output, shape, f"{op.name}:map")
        case Affine():
            scale, shift = (
                writer.constant(name, _over_pixels(graph.constants[name].values))
                for name in (op.scale, op.shift)
            )
            writer.node("Mul", [inputs[0], scale], f"{output}:scaled", f"{op.name}:scale")
            writer.node("Add", [f"{output}:scaled", shift], output, op.name)
        case Clip():
            _write_clamp(writer, op.clamp, inputs[0], output, op.name)
        case Lookup():
            _write_function(writer, op, inputs[0], output)
        case Add(signs=signs):
            with _clamped(writer, op.clamp, op.name, output) as inner:
                if signs == (-1, 1):
                    inputs = inputs[::-1]
                kind = "Add" if signs == (1, 1) else "Sub"
                if signs == (-1, -1):
                    inputs[0] = writer.node("Neg", inputs[:1], f"{output}:neg", f"{op.name}:neg")
                writer.node(kind, inputs, inner, op.name)
        case Mul():
            with _clamped(writer, op.clamp, op.name, output) as inner:
                writer.node("Mul", inputs, inner, op.name)
        case Concat(axis=axis):
            writer.node("Concat", inputs, output, op.name, axis=axis + 1)
        case MaxPool():
            # ONNX has no padding of a whole kernel; at the end, ceil_mode makes up for it.
            top, left, bottom, right = op.pads
            ends = min(bottom, op.kernel[0] - 1), min(right, op.kernel[1] - 1)
            writer.node(
                "MaxPool",
                inputs,
                output,
                op.name,
                kernel_shape=op.kernel,
                strides=op.strides,
                pads=(top, left, *ends),
                dilations=op.dilations,
                **({} if ends == (bottom, right) else {"ceil_mode": 1}),
            )
        case AveragePool():
            with _clamped(writer, op.clamp, op.name, output) as inner:
                _write_average(writer, op, inputs[0], inner)
        case Pad(pads=pads, value=value):
            _write_pad(writer, pads, value, inputs[0], output, op.name, channels=op.channels)
        case Select():
            _write_select(writer, op, graph, inputs[0], output)
        case Resize():
            _write_resize(writer, op, graph, inputs[0], output)
        case LocalNorm():
            numbers = {"alpha": op.alpha, "beta": op.beta, "bias": op.bias}
            writer.node("LRN", inputs, output, op.name, size=op.size, **numbers)
        case Reshape():
            writer.reshape(inputs[0], output, shape, op.name)
        case FakeQuant(quant=quant):
            writer.dequantize(writer.quantize(inputs[0], f"{output}:q", quant), output, quant)
        case Softmax(axis=axis):
            kind = "LogSoftmax" if op.log else "Softmax"
            writer.node(kind, inputs, output, op.name, axis=axis + 1)
        case Norm(axis=axis, power=power):
            writer.node(f"ReduceL{power}", inputs, output, op.name, axes=[axis + 1])
        case TopK():
            _write_top(writer, op, inputs[0], output)
        case _:
            assert_never(op)


def _write_top(writer: Writer, op: TopK, source: str, output: str) -> None:
    count = writer.constant(f"{op.name}:count", np.array([op.count], np.int64))
    values = f"{output}:values" if op.positions else output
    attributes = {"axis": op.axis + 1, "largest": int(op.largest)}
    writer.node("TopK", [source, count], values, op.name, **attributes)
    writer.nodes[-1].output.append(f"{output}:positions")
    if op.positions:
        writer.cast(f"{output}:positions", output, TensorProto.FLOAT)


def _over_pixels(values: Array) -> Array:
    return values[:, None, None] if values.ndim == 1 else values


class _clamped:  # noqa: N801 - reads as a statement: with _clamped(...) as inner
    """Within it the op writes `inner`; after it, what clamps `inner` to `output`."""

    def __init__(self, writer: Writer, clamp: Clamp, name: str, output: str) -> None:
        self.arguments = writer, clamp, name, output
        self.inner = output if clamp == NO_CLAMP else f"{output}:sum"

    def __enter__(self) -> str:
        return self.inner

    def __exit__(self, *_: object) -> None:
        writer, clamp, name, output = self.arguments
        if self.inner != output:
            _write_clamp(writer, clamp, self.inner, output, f"{name}:clamp")


def _write_clamp(writer: Writer, clamp: Clamp, source: str, output: str, name: str) -> None:
    if clamp == Clamp(low=0.0):
        writer.node("Relu", [source], output, name)
        return
    bounds = []
    for bound, value in (("min", clamp.low), ("max", clamp.high)):
        given = np.isfinite(value)
        array = np.array(value, np.float32)
        bounds.append(writer.constant(f"{name}:{bound}", array) if given else "")
    writer.node("Clip", [source, *bounds], output, name)


def _constant(writer: Writer, graph: Graph, name: str) -> str:
    """A constant as float values; integers, or floats on a grid, with a DequantizeLinear."""
    constant = graph.constants[name]
    if constant.quant is None:
        return writer.constant(name, constant.values)
    if name in writer.values:
        return writer.values[name]
    writer.values[name] = f"{name}:value"
    integers = writer.constant(f"{name}:int", _integers(constant))
    return writer.dequantize(integers, f"{name}:value", constant.quant, axis=0)


def _integers(constant: Constant) -> Array:
    assert constant.quant is not None
    if constant.values.dtype.kind in "iu":
        return constant.values
    scale = np.asarray(constant.quant.scale).reshape(-1, *[1] * (constant.values.ndim - 1))
    return np.asarray(np.rint(constant.values / scale), np.int8)


def _write_weighted(writer: Writer, op: Weighted, graph: Graph, source: str, output: str) -> None:
    if isinstance(op, Conv):
        names = [_constant(writer, graph, name) for name in (op.weight, op.bias)]
        kernel = graph.constants[op.weight].values.shape[2:]
        pads: dict[str, object] = {"pads": op.pads}
    else:
        names = [_transposed(writer, graph, op), _constant(writer, graph, op.bias)]
        kernel = graph.constants[op.weight].values.shape[2:]
        # Rows and columns that are added after the end are ONNX's output_padding.
        top, left, bottom, right = op.pads
        pads = {
            "pads": (top, left, max(bottom, 0), max(right, 0)),
            "output_padding": (max(-bottom, 0), max(-right, 0)),
        }
    writer.node(
        type(op).__name__,
        [source, *names],
        output,
        op.name,
        kernel_shape=kernel,
        strides=op.strides,
        dilations=op.dilations,
        group=op.groups,
        **pads,
    )


def _transposed(writer: Writer, graph: Graph, op: ConvTranspose) -> str:
    """Weights (C_out, C_in / groups, ...) as ONNX's (C_in, C_out / groups, ...): integers where one
    axis has their scales, else float32."""
    constant, quant = graph.constants[op.weight], graph.constants[op.weight].quant
    out, per_group, *kernel = constant.values.shape
    integers = quant is not None and (op.groups == 1 or isinstance(quant.scale, float))
    values = constant.values
    if integers:
        values = _integers(constant)
    elif quant is not None and values.dtype.kind in "iu":
        values = values * np.asarray(quant.scale).reshape(-1, 1, 1, 1)
    split = values.reshape(op.groups, out // op.groups, per_group, *kernel)
    turned = split.transpose(0, 2, 1, 3, 4).reshape(op.groups * per_group, -1, *kernel)
    if not integers or quant is None:
        return writer.constant(f"{op.weight}:transposed", turned.astype(np.float32))
    name = writer.constant(f"{op.weight}:int", turned)
    return writer.dequantize(name, f"{op.weight}:transposed", quant, axis=1)


def _write_function(writer: Writer, op: Lookup, source: str, output: str) -> None:
    made = 0

    def write(function: Function, last: str | None) -> str:
        nonlocal made
        if function == X:
            return source
        if isinstance(function, int | float):
            return writer.constant(f"number:{function!r}", np.array(function, np.float32))
        clamped = as_clip(function)
        kind, *parts = ("clip", clamped[0]) if clamped else function
        inputs = [write(part, None) for part in parts]
        made += 1
        target, name = (last, op.name) if last else (f"{output}:{made}", f"{op.name}:{made}")
        if clamped:
            _write_clamp(writer, Clamp(*clamped[1:]), inputs[0], target, name)
            return target
        return writer.node(FUNCTIONS[kind], inputs, target, name)

    if write(op.function, output) != output:
        writer.node("Identity", [source], output, op.name)


def _write_average(writer: Writer, op: AveragePool, source: str, output: str) -> None:
    """Padding that counts is a Pad before the pool; the pool pads what does not count."""
    counted: Pads = (
        op.pads[0] - op.uncounted[0],
        op.pads[1] - op.uncounted[1],
        op.pads[2] - op.uncounted[2],
        op.pads[3] - op.uncounted[3],
    )
    single = op.kernel == (1, 1) and op.strides == (1, 1) and op.uncounted == NO_PADS
    if any(counted):
        padded = output if single else f"{output}:padded"
        source = _write_pad(writer, counted, 0.0, source, padded, f"{op.name}:pad")
    elif single:
        writer.node("Identity", [source], output, op.name)
    if not single:
        writer.node(
            "AveragePool",
            [source],
            output,
            op.name,
            kernel_shape=op.kernel,
            strides=op.strides,
            pads=op.uncounted,
        )


def _write_pad(
    writer: Writer,
    pads: Pads,
    value: float,
    source: str,
    output: str,
    name: str,
    *,
    channels: Pair = (0, 0),
) -> str:
    top, left, bottom, right = pads
    before, after = channels
    sizes = np.array([0, before, top, left, 0, after, bottom, right], np.int64)
    inputs = [
        source,
        writer.constant(f"{name}:pads", sizes),
        writer.constant(f"{name}:value", np.array(value, np.float32)),
    ]
    return writer.node("Pad", inputs, output, name)


def _write_select(writer: Writer, op: Select, graph: Graph, source: str, output: str) -> None:
    """A Gather per axis that changes; where axes mix, one of all values."""
    parts = separated(op, graph)
    shape, made = graph.shape(op.inputs[0]), graph.shape(op.output)
    if parts is None:
        index = graph.constants[op.index].values.reshape(-1).astype(np.int64)
        size = graph.tensors[op.inputs[0]].elements
        flat = writer.reshape(source, f"{output}:flat", [size], f"{op.name}:flat")
        names = [flat, writer.constant(op.index, index)]
        row = writer.node("Gather", names, f"{output}:row", op.name, axis=1)
        writer.reshape(row, output, made, f"{op.name}:map")
        return
    changed = [
        axis
        for axis, (part, size) in enumerate(zip(parts, shape, strict=True))
        if len(part) != size or (part != np.arange(size)).any()
    ]
    for axis in changed:
        index_name = writer.constant(f"{op.index}:{axis}", parts[axis])
        after = output if axis == changed[-1] else f"{output}:{axis}"
        source = writer.node("Gather", [source, index_name], after, op.name, axis=axis + 1)
    if not changed:
        writer.node("Identity", [source], output, op.name)


def _write_resize(writer: Writer, op: Resize, graph: Graph, source: str, output: str) -> None:
    rows, columns = (
        _float_values(graph.constants[name]).astype(np.float32) for name in (op.rows, op.columns)
    )
    sides = [
        (side, matrix)
        for side, matrix in (("rows", rows), ("columns", columns))
        if matrix.shape[0] != matrix.shape[1] or (matrix != np.eye(len(matrix))).any()
    ]
    for index, (side, matrix) in enumerate(sides):
        after = output if index == len(sides) - 1 else f"{output}:{side}"
        name = writer.constant(f"{op.name}.{side}", matrix if side == "rows" else matrix.T)
        inputs = [name, source] if side == "rows" else [source, name]
        source = writer.node("MatMul", inputs, after, f"{op.name}:{side}")
    if not sides:
        writer.node("Identity", [source], output, op.name)


def _float_values(constant: Constant) -> Array:
    if constant.quant is None:
        return constant.values
    return np.asarray(constant.values * constant.quant.scalar_scale)
