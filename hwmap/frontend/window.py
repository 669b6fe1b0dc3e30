"""Attributes of windows: kernels, strides, pads and what they make of a map's size."""

from collections.abc import Sequence

from hwmap.frontend.node import Node, UnsupportedError
from hwmap.ir.ops import Pads, Pair

MOST_SIDE = 1 << 20
"""Larger kernels, strides, dilations and pads are slips."""


def need_map(shape: Sequence[int]) -> tuple[int, int]:
    """Height and width of an ONNX shape [1, C, H, W], or of [1, C, L] as one row."""
    if len(shape) not in (3, 4) or shape[0] != 1:
        raise UnsupportedError(f"input must have shape [1, C, H, W], got {list(shape)}")
    return (1, shape[2]) if len(shape) == 3 else (shape[2], shape[3])


def map_shape(like: Sequence[int], channels: int, size: Pair) -> tuple[int, ...]:
    """The ONNX shape of a map of `size`, of the rank of `like`."""
    return (1, channels, size[1]) if len(like) == 3 else (1, channels, *size)


def pair(node: Node, attribute: str, shape: Sequence[int], *, least: int = 1) -> Pair:
    """A number for rows and one for columns; `least` where it is absent."""
    values = node.attributes.get(attribute) or [least] * (len(shape) - 2)
    if len(values) != len(shape) - 2 or not least <= min(values) <= max(values) < MOST_SIDE:
        raise UnsupportedError(
            f"{attribute} must be {len(shape) - 2} numbers from {least}, got {list(values)}"
        )
    return (int(values[-2]) if len(values) == 2 else least, int(values[-1]))


def spans_of(kernel: Pair, dilations: Pair) -> Pair:
    """Rows and columns that a dilated kernel covers."""
    rows, columns = ((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    return rows, columns


def pads_of(node: Node, shape: Sequence[int], spans: Pair, strides: Pair) -> Pads:
    """Top, left, bottom, right: given, or from `auto_pad`."""
    mode = node.attributes.get("auto_pad", "NOTSET")
    if mode in ("NOTSET", ""):
        return given_pads(node.attributes.get("pads"), shape)
    if mode == "VALID":
        return 0, 0, 0, 0
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise UnsupportedError(f"auto_pad '{mode}' is not known")
    before, after = [], []
    for size, span, stride in zip(need_map(shape), spans, strides, strict=True):
        total = max((-(-size // stride) - 1) * stride + span - size, 0)
        less, more = total // 2, total - total // 2
        before.append(less if mode == "SAME_UPPER" else more)
        after.append(more if mode == "SAME_UPPER" else less)
    return before[0], before[1], after[0], after[1]


def given_pads(pads: Sequence[int] | None, shape: Sequence[int]) -> Pads:
    """The attribute `pads` (None: absent) of a node that reads `shape`."""
    axes = len(shape) - 2
    values = [int(pad) for pad in pads or [0] * (2 * axes)]
    if len(values) != 2 * axes or not 0 <= min(values) <= max(values) < MOST_SIDE:
        raise UnsupportedError(f"pads must be {2 * axes} numbers from 0, got {values}")
    if axes == 1:
        return 0, values[0], 0, values[1]
    return values[0], values[1], values[2], values[3]


def output_size(size: Pair, spans: Pair, strides: Pair, pads: Pads) -> Pair:
    """Height and width of what a window writes that slides over a padded map of `size`."""
    height = (size[0] + pads[0] + pads[2] - spans[0]) // strides[0] + 1
    width = (size[1] + pads[1] + pads[3] - spans[1]) // strides[1] + 1
    if height < 1 or width < 1:
        raise UnsupportedError(
            f"a window of {spans[0]} x {spans[1]} is larger than the padded input {size}"
        )
    return height, width
