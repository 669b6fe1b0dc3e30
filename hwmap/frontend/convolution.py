"""Operators with weights: Conv, ConvTranspose, Gemm, MatMul, BatchNormalization."""

from dataclasses import replace
from math import prod

import numpy as np

from hwmap.frontend.movement import moved
from hwmap.frontend.node import TRAINING_MODE, Node, UnsupportedError, Value
from hwmap.frontend.window import (
    given_pads,
    map_shape,
    need_map,
    output_size,
    pads_of,
    pair,
    spans_of,
)
from hwmap.ir.interpolate import blends
from hwmap.ir.ops import Affine, Conv, ConvTranspose, Linear, Pads, Pair, Resize
from hwmap.ir.types import Array, Quant

MEAN_TOLERANCE = 1e-3


def conv(node: Node) -> Value:
    shape, weight, kernel, groups = _weights(node)
    out, per_group = weight.shape[:2]
    _check_channels(shape, weight, groups, channels=per_group * groups)
    strides, dilations = pair(node, "strides", shape), pair(node, "dilations", shape)
    spans = spans_of(kernel, dilations)
    pads = pads_of(node, shape, spans, strides)
    size = output_size(need_map(shape), spans, strides, pads)
    op = Conv(
        node.name,
        (node.tensor(0),),
        node.output,
        *node.constant_pair,
        strides=strides,
        pads=pads,
        dilations=dilations,
        groups=groups,
        fixed=selects(weight),
    )
    grid = node.value(1).quant
    return node.emit_weights(op, map_shape(shape, out, size), weight, _bias(node, out), grid)


def _weights(node: Node) -> tuple[tuple[int, ...], Array, Pair, int]:
    """Shape of the input, weights with two axes of taps, kernel and groups of a convolution."""
    shape, weight = node.computed(0).shape, node.array(1)
    need_map(shape)
    if weight.ndim != len(shape):
        raise UnsupportedError(f"weights must have rank {len(shape)}, got {list(weight.shape)}")
    given = node.attributes.get("kernel_shape", weight.shape[2:])
    if list(given) != list(weight.shape[2:]):
        raise UnsupportedError(f"kernel_shape must be {list(weight.shape[2:])}, as the weights are")
    if weight.ndim == 3:
        weight = weight[:, :, None]
    groups = int(node.attributes.get("group", 1))
    if groups < 1:
        raise UnsupportedError(f"group must be at least 1, got {groups}")
    return shape, weight.astype(np.float32, copy=False), weight.shape[2:], groups


def _check_channels(shape: tuple[int, ...], weight: Array, groups: int, *, channels: int) -> None:
    if shape[1] != channels or len(weight) % groups:
        raise UnsupportedError(
            f"weights {list(weight.shape)} with group={groups} do not fit {shape[1]} input channels"
        )


def _bias(node: Node, channels: int) -> Array:
    if not node.has(2):
        return np.zeros(channels, np.float32)
    bias = node.array(2).astype(np.float32)
    if bias.shape != (channels,):
        raise UnsupportedError(f"bias must have shape [{channels}], got {list(bias.shape)}")
    return bias


def selects(weight: Array) -> bool:
    """Whether every output channel copies one input channel, or is zero."""
    if weight.shape[1] == 1 or weight.flat[0] not in (0, 1):
        return False
    ones = weight == 1
    one_each = bool((ones.sum((1, 2, 3)) <= 1).all())
    return one_each and bool((ones | (weight == 0)).all())


