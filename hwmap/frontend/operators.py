"""One function per ONNX operator: a resolved node in, an op and its constants out."""

from collections.abc import Callable

import numpy as np

from hwmap.frontend.node import Imported, Node, UnsupportedError
from hwmap.ir.ops import (
    Add,
    Affine,
    AveragePool,
    Clamp,
    Clip,
    Conv,
    Linear,
    MaxPool,
    Pads,
    Pair,
    Reshape,
    Softmax,
)
from hwmap.ir.types import Array


def _conv(node: Node) -> Imported:
    source, weight = node.tensor(0), node.array(1).astype(np.float32)
    _need_rank(source.shape, 4)
    out, per_group = weight.shape[:2]
    groups = int(node.attributes.get("group", 1))
    if weight.ndim != 4 or groups < 1 or source.shape[1] != per_group * groups or out % groups:
        raise UnsupportedError(
            f"weights {list(weight.shape)} with group={groups} do not fit"
            f" {source.shape[1]} input channels"
        )
    bias = node.array(2).astype(np.float32) if node.has(2) else np.zeros(out, np.float32)
    kernel = (weight.shape[2], weight.shape[3])
    if list(node.attributes.get("kernel_shape", kernel)) != list(kernel):
        raise UnsupportedError(f"kernel_shape must be {list(kernel)}, as the weights are")
    dilations = _pair(node, "dilations")
    spans = ((kernel[0] - 1) * dilations[0] + 1, (kernel[1] - 1) * dilations[1] + 1)
    strides = _pair(node, "strides")
    pads = _pads(node, source.shape, spans, strides)
    height, width = _output_size(source.shape, spans, strides, pads)
    names = f"{node.name}.weight", f"{node.name}.bias"
    op = Conv(
        node.name,
        (source.name,),
        node.output,
        *names,
        strides=strides,
        pads=pads,
        dilations=dilations,
        groups=groups,
        fixed=_selects(weight),
    )
    return Imported((1, out, height, width), op, dict(zip(names, (weight, bias), strict=True)))


def _selects(weight: Array) -> bool:
    """Whether every output channel copies one input channel, or is zero."""
    ones = weight == 1
    one_each = bool((ones.sum((1, 2, 3)) <= 1).all())
    return weight.shape[1] > 1 and one_each and bool((ones | (weight == 0)).all())


def _gemm(node: Node) -> Imported:
    node.expect("transA", 0, 0)
    weight = node.array(1) * np.float32(node.attributes.get("alpha", 1.0))
    weight = weight if node.attributes.get("transB", 0) else weight.T
    bias = np.zeros(weight.shape[0], np.float32)
    if node.has(2):
        beta = np.float32(node.attributes.get("beta", 1.0))
        bias = _per_channel(node.array(2) * beta, weight.shape[0], rank=2)
    return _linear(node, weight, bias)


def _matmul(node: Node) -> Imported:
    weight = node.array(1).T
    if weight.ndim != 2:
        raise UnsupportedError(f"input 1 must be a matrix, got shape {list(weight.shape[::-1])}")
    return _linear(node, weight, np.zeros(weight.shape[0], np.float32))


def _linear(node: Node, weight: Array, bias: Array) -> Imported:
    source = node.tensor(0)
    _need_rank(source.shape, 2)
    if source.shape[1] != weight.shape[1]:
        raise UnsupportedError(f"multiplies {source.shape[1]} values by {weight.shape[1]} columns")
    names = f"{node.name}.weight", f"{node.name}.bias"
    arrays = (np.ascontiguousarray(weight, np.float32), np.asarray(bias, np.float32))
    op = Linear(node.name, (source.name,), node.output, *names)
    return Imported((1, weight.shape[0]), op, dict(zip(names, arrays, strict=True)))


def _batch_normalization(node: Node) -> Imported:
    node.expect("training_mode", 0, 0)
    source = node.tensor(0)
    gamma, beta, mean, variance = (node.array(i).astype(np.float64) for i in range(1, 5))
    scale = gamma / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    return _affine(node, scale, beta - mean * scale, source.shape)


def _affine(node: Node, scale: Array, shift: Array, shape: tuple[int, ...]) -> Imported:
    position = 0 if node.inputs[0] is not None and node.inputs[0].array is None else 1
    names = f"{node.name}.scale", f"{node.name}.shift"
    op = Affine(node.name, (node.tensor(position).name,), node.output, *names)
    arrays = (scale.astype(np.float32), shift.astype(np.float32))
    return Imported(shape, op, dict(zip(names, arrays, strict=True)))


