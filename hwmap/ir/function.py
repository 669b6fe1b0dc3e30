"""Functions of one value, as expressions: what Sigmoid, HardSwish or x * tanh(softplus(x)) are.

A `Function` is `X`, a number, or a tuple of an operator and its arguments: ("mul", X, ("sigmoid",
X)). Chains of clamps and affine maps are kept simple, so that they can still become part of the
convolution before them.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from hwmap.ir.types import Array

Function = Any
"""X, a float, or (operator, *functions): a recursive type, which mypy cannot express in a dataclass
field that is compared and serialized."""

X = "x"
MOST_DEPTH = 40
"""Deeper expressions are cut into two lookups."""


def _sigmoid(x: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


_erf = np.vectorize(math.erf, otypes=[np.float64])

UNARY: dict[str, Callable[[Array], Array]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "cos": np.cos,
    "erf": lambda x: _erf(x),
    "exp": np.exp,
    "floor": np.floor,
    "log": np.log,
    "round": np.rint,
    "sigmoid": _sigmoid,
    "sign": np.sign,
    "sin": np.sin,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
}
BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "div": np.divide,
    "max": np.maximum,
    "min": np.minimum,
    "mul": np.multiply,
    "pow": np.power,
}


def apply(function: Function, x: Array) -> Array:
    """`function` of every value of `x`."""
    if function == X:
        return x
    if isinstance(function, int | float):
        return np.asarray(function, x.dtype)
    kind, *parts = function
    arguments = [apply(part, x) for part in parts]
    with np.errstate(all="ignore"):
        if kind in UNARY:
            return np.asarray(UNARY[kind](arguments[0]), x.dtype)
        return np.asarray(BINARY[kind](*arguments), x.dtype)


def depth(function: Function) -> int:
    """How deep operators are nested in it."""
    if not isinstance(function, tuple):
        return 0
    return 1 + max(depth(part) for part in function[1:])


def affine(function: Function, scale: float, shift: float) -> Function:
    """scale * function + shift; an affine map of an affine map is one."""
    if function != X:
        inner = _as_affine(function)
        if inner is not None:
            function, scale, shift = inner[0], inner[1] * scale, inner[2] * scale + shift
    if scale == 1 and shift == 0:
        return function
    return ("add", ("mul", function, float(scale)), float(shift))


def clip(function: Function, low: float, high: float) -> Function:
    """min(max(function, low), high); a clamp of a clamp is one."""
    inner = as_clip(function)
    if inner is not None:
        function, (low, high) = (
            inner[0],
            (
                min(max(inner[1], low), high),
                min(max(inner[2], low), high),
            ),
        )
    return ("min", ("max", function, float(low)), float(high))


def _as_affine(function: Function) -> tuple[Function, float, float] | None:
    match function:
        case ("add", ("mul", inner, float(scale)), float(shift)):
            return inner, scale, shift
    return None


def as_clip(function: Function) -> tuple[Function, float, float] | None:
    """The function under a clamp and the clamp's bounds, if `function` is one."""
    match function:
        case ("min", ("max", inner, float(low)), float(high)):
            return inner, low, high
    return None


LinearStep = tuple[str, float, float]
"""("affine", scale, shift) or ("clip", low, high)."""


def split_linear(function: Function) -> tuple[LinearStep, ...] | None:
    """The affine maps and clamps, first to last, that `function` is a chain of; or None."""
    steps: list[LinearStep] = []
    while function != X:
        inner, clamped = _as_affine(function), as_clip(function)
        if inner is not None:
            function, *numbers = inner
            steps.append(("affine", numbers[0], numbers[1]))
        elif clamped is not None:
            function, *numbers = clamped
            steps.append(("clip", numbers[0], numbers[1]))
        else:
            return None
    return tuple(reversed(steps))
