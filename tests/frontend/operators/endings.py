"""Operators along one axis, at the end of networks; and choices by constants."""

import numpy as np

from tests.frontend.cases import case
from tests.models import ModelBuilder


def _single(name: str, kind: str, shape=(4, 6, 5), **attributes) -> None:
    @case(name, shape)
    def build(net: ModelBuilder) -> str:
        return net.node(kind, "x", name="y", **attributes)


for _kind in ("ReduceL1", "ReduceL2"):
    for _axis in (1, 2, -1):
        _single(f"{_kind} of axis {_axis}", _kind, axes=[_axis], keepdims=int(_axis == 2))
_single("unit vectors", "LpNormalization", axis=1)
_single("shares of rows", "LpNormalization", axis=2, p=1)


@case("an einsum of rows", (5, 6))
def _(net: ModelBuilder) -> str:
    return net.node("Einsum", "x", net.constant(net.rng.standard_normal((3, 6)), "w"), name="y",
                    equation="bij,kj->bki")  # fmt: skip


@case("an einsum of channels")
def _(net: ModelBuilder) -> str:
    weight = net.constant(net.rng.standard_normal((4, 3)).astype(np.float32), "w")
    return net.node("Einsum", "x", weight, name="y", equation="bchw,cd->bdhw")


@case("a choice of channels")
def _(net: ModelBuilder) -> str:
    mask = net.constant(np.array([True, False, True, True]).reshape(1, 4, 1, 1), "m")
    return net.node("Where", mask, "x", net.constant(np.float32(0.5), "half"), name="y")