def _relu(node: Node) -> Imported:
    source = node.tensor(0)
    return Imported(source.shape, Clip(node.name, (source.name,), node.output, Clamp(low=0.0)))


def _clip(node: Node) -> Imported:
    source = node.tensor(0)
    if node.opset < 11:
        bounds = [node.attributes.get("min", -np.inf), node.attributes.get("max", np.inf)]
    else:
        bounds = [-np.inf, np.inf]
        for position in (1, 2):
            if node.has(position):
                bounds[position - 1] = node.array(position).item()
    op = Clip(node.name, (source.name,), node.output, Clamp(float(bounds[0]), float(bounds[1])))
    return Imported(source.shape, op)


def _add(node: Node) -> Imported:
    left, right = node.inputs
    if left is None or right is None:
        raise UnsupportedError("needs two inputs")
    if left.array is not None or right.array is not None:
        tensor, position = (left, 1) if right.array is not None else (right, 0)
        channels = tensor.shape[1]
        shift = _per_channel(node.array(position), channels, rank=len(tensor.shape))
        return _affine(node, np.ones(channels), shift, tensor.shape)
    if left.shape != right.shape:
        raise UnsupportedError(f"adds {list(left.shape)} and {list(right.shape)}; expected equal")
    return Imported(left.shape, Add(node.name, (left.name, right.name), node.output))


def _max_pool(node: Node) -> Imported:
    node.expect("dilations", [1, 1], [1, 1])
    node.expect("storage_order", 0, 0)
    shape, kernel, strides, pads = _pool(node)
    op = MaxPool(node.name, (node.tensor(0).name,), node.output, kernel, strides, pads)
    return Imported(shape, op)


def _average_pool(node: Node) -> Imported:
    node.expect("dilations", [1, 1], [1, 1])
    shape, kernel, strides, pads = _pool(node)
    if any(pads) and not node.attributes.get("count_include_pad", 0):
        raise UnsupportedError(f"count_include_pad must be 1 where pads are {list(pads)}")
    op = AveragePool(node.name, (node.tensor(0).name,), node.output, kernel, strides, pads)
    return Imported(shape, op)


def _global_average_pool(node: Node) -> Imported:
    source = node.tensor(0)
    _need_rank(source.shape, 4)
    size = (source.shape[2], source.shape[3])
    op = AveragePool(node.name, (source.name,), node.output, size, (1, 1), (0, 0, 0, 0))
    return Imported((1, source.shape[1], 1, 1), op)


def _pool(node: Node) -> tuple[tuple[int, ...], Pair, Pair, Pads]:
    shape = node.tensor(0).shape
    _need_rank(shape, 4)
    rows, columns = node.attributes.get("kernel_shape", ())
    strides = _pair(node, "strides")
    pads = _pads(node, shape, (rows, columns), strides)
    if max(pads[0], pads[2]) >= rows or max(pads[1], pads[3]) >= columns:
        raise UnsupportedError(f"pads {list(pads)} must be smaller than the kernel {rows, columns}")
    height, width = _output_size(shape, (rows, columns), strides, pads)
    if node.attributes.get("ceil_mode", 0):
        left = (shape[2] + pads[0] + pads[2] - rows) % strides[0]
        left += (shape[3] + pads[1] + pads[3] - columns) % strides[1]
        if left:
            raise UnsupportedError("ceil_mode must be 0 where a window would be cut off")
    return (1, shape[1], height, width), (rows, columns), strides, pads


def _flatten(node: Node) -> Imported:
    source = node.tensor(0)
    axis = int(node.attributes.get("axis", 1))
    if axis % len(source.shape) != 1:
        raise UnsupportedError(f"axis must be 1, got {axis}")
    return _reshaped(node, (1, int(np.prod(source.shape))))


def _reshape(node: Node) -> Imported:
    source = node.tensor(0)
    target = [int(size) for size in node.array(1)]
    keep_zero = node.attributes.get("allowzero", 0)
    for i, size in enumerate(target):
        if size == 0 and not keep_zero and i < len(source.shape):
            target[i] = source.shape[i]
    total = int(np.prod(source.shape))
    if target.count(-1) == 1:
        rest = -int(np.prod(target))
        target[target.index(-1)] = total // rest if rest > 0 else 0
    if int(np.prod(target)) != total or min(target, default=0) < 1:
        raise UnsupportedError(f"reshapes {list(source.shape)} to {list(node.array(1))}")
    return _reshaped(node, tuple(target))


