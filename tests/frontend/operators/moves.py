"""Moves of values: joins, cuts, orders, pads and resizes."""

import numpy as np
import onnx

from tests.frontend.cases import case, ints
from tests.models import ModelBuilder


@case("concat of channels")
def _(net: ModelBuilder) -> str:
    return net.node("Concat", "x", net.conv("x", (4, 3), (1, 1), name="a"), "x", name="y", axis=1)


for axis in (2, -1):

    @case(f"concat along axis {axis}")
    def _(net: ModelBuilder, axis: int = axis) -> str:
        return net.node("Concat", "x", net.node("Relu", "x", name="r"), name="y", axis=axis)


@case("concat of flat rows")
def _(net: ModelBuilder) -> str:
    rows = [net.node("Flatten", net.conv("x", (4, 2), (1, 1), name=n), name=f"{n}f") for n in "ab"]
    return net.node("Concat", *rows, name="y", axis=1)


@case("concat of detections")
def _(net: ModelBuilder) -> str:
    parts = []
    for name in "ab":
        a = net.conv("x", (4, 6), (1, 1), name=name)
        parts.append(net.node("Reshape", a, ints(net, [1, 3, -1], f"{name}s"), name=f"{name}r"))
    a = net.node("Concat", *parts, name="c", axis=2)
    return net.node("Transpose", a, name="y", perm=[0, 2, 1])


@case("split and join again", opset=11)
def _(net: ModelBuilder) -> str:
    net.nodes.append(onnx.helper.make_node("Split", ["x"], ["p", "q"], "split", axis=1,
                                           split=[1, 3]))  # fmt: skip
    q = net.node("Relu", "q", name="r")
    return net.node("Concat", q, "p", name="y", axis=1)


@case("split in equal parts", opset=18)
def _(net: ModelBuilder) -> str:
    net.nodes.append(onnx.helper.make_node("Split", ["x"], ["p", "q", "r"], "split", axis=2,
                                           num_outputs=3))  # fmt: skip
    return net.node("Add", "p", "r", name="y")


@case("slice with attributes", opset=9)
def _(net: ModelBuilder) -> str:
    return net.node("Slice", "x", name="y", starts=[1, -3], ends=[3, 100], axes=[1, 2])


@case("slice with steps")
def _(net: ModelBuilder) -> str:
    bounds = [ints(net, v, n) for v, n in (([5, -1], "s"), ([-100, 0], "e"), ([2, 3], "a"))]
    return net.node("Slice", "x", *bounds, ints(net, [-2, -1], "t"), name="y")


@case("gather channels")
def _(net: ModelBuilder) -> str:
    return net.node("Gather", "x", ints(net, [3, -4, 1, 1, 2], "i"), name="y", axis=1)


@case("gather one row")
def _(net: ModelBuilder) -> str:
    return net.node("Gather", "x", ints(net, 2, "i"), name="y", axis=2)


@case("channel shuffle", (6, 4, 5))
def _(net: ModelBuilder) -> str:
    a = net.node("Reshape", net.conv("x", (6, 6), (1, 1), name="c"),
                 ints(net, [1, 2, 3, 4, 5], "s"), name="a")  # fmt: skip
    a = net.node("Transpose", a, name="t", perm=[0, 2, 1, 3, 4])
    a = net.node("Reshape", a, ints(net, [0, -1, 4, 5], "u"), name="b")
    return net.conv(a, (6, 3), (3, 3), name="y")


@case("squeeze and unsqueeze", (4, 1, 5), opset=11)
def _(net: ModelBuilder) -> str:
    a = net.node("Squeeze", "x", name="a", axes=[2])
    a = net.node("Unsqueeze", net.node("Relu", a, name="r"), name="b", axes=[3])
    return net.node("Squeeze", net.node("Unsqueeze", a, name="c", axes=[-1]), name="y")


@case("squeeze and unsqueeze with inputs", (4, 1, 5))
def _(net: ModelBuilder) -> str:
    a = net.node("Squeeze", "x", ints(net, [2], "a0"), name="a")
    return net.node("Unsqueeze", a, ints(net, [1, 3], "a1"), name="y")


