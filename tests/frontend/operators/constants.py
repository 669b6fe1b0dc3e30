"""Constants made of constants, shapes, and ops that do nothing."""

import numpy as np
import onnx

from tests.frontend.cases import case, ints
from tests.models import ModelBuilder


@case("shapes computed at run time")
def _(net: ModelBuilder) -> str:
    shape = net.node("Shape", "x", name="shape")
    channels = net.node("Gather", shape, ints(net, 1, "one"), name="channels", axis=0)
    channels = net.node("Unsqueeze", channels, ints(net, [0], "zero"), name="c")
    half = net.node("Div", channels, ints(net, [2], "two"), name="half")
    target = net.node("Concat", ints(net, [1], "b"), half, ints(net, [-1], "rest"), name="target",
                      axis=0)  # fmt: skip
    a = net.node("Reshape", "x", net.node("Cast", target, name="cast", to=7), name="a")
    back = net.node("Reshape", a, shape, name="y")
    return back


@case("constants made of constants")
def _(net: ModelBuilder) -> str:
    shape = ints(net, [3, 4, 1, 1], "shape")
    value = onnx.numpy_helper.from_array(np.float32([0.5]))
    weight = net.node("ConstantOfShape", shape, name="weight", value=value)
    noise = net.constant(net.rng.standard_normal((3, 4, 1, 1)), "noise")
    weight = net.node("Add", weight, net.node("Sin", noise, name="sin"), name="sum")
    return net.node("Conv", "x", weight, name="y")


@case("identities and dropout", opset=11)
def _(net: ModelBuilder) -> str:
    a = net.node("Identity", net.node("Dropout", "x", name="d"), name="i")
    return net.node("Cast", net.node("Relu", a, name="r"), name="y", to=1)