def conv_transpose(node: Node) -> Value:
    shape, weight, kernel, groups = _weights(node)
    channels, per_group = weight.shape[:2]
    _check_channels(shape, weight, groups, channels=channels)
    out = per_group * groups
    strides, dilations = pair(node, "strides", shape), pair(node, "dilations", shape)
    spans = spans_of(kernel, dilations)
    pads, size = _transposed_pads(node, shape, spans, strides)
    # ONNX has (C_in, C_out / groups, ...); ours is (C_out, C_in / groups, ...), as for Conv.
    split = weight.reshape(groups, channels // groups, per_group, *kernel)
    ours = split.transpose(0, 2, 1, 3, 4).reshape(out, channels // groups, *kernel)
    grid = node.value(1).quant
    if grid is not None and isinstance(grid.scale, tuple) and groups > 1:
        grid = None
    op = ConvTranspose(
        node.name,
        (node.tensor(0),),
        node.output,
        *node.constant_pair,
        strides=strides,
        pads=pads,
        dilations=dilations,
        groups=groups,
    )
    return node.emit_weights(op, map_shape(shape, out, size), ours, _bias(node, out), grid)


def _transposed_pads(
    node: Node, shape: tuple[int, ...], spans: Pair, strides: Pair
) -> tuple[Pads, Pair]:
    """What is cut off the full output, and the size of what is left (ONNX ConvTranspose)."""
    extra = pair(node, "output_padding", shape, least=0)
    full = [
        (size - 1) * stride + span
        for size, stride, span in zip(need_map(shape), strides, spans, strict=True)
    ]
    mode = node.attributes.get("auto_pad", "NOTSET")
    wanted = node.attributes.get("output_shape")
    if wanted is None and mode in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [size * stride for size, stride in zip(need_map(shape), strides, strict=True)]
    if wanted is None:
        pads = given_pads(None if mode == "VALID" else node.attributes.get("pads"), shape)
        top, left, bottom, right = pads
        cut = (top, left, bottom - extra[0], right - extra[1])
    else:
        sizes = [1, *wanted][-2:]
        totals = [f + e - w for f, e, w in zip(full, extra, sizes, strict=True)]
        halves = [total // 2 for total in totals]
        if mode != "SAME_UPPER":
            halves = [total - half for total, half in zip(totals, halves, strict=True)]
        ends = [t - h - e for t, h, e in zip(totals, halves, extra, strict=True)]
        cut = (halves[0], halves[1], ends[0], ends[1])
    height, width = full[0] - cut[0] - cut[2], full[1] - cut[1] - cut[3]
    if height < 1 or width < 1 or cut[0] < 0 or cut[1] < 0:
        raise UnsupportedError(f"pads {list(cut)} do not fit the full output of {full}")
    return cut, (height, width)


def gemm(node: Node) -> Value:
    left, right = (0, 1) if node.is_constant(1) else (1, 0)
    # A vector times a matrix is the transposed matrix times the vector, whichever side it is on.
    names = ("transA", "transB") if left == 0 else ("transB", "transA")
    matrix = _matrix(node, right)
    if bool(node.attributes.get(names[1], 0)) == (right == 0):
        matrix = matrix.T
    scale = np.float32(node.attributes.get("alpha", 1.0))
    bias = np.zeros(len(matrix), np.float32)
    if node.has(2):
        beta = np.float32(node.attributes.get("beta", 1.0))
        bias = _flat_bias(node.array(2) * beta, len(matrix))
    grid = _linear_grid(node, right, matrix) if scale == 1 else None
    matrix = scale * matrix if scale != 1 else matrix
    shape = node.computed(left).shape
    if left == 0 and prod(shape) > matrix.shape[1] and len(shape) == 2:
        turned = int(node.attributes.get("transA", 0))
        if shape[1 - turned] != matrix.shape[1]:
            raise UnsupportedError(f"multiplies {list(shape)} by {matrix.shape[1]} columns")
        rows = moved(node, node.computed(0), lambda a: a.T) if turned else node.computed(0)
        return _pointwise(replace(node, inputs=(rows,)), matrix, bias, grid)
    return _linear(node, left, matrix, bias, grid)


def matmul(node: Node) -> Value:
    left, right = (0, 1) if node.is_constant(1) else (1, 0)
    if not node.is_constant(right):
        raise UnsupportedError(
            "multiplies two computed tensors, which the accelerator does not; cut the network there"
        )
    matrix = _matrix(node, right)
    matrix = matrix.T if right == 1 else matrix
    shape = node.computed(left).shape
    grid = _linear_grid(node, right, matrix)
    rows = int(np.prod(shape)) // matrix.shape[1] if matrix.shape[1] else 0
    side = "rows" if right == 0 else "columns"
    resizes = _interpolates(matrix) and (right == 0 or blends(matrix) is not None)
    if len(shape) == 4 and shape[0] == 1 and resizes:
        return _resize(node, left, matrix, side)
    if rows == 1:
        return _linear(node, left, matrix, np.zeros(len(matrix), np.float32), grid)
    if len(shape) < 2 or shape[-1 if right == 1 else -2] != matrix.shape[1]:
        raise UnsupportedError(
            f"multiplies {list(shape)} by a matrix of shape {list(node.array(right).shape)}"
        )
    bias = np.zeros(len(matrix), np.float32)
    if right == 1:
        return _pointwise(node, matrix, bias, grid)
    # A matrix times columns: the rows of the transposed ones.
    columns = moved(node, node.computed(1), lambda a: a.swapaxes(-1, -2))
    made = _pointwise(replace(node, inputs=(columns,)), matrix, bias, grid)
    return moved(node, made, lambda a: a.swapaxes(-1, -2))


def einsum(node: Node) -> Value:
    """A linear layer in Einstein's notation: a tensor and a constant, with sums over axes that both
    have."""
    equation = str(node.attributes.get("equation", "")).replace(" ", "")
    left, arrow, target = equation.partition("->")
    terms = left.split(",")
    if not arrow or len(terms) != 2 or len(node.inputs) != 2:
        raise UnsupportedError(f"equation '{equation}' is not of two inputs and one output")
    constant = 1 if node.is_constant(1) else 0
    value, matrix = node.computed(1 - constant), node.array(constant).astype(np.float32)
    source, weights = _letters(terms[1 - constant], value.shape), terms[constant]
    target = _letters(target, (0,) * (len(source) + len(weights)), like=source)
    inner = [letter for letter in source if letter in weights]
    kept = [letter for letter in source if letter not in weights]
    outer = [letter for letter in weights if letter not in source]
    once = all(len(set(term)) == len(term) for term in (source, weights, target))
    if not once or not inner or "..." in weights or sorted(target) != sorted(kept + outer):
        raise UnsupportedError(
            f"equation '{equation}' is no linear layer: expected sums over axes that the tensor and"
            " the constant share, and no others"
        )
    if matrix.ndim != len(weights):
        raise UnsupportedError(f"equation '{equation}' does not fit {list(matrix.shape)}")
    order = [source.index(letter) for letter in kept + inner]
    sizes = [value.shape[source.index(letter)] for letter in kept]
    made = [matrix.shape[weights.index(letter)] for letter in outer]
    flat = matrix.transpose([weights.index(letter) for letter in outer + inner])
    flat = flat.reshape(prod(made), -1)
    name, output = node.extra("rows")
    turned = replace(node, name=name, outputs=(output,))
    rows = moved(turned, value, lambda a: a.transpose(order).reshape(-1, flat.shape[1]))
    bias = np.zeros(len(flat), np.float32)
    inner_node = replace(node, inputs=(rows,))
    if prod(sizes) == 1:
        product = _linear(inner_node, 0, flat, bias, None)
    else:
        product = _pointwise(inner_node, flat, bias, None)
    back = [(kept + outer).index(letter) for letter in target]
    return moved(node, product, lambda a: a.reshape(sizes + made).transpose(back))


def _letters(term: str, shape: tuple[int, ...], like: str = "") -> str:
    """A term with a letter for each axis: those of '...' become digits."""
    if "..." not in term:
        if len(term) != len(shape) and not like:
            raise UnsupportedError(f"term '{term}' does not fit {list(shape)}")
        return term
    count = len(shape) - len(term) + len("...")
    digits = "".join(filter(str.isdigit, like)) if like else "0123456789"[:count]
    return term.replace("...", digits)


def _interpolates(matrix: Array) -> bool:
    """Whether each row is a mean, as it is in the matrices that a Resize is exported as."""
    return bool(np.abs(matrix.sum(1) - 1).max() < MEAN_TOLERANCE and np.abs(matrix).max() < 2)


def _resize(node: Node, position: int, matrix: Array, side: str) -> Value:
    """A matrix that interpolates rows or columns of a map."""
    shape = list(node.computed(position).shape)
    axis = 2 if side == "rows" else 3
    if shape[axis] != matrix.shape[1]:
        raise UnsupportedError(f"multiplies {shape} by a matrix of {matrix.shape[1]} columns")
    other = np.eye(shape[5 - axis], dtype=np.float32)
    matrices = (matrix, other) if side == "rows" else (other, matrix)
    shape[axis] = len(matrix)
    names = f"{node.name}.rows", f"{node.name}.columns"
    op = Resize(node.name, (node.tensor(position),), node.output, *names)
    return node.emit(op, shape, dict(zip(names, matrices, strict=True)))


def _matrix(node: Node, position: int) -> Array:
    matrix = node.array(position)
    if matrix.ndim > 2:
        matrix = matrix.reshape(-1, *matrix.shape[-2:])
        if len(matrix) != 1:
            raise UnsupportedError("multiplies by several matrices; expected one")
        matrix = matrix[0]
    if matrix.ndim != 2:
        raise UnsupportedError(f"input {position} must be a matrix, got {list(matrix.shape)}")
    return matrix.astype(np.float32, copy=False)


def _linear_grid(node: Node, position: int, matrix: Array) -> Quant | None:
    """The grid of the weights, if its scales are per output."""
    grid = node.value(position).quant
    per_output = grid is not None and (
        isinstance(grid.scale, float) or len(grid.scale) == len(matrix)
    )
    return grid if per_output else None


def _flat_bias(bias: Array, channels: int) -> Array:
    if bias.size not in (1, channels):
        raise UnsupportedError(f"bias of shape {list(bias.shape)} is not one value per output")
    return np.broadcast_to(bias.reshape(-1), channels)


def _linear(node: Node, position: int, matrix: Array, bias: Array, grid: Quant | None) -> Value:
    """A matrix (outputs, inputs) times a vector."""
    value = node.computed(position)
    count = int(np.prod(value.shape))
    if count != matrix.shape[1]:
        raise UnsupportedError(f"multiplies {count} values by {matrix.shape[1]} columns")
    flat = value
    if value.shape != (1, count):
        index = None if value.index is None else value.index.reshape(1, count)
        flat = replace(
            value,
            shape=(1, count),
            index=index,
            name=f"{node.name}/flat",
            output=f"{value.output}:flat",
        )
    op = Linear(node.name, (node.draft.as_tensor(flat),), node.output, *node.constant_pair)
    made = node.emit_weights(op, (1, len(matrix)), matrix, bias, grid)
    last = value.shape[:-1] if position == 0 else value.shape[:-2]
    shape = (*last, len(matrix)) if position == 0 else (*last, len(matrix), 1)
    return Value(shape, tensor=made.tensor, name=node.name, output=node.output)


def _pointwise(node: Node, matrix: Array, bias: Array, grid: Quant | None) -> Value:
    """Rows of vectors times a matrix: a 1 x 1 convolution over the rows."""
    value = node.computed(0)
    inputs = matrix.shape[1]
    rows = prod(value.shape) // inputs
    if value.index is None:
        index = np.arange(rows * inputs, dtype=np.int32).reshape(rows, inputs)
    else:
        index = value.index.reshape(rows, inputs)
    turned = Value(
        (1, inputs, 1, rows),
        tensor=value.tensor,
        function=value.function,
        index=index.T,
        name=f"{node.name}/columns",
        output=f"{value.output}:columns",
    )
    name, output = node.extra("product")
    op = Conv(name, (node.draft.as_tensor(turned),), output, *node.constant_pair)
    made = node.emit_weights(
        op,
        (1, len(matrix), 1, rows),
        matrix[:, :, None, None],
        bias,
        grid,
    )
    back = np.arange(rows * len(matrix), dtype=np.int32).reshape(len(matrix), rows).T
    shape = (*value.shape[:-1], len(matrix))
    return Value(
        shape,
        tensor=made.tensor,
        index=back.reshape(shape),
        name=node.name,
        output=node.output,
    )


def batch_normalization(node: Node) -> Value:
    if node.attributes.get("training_mode", 0):
        raise UnsupportedError(TRAINING_MODE)
    shape = node.computed(0).shape
    gamma, beta, mean, variance = (node.array(i).astype(np.float64) for i in range(1, 5))
    if {item.shape for item in (gamma, beta, mean, variance)} != {(shape[1],)}:
        raise UnsupportedError(f"expected one value per channel ({shape[1]}) in each constant")
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    if variance.min() + epsilon <= 0:
        raise UnsupportedError("variance + epsilon must be above 0")
    scale = gamma / np.sqrt(variance + epsilon)
    return per_channel_affine(node, 0, scale, beta - mean * scale)


def per_channel_affine(node: Node, position: int, scale: Array, shift: Array) -> Value:
    """scale * x + shift, both one value per channel, of the input at `position`."""
    names = f"{node.name}.scale", f"{node.name}.shift"
    op = Affine(node.name, (node.tensor(position),), node.output, *names)
    arrays = (scale.astype(np.float32), shift.astype(np.float32))
    shape = node.computed(position).shape
    return node.emit(op, shape, dict(zip(names, arrays, strict=True)))
