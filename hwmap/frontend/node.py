"""An ONNX node with its inputs resolved, and what an operator function makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hwmap.ir.ops import Op
from hwmap.ir.types import Array, Shape


class UnsupportedError(Exception):
    """This node cannot be imported; the reader collects the reasons of all nodes."""


@dataclass(frozen=True, eq=False)
class Value:
    """What an ONNX name stands for: a tensor computed at run time, or an array (a constant).

    `shape` is the ONNX shape, batch (1) first.
    """

    name: str
    shape: tuple[int, ...]
    array: Array | None = None


@dataclass(frozen=True, eq=False)
class Node:
    """One ONNX node. `inputs` has None where an optional input is absent."""

    name: str
    kind: str
    opset: int
    inputs: tuple[Value | None, ...]
    output: str
    attributes: Mapping[str, Any]

    def tensor(self, position: int) -> Value:
        """The input at `position`, which must be computed at run time."""
        value = self._input(position)
        if value.array is not None:
            raise UnsupportedError(f"input {position} must be a tensor, got a constant")
        return value

    def array(self, position: int) -> Array:
        """The input at `position`, which must be a constant of finite numbers."""
        value = self._input(position)
        if value.array is None:
            raise UnsupportedError(f"input {position} must be a constant, got '{value.name}'")
        if value.array.dtype.kind == "f" and not np.isfinite(value.array).all():
            raise UnsupportedError(f"constant '{value.name}' holds NaN or infinite values")
        return value.array

    def has(self, position: int) -> bool:
        """Whether the optional input at `position` is given."""
        return position < len(self.inputs) and self.inputs[position] is not None

    def _input(self, position: int) -> Value:
        if not self.has(position):
            raise UnsupportedError(f"input {position} is missing")
        value = self.inputs[position]
        assert value is not None
        return value

    def expect(self, attribute: str, allowed: object, default: object) -> None:
        """Refuse the node unless `attribute` has its one supported value."""
        found = self.attributes.get(attribute, default)
        if found != allowed:
            raise UnsupportedError(f"{attribute} must be {allowed}, got {found}")


@dataclass(frozen=True, eq=False)
class Imported:
    """What a node became: an op with its constants, or an array where all inputs are constant."""

    shape: tuple[int, ...]
    op: Op | None = None
    constants: Mapping[str, Array] = field(default_factory=dict)
    array: Array | None = None


def ir_shape(shape: tuple[int, ...]) -> Shape:
    """An ONNX shape of rank 2 to 4 with batch 1, as (channels, height, width)."""
    if not 2 <= len(shape) <= 4 or shape[0] != 1:
        raise UnsupportedError(f"shape {list(shape)} is not supported; expected [1, C, H, W]")
    if len(shape) == 3:
        raise UnsupportedError(f"shape {list(shape)} is not supported; expected rank 2 or 4")
    channels, height, width = (*shape[1:], 1, 1)[:3]
    return channels, height, width
