"""Convolutions and linear layers."""

from tests.frontend.cases import case, ints
from tests.models import ModelBuilder

# Convolutions


def _conv(name: str, kernel: tuple[int, int], shape=(4, 6, 5), out: int = 6, **attributes) -> None:
    @case(name, shape)
    def build(net: ModelBuilder) -> str:
        return net.conv("x", (shape[0], out), kernel, name="y", **attributes)


_conv("conv, asymmetric pads", (3, 2), pads=[0, 1, 2, 0])
_conv("conv, strides and dilations", (2, 3), strides=[2, 1], dilations=[3, 2])
_conv("conv, groups", (3, 3), group=2, pads=[1] * 4)
_conv("conv, depthwise", (3, 3), out=4, group=4, strides=[2, 2])
_conv("conv, depthwise with multiplier", (3, 3), out=8, group=4)
_conv("conv, same upper", (4, 3), strides=[2, 2], auto_pad="SAME_UPPER")
_conv("conv, same lower", (4, 3), strides=[2, 2], auto_pad="SAME_LOWER")
_conv("conv, valid", (4, 3), auto_pad="VALID")
_conv("conv, whole map", (6, 5))


@case("conv, one dimension", (4, 9))
def _(net: ModelBuilder) -> str:
    weight = net.constant(net.rng.standard_normal((6, 2, 3)), "w")
    a = net.node("Conv", "x", weight, name="a", group=2, pads=[1, 0], strides=[2])
    return net.node("MaxPool", a, name="y", kernel_shape=[2])


def _transposed(name: str, kernel: tuple[int, int], out: int = 6, **attributes) -> None:
    @case(name)
    def build(net: ModelBuilder) -> str:
        return net.transposed("x", (4, out), kernel, name="y", **attributes)


_transposed("transposed", (3, 2))
_transposed("transposed, strides and pads", (3, 4), strides=[2, 3], pads=[1, 0, 0, 2])
_transposed("transposed, output padding", (3, 3), strides=[2, 2], output_padding=[1, 1])
_transposed("transposed, kernel below stride", (1, 2), strides=[3, 3])
_transposed("transposed, groups and dilations", (2, 3), group=2, dilations=[2, 3], strides=[2, 1])
_transposed("transposed, depthwise", (3, 3), out=4, group=4, strides=[2, 2], pads=[1] * 4)
_transposed("transposed, output shape", (3, 3), strides=[2, 2], output_shape=[11, 10])
_transposed("transposed, same upper", (3, 3), strides=[2, 2], auto_pad="SAME_UPPER")
_transposed("transposed, same lower", (2, 3), strides=[2, 2], auto_pad="SAME_LOWER")


# Linear layers


@case("gemm without bias", (7,))
def _(net: ModelBuilder) -> str:
    weight = net.constant(net.rng.standard_normal((3, 7)), "w")
    return net.node("Gemm", "x", weight, name="y", transB=1)


@case("matmul and add", (7,))
def _(net: ModelBuilder) -> str:
    a = net.node("MatMul", "x", net.constant(net.rng.standard_normal((7, 5)), "w"), name="a")
    return net.node("Add", net.constant(net.rng.standard_normal(5), "b"), a, name="y")


@case("matmul of a matrix and a vector", (7,))
def _(net: ModelBuilder) -> str:
    column = net.node("Reshape", "x", ints(net, [7, 1], "s"), name="v")
    return net.node("MatMul", net.constant(net.rng.standard_normal((5, 7)), "w"), column, name="y")


@case("matmul of rows", (5, 7))
def _(net: ModelBuilder) -> str:
    a = net.node("MatMul", "x", net.constant(net.rng.standard_normal((7, 3)), "w"), name="a")
    a = net.node("Relu", a, name="r")
    return net.node("MatMul", a, net.constant(net.rng.standard_normal((3, 2)), "v"), name="y")


@case("linear layer after a map", (4, 3, 2))
def _(net: ModelBuilder) -> str:
    a = net.node("Relu", net.node("Flatten", "x", name="f"), name="r")
    return net.gemm(a, (24, 5), name="y")


@case("batch normalization before and after a convolution")
def _(net: ModelBuilder) -> str:
    parts = [net.constant(net.rng.uniform(0.5, 2, 4), f"a{i}") for i in range(4)]
    a = net.node("BatchNormalization", "x", *parts, name="before", epsilon=1e-3)
    a = net.conv(a, (4, 6), (3, 3), name="c")
    parts = [net.constant(net.rng.uniform(0.5, 2, 6), f"b{i}") for i in range(4)]
    return net.node("BatchNormalization", a, *parts, name="y")


@case("batch normalization before a padded convolution")
def _(net: ModelBuilder) -> str:
    parts = [net.constant(net.rng.uniform(0.5, 2, 4), f"a{i}") for i in range(4)]
    a = net.node("BatchNormalization", "x", *parts, name="before")
    return net.conv(a, (4, 6), (3, 3), name="y", pads=[1] * 4)


@case("scale before a padded depthwise convolution")
def _(net: ModelBuilder) -> str:
    a = net.node("Mul", "x", net.constant(net.rng.uniform(1, 2, (4, 1, 1)), "s"), name="a")
    return net.conv(a, (4, 4), (3, 3), name="y", group=4, pads=[1] * 4)
