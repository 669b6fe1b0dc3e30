"""Functions of one value."""

import numpy as np

from tests.frontend.cases import case
from tests.models import ModelBuilder

for kind, attributes in {
    "Abs": {},
    "Ceil": {},
    "Celu": {"alpha": 1.5},
    "Cos": {},
    "Elu": {"alpha": 0.7},
    "Erf": {},
    "Exp": {},
    "Floor": {},
    "HardSigmoid": {"alpha": 0.3, "beta": 0.4},
    "HardSwish": {},
    "LeakyRelu": {"alpha": 0.2},
    "Neg": {},
    "Relu": {},
    "Round": {},
    "Selu": {},
    "Sigmoid": {},
    "Sign": {},
    "Sin": {},
    "Softplus": {},
    "Softsign": {},
    "Tanh": {},
    "ThresholdedRelu": {"alpha": 0.2},
}.items():

    @case(kind, opset=14)
    def _(net: ModelBuilder, kind: str = kind, attributes: dict = attributes) -> str:
        return net.node(kind, net.conv("x", (4, 3), (1, 1), name="c"), name="y", **attributes)


for kind in ("Log", "Sqrt", "Reciprocal"):

    @case(kind)
    def _(net: ModelBuilder, kind: str = kind) -> str:
        above = net.node("Sigmoid", "x", name="above")
        return net.node(kind, above, name="y")


for mode in ("none", "tanh"):

    @case(f"Gelu {mode}", opset=20)
    def _(net: ModelBuilder, mode: str = mode) -> str:
        return net.node("Gelu", "x", name="y", approximate=mode)


@case("Mish", opset=18)
def _(net: ModelBuilder) -> str:
    return net.node("Mish", "x", name="y")


@case("silu as a pattern")
def _(net: ModelBuilder) -> str:
    a = net.conv("x", (4, 3), (1, 1), name="c")
    return net.node("Mul", net.node("Sigmoid", a, name="s"), a, name="y")


@case("hard swish as a pattern")
def _(net: ModelBuilder) -> str:
    a = net.conv("x", (4, 3), (1, 1), name="c")
    b = net.node("Add", a, net.constant(np.float32(3), "three"), name="b")
    bounds = net.constant(np.float32(0), "zero"), net.constant(np.float32(6), "six")
    b = net.node("Mul", a, net.node("Clip", b, *bounds, name="clip"), name="m")
    return net.node("Div", b, net.constant(np.float32(6), "six2"), name="y")


@case("prelu, one slope")
def _(net: ModelBuilder) -> str:
    return net.node("PRelu", "x", net.constant(np.float32([0.3]), "s"), name="y")


@case("prelu per channel")
def _(net: ModelBuilder) -> str:
    return net.node("PRelu", "x", net.constant(np.float32([[[0.1]], [[0.5]], [[-1]], [[2]]]), "s"),
                    name="y")  # fmt: skip


@case("clip by attributes", opset=9)
def _(net: ModelBuilder) -> str:
    return net.node("Clip", "x", name="y", min=-0.5, max=0.25)


@case("clip, upper bound only")
def _(net: ModelBuilder) -> str:
    return net.node("Clip", "x", "", net.constant(np.float32(0.5), "high"), name="y")


@case("clip with crossed bounds")
def _(net: ModelBuilder) -> str:
    bounds = net.constant(np.float32(1), "low"), net.constant(np.float32(-1), "high")
    return net.node("Clip", "x", *bounds, name="y")


@case("a value that several functions read")
def _(net: ModelBuilder) -> str:
    a = net.node("Relu", net.conv("x", (4, 3), (1, 1), name="c"), name="r")
    b = net.node("Sigmoid", a, name="s")
    return net.node("Add", net.node("Mul", a, b, name="m"), net.node("Tanh", a, name="t"), name="y")


@case("a long chain of functions")
def _(net: ModelBuilder) -> str:
    a = "x"
    for index in range(60):
        a = net.node("Tanh" if index % 2 else "Sigmoid", a, name=f"f{index}")
    return a
