"""Tensors, constants and their number formats."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Integers = NDArray[np.int64]
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Quant:
    """An integer number format: value = scale * (integer - zero_point).

    `scale` is one float, or one per output channel (weights and biases).
    """

    width_bits: int
    signed: bool
    scale: float | tuple[float, ...]
    zero_point: int

    @property
    def low(self) -> int:
        """The smallest integer of the format."""
        return -(1 << (self.width_bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """The largest integer of the format."""
        return (1 << (self.width_bits - self.signed)) - 1

    @property
    def range(self) -> tuple[float, float]:
        """The values that the smallest and the largest integer stand for (one scale)."""
        low, high = self.dequantize(np.array([self.low, self.high]))
        return float(low), float(high)

    def quantize(self, values: NDArray[np.floating]) -> NDArray[np.int64]:
        """The nearest integers to `values` (any shape, one scale), saturated to the format."""
        integers = np.rint(np.asarray(values) / self.scalar_scale) + self.zero_point
        return np.asarray(np.clip(integers, self.low, self.high), np.int64)

    def dequantize(self, integers: NDArray[np.integer]) -> NDArray[np.float64]:
        """The values that `integers` (any shape, one scale) stand for."""
        return (integers.astype(np.float64) - self.zero_point) * self.scalar_scale

    @property
    def as_signed(self) -> "Quant":
        """The same grid in signed integers."""
        if self.signed:
            return self
        middle = 1 << (self.width_bits - 1)
        return replace(self, signed=True, zero_point=self.zero_point - middle)

    @property
    def scalar_scale(self) -> float:
        """The scale of a per-tensor format."""
        assert isinstance(self.scale, float)
        return self.scale


@dataclass(frozen=True)
class Tensor:
    """An activation: shape (channels, height, width), batch 1; `quant` is None while float.

    `given` is the format in which the host gives this input or takes this output of the network;
    None: float, of 16 bits if it is `half`. `host_shape` is the shape in which it does, where that
    is not (1, *shape), and `host_axes` the order in which it has the axes of (1, *shape) before it
    is shaped so, if another. `grid` is the integer format that the values of a float graph are
    rounded to (a QDQ model), if any.
    """

    name: str
    shape: Shape
    quant: Quant | None = None
    given: Quant | None = None
    host_shape: tuple[int, ...] = ()
    grid: Quant | None = None
    half: bool = False
    host_axes: tuple[int, ...] = ()

    def to_host(self, values: Array) -> Array:
        """Values (N, C, H, W) in the host's order and shape, of each image."""
        ordered = values.transpose(self.host_axes or (0, 1, 2, 3))
        shape = self.host_shape or (1, *self.shape)
        return ordered.reshape(len(values), *(shape[1:] if shape[0] == 1 else shape))

    def from_host(self, values: Array) -> Array:
        """The values (N, C, H, W) that the host has in its order, in whatever shape."""
        axes = self.host_axes or (0, 1, 2, 3)
        sizes = [(len(values), *self.shape)[axis] for axis in axes]
        return values.reshape(sizes).transpose(np.argsort(axes))

    @property
    def elements(self) -> int:
        """How many values it holds."""
        channels, height, width = self.shape
        return channels * height * width

    @property
    def integer(self) -> Quant:
        """The number format of a tensor of an integer graph."""
        assert self.quant is not None
        return self.quant


@dataclass(frozen=True, eq=False)
class Constant:
    """A read-only array that belongs to the network: weights (C_out, C_in / groups, K_h, K_w),
    biases (C_out,), or the factors of an affine map (C,). Beside integers, `quant` is their format;
    beside floats, a grid that they lie on (the weights of a QDQ model), or None."""

    values: Array
    quant: Quant | None = None

    def __post_init__(self) -> None:
        self.values.setflags(write=False)
