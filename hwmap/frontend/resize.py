"""Resize and Upsample: nearest is a move of values, everything else a matrix per axis.

What the operator does to one axis is measured: onnxruntime runs it on positions (nearest) or on a
unit matrix (linear, cubic), so that every coordinate mode and rounding is that of the operator.
"""

from dataclasses import replace
from math import floor

import numpy as np
import onnx

from hwmap.errors import ModelError
from hwmap.frontend.movement import moved
from hwmap.frontend.node import MOST_ELEMENTS, Node, UnsupportedError, Value, check_size
from hwmap.frontend.runtime import Session
from hwmap.frontend.window import need_map
from hwmap.ir.ops import Resize
from hwmap.ir.types import Array

MOST_MEASURED = 4096
"""Rows or columns of a map that is resized."""


def resize(node: Node) -> Value:
    value = node.computed(0)
    if len(value.shape) == 3:
        return _resize_row(node, value)
    if len(value.shape) != 4:
        raise UnsupportedError(f"input must have shape [1, C, H, W], got {list(value.shape)}")
    size = need_map(value.shape)
    if max(size) > MOST_MEASURED:
        raise UnsupportedError(f"a map of {size} is larger than {MOST_MEASURED}")
    mode = node.attributes.get("mode", "nearest")
    if node.attributes.get("coordinate_transformation_mode") == "tf_crop_and_resize":
        raise UnsupportedError("coordinate_transformation_mode must not be tf_crop_and_resize")
    scales, sizes = _targets(node, value)
    if scales is not None and all(map(_keeps, size, scales)):
        scales = (1.0, 1.0)
    if mode == "nearest":
        rows, columns = (
            _measured(node, axis, np.arange(size[axis], dtype=np.float32)[None], scales, sizes)
            for axis in (0, 1)
        )
        row, column = (np.rint(m[0]).astype(np.int64) for m in (rows, columns))
        check_size((1, value.shape[1], len(row), len(column)), MOST_ELEMENTS)
        return moved(node, value, lambda a: a[:, :, row][:, :, :, column])
    matrices = [
        _measured(node, axis, np.eye(size[axis], dtype=np.float32), scales, sizes).T
        for axis in (0, 1)
    ]
    names = f"{node.name}.rows", f"{node.name}.columns"
    op = Resize(node.name, (node.tensor(0),), node.output, *names)
    shape = (*value.shape[:2], len(matrices[0]), len(matrices[1]))
    return node.emit(op, shape, dict(zip(names, matrices, strict=True)))


def _resize_row(node: Node, value: Value) -> Value:
    """[1, C, L] as a map of one row."""
    axes = [int(axis) % 3 for axis in node.attributes.get("axes", range(3))]
    inputs = list(node.inputs)
    attributes = dict(node.attributes)
    if 2 not in axes:
        raise UnsupportedError(f"axes must have the last one, got {axes}")
    attributes["axes"] = [axis + (axis == 2) for axis in axes]
    if "scales" in attributes:
        attributes["scales"] = [*attributes["scales"][:2], 1.0, *attributes["scales"][2:]]
    if "axes" not in node.attributes:
        attributes["axes"] = list(range(4))
        for position in range(1, len(inputs)):
            given = inputs[position]
            if given is not None and given.array is not None and given.array.size == 3:
                longer = np.insert(given.array, 2, 1)
                inputs[position] = replace(given, array=longer, shape=longer.shape)
    name, output = node.extra("row")
    row = moved(replace(node, name=name, outputs=(output,)), value, lambda a: a[:, :, None])
    inner = replace(node, inputs=(row, *inputs[1:]), attributes=attributes)
    return moved(node, resize(inner), lambda a: a[:, :, 0])


FloatPair = tuple[float, float]