def _identity(node: Node) -> Imported:
    source = node.inputs[0]
    if source is not None and source.array is not None:
        return Imported(source.shape, array=source.array)
    return _reshaped(node, node.tensor(0).shape)


def _reshaped(node: Node, shape: tuple[int, ...]) -> Imported:
    return Imported(shape, Reshape(node.name, (node.tensor(0).name,), node.output))


def _softmax(node: Node) -> Imported:
    source = node.tensor(0)
    axis = int(node.attributes.get("axis", -1 if node.opset >= 13 else 1))
    if axis % len(source.shape) != 1 or any(size > 1 for size in source.shape[2:]):
        raise UnsupportedError(f"must be over the channels of a [1, C] tensor, got axis={axis}")
    return Imported(source.shape, Softmax(node.name, (source.name,), node.output))


def _constant(node: Node) -> Imported:
    kinds = {"value": None, "value_float": "f4", "value_floats": "f4", "value_int": "i8"}
    for name, dtype in (kinds | {"value_ints": "i8"}).items():
        if name in node.attributes:
            array = np.asarray(node.attributes[name], dtype)
            return Imported(array.shape, array=array)
    raise UnsupportedError(f"needs one of {', '.join(kinds)}, value_ints")


def _need_rank(shape: tuple[int, ...], rank: int) -> None:
    if len(shape) != rank:
        raise UnsupportedError(f"input must have rank {rank}, got shape {list(shape)}")


def _pair(node: Node, attribute: str) -> Pair:
    values = node.attributes.get(attribute, [1, 1])
    if len(values) != 2 or min(values) < 1:
        raise UnsupportedError(f"{attribute} must be two positive numbers, got {list(values)}")
    return int(values[0]), int(values[1])


def _pads(node: Node, shape: tuple[int, ...], spans: Pair, strides: Pair) -> Pads:
    """Top, left, bottom, right: given, or from `auto_pad`."""
    mode = node.attributes.get("auto_pad", "NOTSET")
    if mode in ("NOTSET", ""):
        pads = [int(pad) for pad in node.attributes.get("pads", [0, 0, 0, 0])]
        if len(pads) != 4 or min(pads) < 0:
            raise UnsupportedError(f"pads must be four numbers from 0, got {pads}")
        return pads[0], pads[1], pads[2], pads[3]
    if mode == "VALID":
        return 0, 0, 0, 0
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise UnsupportedError(f"auto_pad '{mode}' is not known")
    before, after = [], []
    for size, span, stride in zip(shape[2:], spans, strides, strict=True):
        total = max((-(-size // stride) - 1) * stride + span - size, 0)
        less, more = total // 2, total - total // 2
        before.append(less if mode == "SAME_UPPER" else more)
        after.append(more if mode == "SAME_UPPER" else less)
    return before[0], before[1], after[0], after[1]


def _output_size(shape: tuple[int, ...], spans: Pair, strides: Pair, pads: Pads) -> Pair:
    height = (shape[2] + pads[0] + pads[2] - spans[0]) // strides[0] + 1
    width = (shape[3] + pads[1] + pads[3] - spans[1]) // strides[1] + 1
    if height < 1 or width < 1:
        raise UnsupportedError(
            f"a window of {spans[0]} x {spans[1]} is larger than the padded input {shape[2:]}"
        )
    return height, width


def _per_channel(array: Array, channels: int, *, rank: int) -> Array:
    """A constant that broadcasts along everything but the channels, as (channels,)."""
    shape = (1,) * (rank - array.ndim) + array.shape
    if len(shape) != rank or any(
        n not in (1, channels if i == 1 else 1) for i, n in enumerate(shape)
    ):
        raise UnsupportedError(
            f"a constant of shape {list(array.shape)} is not one value per channel ({channels})"
        )
    return np.broadcast_to(array.reshape(-1), channels).astype(np.float32)


OPERATORS: dict[str, Callable[[Node], Imported]] = {
    "Add": _add,
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_normalization,
    "Clip": _clip,
    "Constant": _constant,
    "Conv": _conv,
    "Dropout": _identity,
    "Flatten": _flatten,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_average_pool,
    "Identity": _identity,
    "MatMul": _matmul,
    "MaxPool": _max_pool,
    "Relu": _relu,
    "Reshape": _reshape,
    "Softmax": _softmax,
}