@case("expand and tile", (4, 1, 5))
def _(net: ModelBuilder) -> str:
    a = net.node("Expand", "x", ints(net, [1, 1, 3, 1], "s"), name="a")
    return net.node("Tile", a, ints(net, [1, 2, 1, 2], "r"), name="y")


for mode in ("DCR", "CRD"):

    @case(f"depth to space {mode}", (8, 3, 2))
    def _(net: ModelBuilder, mode: str = mode) -> str:
        return net.node("DepthToSpace", "x", name="y", blocksize=2, mode=mode)


@case("space to depth", (2, 6, 4))
def _(net: ModelBuilder) -> str:
    return net.node("SpaceToDepth", "x", name="y", blocksize=2)


for mode in ("constant", "edge", "reflect"):

    @case(f"pad {mode}")
    def _(net: ModelBuilder, mode: str = mode) -> str:
        pads = ints(net, [0, 0, 2, 1, 0, 0, 3, 2], "p")
        return net.conv(net.node("Pad", "x", pads, name="p0", mode=mode), (4, 3), (3, 3), name="y",
                        pads=[1] * 4)  # fmt: skip


@case("pad with a number, and cut")
def _(net: ModelBuilder) -> str:
    pads = ints(net, [0, 0, 2, -1, 0, 0, -3, 2], "p")
    return net.node("Pad", "x", pads, net.constant(np.float32(1.5), "v"), name="y")


@case("pad channels")
def _(net: ModelBuilder) -> str:
    a = net.node("Pad", "x", ints(net, [0, 2, 0, 0, 0, 3, 0, 0], "p"), name="p0")
    return net.node("Pad", a, ints(net, [0, 1, 1, 0, 0, 0, 2, 0], "q"), name="y")


@case("pad by attributes", opset=9)
def _(net: ModelBuilder) -> str:
    return net.node("Pad", "x", name="y", pads=[0, 0, 1, 0, 0, 0, 0, 1], value=-2.0)


@case("pad that a mean reads")
def _(net: ModelBuilder) -> str:
    a = net.node("Pad", "x", ints(net, [0, 0, 1, 1, 0, 0, 1, 1], "p"), name="p0")
    return net.node("AveragePool", a, name="y", kernel_shape=[3, 3], strides=[2, 2])


# Resizes

for mode in ("nearest", "linear", "cubic"):
    for coordinates in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"):

        @case(f"resize {mode} {coordinates}")
        def _(net: ModelBuilder, mode: str = mode, coordinates: str = coordinates) -> str:
            scales = net.constant(np.float32([1, 1, 2, 1.6]), "scales")
            return net.node("Resize", "x", "", scales, name="y", mode=mode,
                            coordinate_transformation_mode=coordinates)  # fmt: skip


@case("resize to sizes")
def _(net: ModelBuilder) -> str:
    sizes = ints(net, [1, 4, 3, 9], "sizes")
    return net.node("Resize", "x", "", "", sizes, name="y", mode="linear",
                    coordinate_transformation_mode="half_pixel")  # fmt: skip


@case("resize of some axes", opset=18)
def _(net: ModelBuilder) -> str:
    scales = net.constant(np.float32([2, 3]), "scales")
    return net.node("Resize", "x", "", scales, name="y", mode="nearest", axes=[2, 3])


@case("old resize", opset=10)
def _(net: ModelBuilder) -> str:
    return net.node("Resize", "x", net.constant(np.float32([1, 1, 2, 2]), "s"), name="y")


@case("upsample by attribute", opset=7)
def _(net: ModelBuilder) -> str:
    return net.node("Upsample", "x", name="y", scales=[1.0, 1.0, 2.0, 3.0])


@case("upsample by input", opset=9)
def _(net: ModelBuilder) -> str:
    scales = net.constant(np.float32([1, 1, 2, 2]), "s")
    return net.node("Upsample", "x", scales, name="y", mode="linear")
