"""Networks to compare with onnxruntime, by name."""

from collections.abc import Callable

import numpy as np

from tests.models import ModelBuilder

Build = Callable[[ModelBuilder], str]
CASES: dict[str, tuple[tuple[int, ...], int, Build]] = {}


def case(name: str, shape: tuple[int, ...] = (4, 6, 5), opset: int = 13):
    """Register a network that `build` makes of the input 'x' of `shape`; it returns the output."""

    def register(build: Build) -> Build:
        assert name not in CASES
        CASES[name] = shape, opset, build
        return build

    return register


def ints(net: ModelBuilder, values: object, name: str) -> str:
    return net.constant(np.array(values, np.int64), name)
