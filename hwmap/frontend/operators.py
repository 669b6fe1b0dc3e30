"""The ONNX operators: which function imports each of them."""

from collections.abc import Callable, Iterable
from functools import partial

from hwmap.frontend import (
    convolution,
    extending,
    folding,
    last,
    movement,
    pointwise,
    pooling,
    quantized,
    resize,
)
from hwmap.frontend.folding import ARITHMETIC, folded
from hwmap.frontend.node import Node, UnsupportedError, Value

Import = Callable[[Node], Value | tuple[Value, ...]]

OPERATORS: dict[str, Import] = {
    "ArgMax": last.arg_extreme,
    "ArgMin": last.arg_extreme,
    "AveragePool": pooling.average_pool,
    "BatchNormalization": convolution.batch_normalization,
    "Cast": quantized.cast,
    "Clip": quantized.clip,
    "Concat": quantized.on_integers(extending.concat),
    "Constant": folding.constant,
    "ConstantOfShape": folding.constant_of_shape,
    "Conv": convolution.conv,
    "ConvTranspose": convolution.conv_transpose,
    "DepthToSpace": movement.depth_to_space,
    "DequantizeLinear": quantized.dequantize_linear,
    "Dropout": movement.dropout,
    "Einsum": convolution.einsum,
    "Expand": movement.expand,
    "Flatten": movement.flatten,
    "Gather": movement.gather,
    "Gemm": convolution.gemm,
    "GlobalAveragePool": pooling.global_average_pool,
    "GlobalMaxPool": quantized.on_integers(pooling.global_max_pool),
    "Identity": movement.identity,
    "LRN": pooling.local_norm,
    "LogSoftmax": last.softmax,
    "LpNormalization": last.lp_normalization,
    "MatMul": convolution.matmul,
    "MaxPool": quantized.on_integers(pooling.max_pool),
    "PRelu": pointwise.prelu,
    "Pad": extending.pad,
    "QuantizeLinear": quantized.quantize_linear,
    "Range": folding.range_of,
    "ReduceL1": last.reduce_norm,
    "ReduceL2": last.reduce_norm,
    "ReduceMax": quantized.on_integers(pooling.reduce_max),
    "ReduceMean": pooling.reduce_mean,
    "ReduceSum": pooling.reduce_sum,
    "Reshape": movement.reshape,
    "Resize": quantized.resize_integers,
    "Shape": folding.shape_of,
    "Size": folding.size_of,
    "Slice": movement.slice_node,
    "Softmax": last.softmax,
    "SpaceToDepth": movement.space_to_depth,
    "Split": movement.split,
    "Squeeze": movement.squeeze,
    "TopK": last.top_k,
    "Tile": movement.tile,
    "Transpose": movement.transpose,
    "Unsqueeze": movement.unsqueeze,
    "Upsample": resize.resize,
    "Where": pointwise.where,
    **{kind: partial(pointwise.mapped, build) for kind, build in pointwise.UNARY.items()},
    **{
        kind: partial(pointwise.binary, kind)
        for kind in ("Add", "Div", "Max", "Min", "Mul", "Pow", "Sub")
    },
    "Sum": partial(pointwise.binary, "Add"),
}
"""Operators that are imported where an input is computed at run time."""

WINDOW = "auto_pad dilations kernel_shape pads strides"
REDUCTION = "axes keepdims noop_with_empty_axes"
QUANTIZATION = "axis block_size output_dtype precision saturate"
ATTRIBUTES = {
    "ArgMax": "axis keepdims select_last_index",
    "ArgMin": "axis keepdims select_last_index",
    "AveragePool": f"{WINDOW} ceil_mode count_include_pad",
    "BatchNormalization": "epsilon momentum spatial training_mode",
    "Cast": "to saturate",
    "Celu": "alpha",
    "Clip": "max min",
    "Concat": "axis",
    "Constant": "value value_float value_floats value_int value_ints",
    "ConstantOfShape": "value",
    "Conv": f"{WINDOW} group",
    "ConvTranspose": f"{WINDOW} group output_padding output_shape",
    "DepthToSpace": "blocksize mode",
    "DequantizeLinear": QUANTIZATION,
    "Dropout": "ratio seed",
    "Einsum": "equation",
    "Elu": "alpha",
    "Flatten": "axis",
    "Gather": "axis",
    "Gelu": "approximate",
    "Gemm": "alpha beta transA transB",
    "HardSigmoid": "alpha beta",
    "LRN": "alpha beta bias size",
    "LeakyRelu": "alpha",
    "LogSoftmax": "axis",
    "LpNormalization": "axis p",
    "MaxPool": f"{WINDOW} ceil_mode storage_order",
    "Pad": "mode pads value",
    "QuantizeLinear": QUANTIZATION,
    "ReduceL1": REDUCTION,
    "ReduceL2": REDUCTION,
    "ReduceMax": REDUCTION,
    "ReduceMean": REDUCTION,
    "ReduceSum": REDUCTION,
    "Reshape": "allowzero shape",
    "Resize": "antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside"
    " extrapolation_value keep_aspect_ratio_policy mode nearest_mode",
    "Selu": "alpha gamma",
    "Shape": "end start",
    "Slice": "axes ends starts",
    "Softmax": "axis",
    "SpaceToDepth": "blocksize mode",
    "Split": "axis num_outputs split",
    "Squeeze": "axes",
    "Swish": "alpha",
    "ThresholdedRelu": "alpha",
    "TopK": "axis k largest sorted",
    "Transpose": "perm",
    "Unsqueeze": "axes",
    "Upsample": "mode scales",
}
"""The attributes that are imported, or change nothing at inference; all others are refused."""

SUPPORTED = tuple(sorted(OPERATORS))


def is_supported(kind: str, inputs: Iterable[Value | None]) -> bool:
    """Whether there is a function for the operator `kind` with these inputs."""
    return kind in OPERATORS or (kind in ARITHMETIC and _are_constant(inputs))


def _are_constant(inputs: Iterable[Value | None]) -> bool:
    given = [value for value in inputs if value is not None]
    return bool(given) and all(value.array is not None for value in given)


def import_node(node: Node) -> tuple[Value, ...]:
    """What `node` computes, one value per output.

    Raises:
        UnsupportedError: with the reason.
    """
    if node.kind in ARITHMETIC and _are_constant(node.inputs):
        return (folded(node),)
    known = ATTRIBUTES.get(node.kind, "").split()
    unknown = [name for name in node.attributes if name not in known]
    if unknown:
        raise UnsupportedError(
            f"attribute '{unknown[0]}' is not known, got {node.attributes[unknown[0]]}"
        )
    values = OPERATORS[node.kind](node)
    return values if isinstance(values, tuple) else (values,)