def _targets(node: Node, value: Value) -> tuple[FloatPair | None, tuple[int, int] | None]:
    """The scales, or the sizes, of rows and columns."""
    position = {"Upsample": 1}.get(node.kind, 1 if node.opset < 11 else 2)
    axes = [int(a) % 4 for a in node.attributes.get("axes", range(4))]
    if node.kind == "Upsample" and "scales" in node.attributes:
        given = np.asarray(node.attributes["scales"])
    elif node.has(position) and node.array(position).size:
        given = node.array(position)
    elif node.has(3):
        wanted = _by_axis(node.array(3), axes, value.shape)
        if wanted[:2] != list(value.shape[:2]) or min(wanted) < 1:
            raise UnsupportedError(f"sizes must be [1, C, H, W], got {wanted}")
        policy = node.attributes.get("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            ratios = [size / value.shape[axis] for axis, size in enumerate(wanted) if axis in axes]
            ratio = min(ratios) if policy == "not_larger" else max(ratios)
            wanted[2:] = [floor(ratio * size + 0.5) for size in value.shape[2:]]
        return None, (int(wanted[2]), int(wanted[3]))
    else:
        raise UnsupportedError("scales and sizes are missing")
    scales = _by_axis(given, axes, [1.0] * 4)
    if scales[:2] != [1, 1] or not 0 < min(scales) <= max(scales) < MOST_MEASURED:
        raise UnsupportedError(f"scales must be [1, 1, above 0, above 0], got {scales}")
    return (scales[2], scales[3]), None


def _keeps(size: int, scale: float) -> bool:
    """Whether a scale leaves so many rows or columns as they are."""
    return floor(scale * size) == size


def _by_axis(given: Array, axes: list[int], default: object) -> list[float]:
    values = [float(v) for v in default]  # type: ignore[attr-defined]
    if len(given) != len(axes):
        raise UnsupportedError(f"{len(given)} scales or sizes for axes {axes}")
    for axis, item in zip(axes, given, strict=True):
        values[axis] = float(item)
    return values


def _measured(
    node: Node, axis: int, lines: Array, scales: FloatPair | None, sizes: tuple[int, int] | None
) -> Array:
    """What the operator makes of `lines` (count, size), each a row or column of a map."""
    count, size = lines.shape
    image = lines.reshape(1, count, size, 1) if axis == 0 else lines.reshape(1, count, 1, size)
    keep = {"mode", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside"}
    keep |= {"nearest_mode", "antialias", "extrapolation_value"}
    attributes = {k: v for k, v in node.attributes.items() if k in keep}
    constants = []
    inputs = ["x"]
    if scales is not None:
        target = np.ones(4, np.float32)
        target[2 + axis] = scales[axis]
        if _keeps(size, scales[axis]) and scales[axis] != 1:
            # onnxruntime copies a map that keeps its shape, whatever the scales; this one does not.
            target[3 - axis] = 2
        if node.kind == "Upsample" and node.opset < 9:
            attributes["scales"] = [float(v) for v in target]
        else:
            empty = [] if node.kind == "Upsample" or node.opset < 11 else ["roi"]
            inputs += [*empty, "scales"]
            constants = [onnx.numpy_helper.from_array(target, "scales")]
    else:
        assert sizes is not None
        whole = np.array(image.shape, np.int64)
        whole[2 + axis] = sizes[axis]
        inputs += ["roi", "none", "sizes"]
        constants = [onnx.numpy_helper.from_array(whole, "sizes")]
        constants.append(onnx.numpy_helper.from_array(np.zeros(0, np.float32), "none"))
    if "roi" in inputs:
        constants.append(onnx.numpy_helper.from_array(np.zeros(0, np.float32), "roi"))
    proto = onnx.helper.make_node(node.kind, inputs, ["y"], **attributes)
    float_type = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [proto],
        "resize",
        [onnx.helper.make_tensor_value_info("x", float_type, image.shape)],
        [onnx.helper.make_tensor_value_info("y", float_type, None)],
        constants,
    )
    opset = [onnx.helper.make_opsetid("", node.opset)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
    try:
        (result,) = Session(model.SerializeToString()).run({"x": image})
    except ModelError as error:
        raise UnsupportedError(str(error)) from error
    return np.asarray(result.take(0, axis=3 - axis)).reshape(count, -1)
