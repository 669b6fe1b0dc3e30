"""Ops of two tensors, or of one and constants."""

import numpy as np
import onnx

from tests.frontend.cases import case, ints
from tests.models import ModelBuilder

for kind in ("Add", "Sub", "Mul"):

    @case(f"{kind} of two tensors")
    def _(net: ModelBuilder, kind: str = kind) -> str:
        a, b = (net.conv("x", (4, 3), (1, 1), name=n) for n in "ab")
        return net.node("Relu", net.node(kind, a, b, name="sum"), name="y")


@case("add and multiply a tensor with itself")
def _(net: ModelBuilder) -> str:
    return net.node("Mul", *[net.node("Add", "x", "x", name="a")] * 2, name="y")


@case("sum of three", opset=9)
def _(net: ModelBuilder) -> str:
    parts = [net.conv("x", (4, 3), (1, 1), name=n) for n in "abc"]
    return net.node("Sum", *parts, name="y")


@case("squeeze and excite")
def _(net: ModelBuilder) -> str:
    a = net.node("GlobalAveragePool", "x", name="pool")
    a = net.node("Sigmoid", net.conv(a, (4, 4), (1, 1), name="c"), name="gate")
    return net.node("Mul", a, "x", name="y")


for kind, first in (("Add", 0), ("Sub", 0), ("Sub", 1), ("Mul", 1), ("Div", 0)):

    @case(f"{kind} with a constant per channel, {'first' if first else 'last'}")
    def _(net: ModelBuilder, kind: str = kind, first: int = first) -> str:
        constant = net.constant(net.rng.uniform(1, 2, (1, 4, 1, 1)), "k")
        inputs = (constant, "x") if first else ("x", constant)
        return net.node(kind, *inputs, name="y")


for kind, first in (("Max", 0), ("Min", 1), ("Pow", 0), ("Div", 1), ("Sub", 1)):

    @case(f"{kind} with a number, {'first' if first else 'last'}")
    def _(net: ModelBuilder, kind: str = kind, first: int = first) -> str:
        above = net.node("Sigmoid", "x", name="above")
        number = net.constant(np.float32(0.4), "k")
        return net.node(kind, *((number, above) if first else (above, number)), name="y")


@case("constants per channel of (height, width, channels)", (3, 6, 5))
def _(net: ModelBuilder) -> str:
    a = net.node("Transpose", net.conv("x", (3, 4), (1, 1), name="c"), name="t", perm=[0, 2, 3, 1])
    a = net.node("Add", a, net.constant(net.rng.standard_normal(4), "k"), name="bias")
    a = net.node("Transpose", net.node("Relu", a, name="r"), name="u", perm=[0, 3, 1, 2])
    return net.conv(a, (4, 2), (3, 3), name="y")


@case("normalization of a (height, width, channels) input", (6, 5, 3))
def _(net: ModelBuilder) -> str:
    a = net.node("Sub", "x", net.constant(net.rng.standard_normal((1, 1, 1, 3)), "m"), name="s")
    a = net.node("Div", a, net.constant(net.rng.uniform(1, 2, (1, 1, 1, 3)), "d"), name="v")
    a = net.node("Transpose", a, name="t", perm=[0, 3, 1, 2])
    return net.conv(a, (3, 2), (3, 3), name="y")


@case("linear layer with bias over rows", (5, 7))
def _(net: ModelBuilder) -> str:
    a = net.node("MatMul", "x", net.constant(net.rng.standard_normal((7, 3)), "w"), name="a")
    return net.node("Add", a, net.constant(net.rng.standard_normal(3), "b"), name="y")


@case("a constant for every pixel")
def _(net: ModelBuilder) -> str:
    return net.node("Add", "x", net.constant(net.rng.standard_normal((4, 6, 5)), "k"), name="y")


@case("decoding of a detector", (4, 3, 2))
def _(net: ModelBuilder) -> str:
    a = net.node("Reshape", net.conv("x", (4, 10), (1, 1), name="c"),
                 ints(net, [1, 2, 5, 3, 2], "s"), name="r")  # fmt: skip
    a = net.node("Sigmoid", net.node("Transpose", a, name="t", perm=[0, 1, 3, 4, 2]), name="g")
    net.nodes.append(onnx.helper.make_node("Split", [a, ints(net, [2, 3], "sizes")], ["xy", "wh"],
                                           "split", axis=4))  # fmt: skip
    grid = net.constant(net.rng.standard_normal((1, 1, 3, 2, 2)), "grid")
    xy = net.node("Mul", net.node("Add", "xy", grid, name="at"),
                  net.constant(np.float32(8), "stride"), name="xy8")  # fmt: skip
    joined = net.node("Concat", xy, "wh", name="joined", axis=4)
    return net.node("Reshape", joined, ints(net, [1, -1, 5], "flat"), name="y")
