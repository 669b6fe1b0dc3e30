"""The ops of the dataflow graph: a closed union of frozen dataclasses.

Ops are data. A question about an op is one `match` in the room that asks it, closed by
`assert_never`, so that mypy lists every place that a new op must visit.

The front end produces any of them. After the passes an accelerator's part has only `HardwareOp`s,
which have an exact integer form and run on the engine.
"""

from dataclasses import dataclass
from math import inf
from typing import assert_never

from hwmap.ir.function import Function
from hwmap.ir.types import Array, Quant

Pair = tuple[int, int]
Pads = tuple[int, int, int, int]
NO_PADS: Pads = (0, 0, 0, 0)


@dataclass(frozen=True)
class Clamp:
    """y = min(max(x, low), high): what Relu, Relu6 and Clip are."""

    low: float = -inf
    high: float = inf

    def then(self, other: "Clamp") -> "Clamp":
        """This clamp followed by `other`, as one."""
        low = min(max(self.low, other.low), other.high)
        return Clamp(low, max(low, min(self.high, other.high)))


NO_CLAMP = Clamp()


@dataclass(frozen=True)
class Conv:
    """A convolution. `weight` (C_out, C_in / groups, K_h, K_w) and `bias` (C_out,) name constants.

    `pads` are top, left, bottom, right; padded values are zero (in an integer graph: the zero
    point of the input). `fixed` says that the weights only select channels (zeros and ones): they
    are no learned weights, and are never decomposed. `factor` says that it is part of a
    decomposition, and is not decomposed again.
    """

    name: str
    inputs: tuple[str, ...]
    output: str
    weight: str
    bias: str
    strides: Pair = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    dilations: Pair = (1, 1)
    groups: int = 1
    clamp: Clamp = NO_CLAMP
    fixed: bool = False
    factor: bool = False


@dataclass(frozen=True)
class ConvTranspose:
    """A transposed convolution: every input pixel adds its multiple of the kernel to the output.

    `weight` (C_out, C_in / groups, K_h, K_w) and `bias` (C_out,) name constants. `pads` are cut off
    the output; below 0 they add rows or columns that hold the bias only. `fixed`: as for Conv.
    """

    name: str
    inputs: tuple[str, ...]
    output: str
    weight: str
    bias: str
    strides: Pair = (1, 1)
    pads: Pads = NO_PADS
    dilations: Pair = (1, 1)
    groups: int = 1
    clamp: Clamp = NO_CLAMP
    fixed: bool = False


@dataclass(frozen=True)
class Linear:
    """y = W x + b on a (C, 1, 1) tensor; `weight` is (C_out, C)."""

    name: str
    inputs: tuple[str, ...]
    output: str
    weight: str
    bias: str


@dataclass(frozen=True)
class Affine:
    """y = scale * x + shift: batch normalization, or a constant that is added. The constants are
    (C,), or both (C, H, W): one for every pixel, which is not on hardware."""

    name: str
    inputs: tuple[str, ...]
    output: str
    scale: str
    shift: str


@dataclass(frozen=True)
class Clip:
    """A clamp that stands alone (Relu, Clip)."""

    name: str
    inputs: tuple[str, ...]
    output: str
    clamp: Clamp


@dataclass(frozen=True)
class Lookup:
    """y = function(x), value by value. In an integer graph `table` names a constant of 256 int8: y
    for x = -128, -127 ... 127."""

    name: str
    inputs: tuple[str, ...]
    output: str
    function: Function
    table: str = ""


@dataclass(frozen=True)
class Add:
    """signs[0] * a + signs[1] * b for two tensors of the same shape; the signs are 1 or -1."""

    name: str
    inputs: tuple[str, ...]
    output: str
    clamp: Clamp = NO_CLAMP
    signs: Pair = (1, 1)


@dataclass(frozen=True)
class Mul:
    """The product of a tensor and one of the same shape, or one value per channel (C, 1, 1)."""

    name: str
    inputs: tuple[str, ...]
    output: str
    clamp: Clamp = NO_CLAMP


@dataclass(frozen=True)
class Concat:
    """Tensors one after the other along `axis`: 0 channels, 1 rows, 2 columns."""

    name: str
    inputs: tuple[str, ...]
    output: str
    axis: int


@dataclass(frozen=True)
class MaxPool:
    """The largest value under each window; padded values never win."""

    name: str
    inputs: tuple[str, ...]
    output: str
    kernel: Pair
    strides: Pair
    pads: Pads
    dilations: Pair = (1, 1)


@dataclass(frozen=True)
class AveragePool:
    """The mean under each window. Padded zeros count as values, but for the outermost `uncounted`
    rows and columns of the padding."""

    name: str
    inputs: tuple[str, ...]
    output: str
    kernel: Pair
    strides: Pair
    pads: Pads
    clamp: Clamp = NO_CLAMP
    uncounted: Pads = NO_PADS


@dataclass(frozen=True)
class Pad:
    """Rows and columns of `value`, and channels of zeros, around a tensor."""

    name: str
    inputs: tuple[str, ...]
    output: str
    pads: Pads
    value: float
    channels: Pair = (0, 0)


@dataclass(frozen=True)
class Select:
    """Output element i is input element index[i], both in the order (channels, height, width).

    `index` names a constant of the output's shape: a permutation, a slice, repeated rows ...
    """

    name: str
    inputs: tuple[str, ...]
    output: str
    index: str


@dataclass(frozen=True)
class Resize:
    """y = rows * x * columns^T per channel: interpolation, with constants `rows` (H_out, H) and
    `columns` (W_out, W)."""

    name: str
    inputs: tuple[str, ...]
    output: str
    rows: str
    columns: str


@dataclass(frozen=True)
class LocalNorm:
    """Local response normalization over `size` neighbouring channels (ONNX LRN):
    y = x / (bias + alpha / size * sum of squares) ** beta."""

    name: str
    inputs: tuple[str, ...]
    output: str
    size: int
    alpha: float
    beta: float
    bias: float


@dataclass(frozen=True)
class Reshape:
    """The same values in another shape; the order is that of (channels, height, width)."""

    name: str
    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True)
class FakeQuant:
    """The nearest value on the grid of `quant`: QuantizeLinear and DequantizeLinear together."""

    name: str
    inputs: tuple[str, ...]
    output: str
    quant: Quant


@dataclass(frozen=True)
class Softmax:
    """Over the channels (axis 0), rows (1) or columns (2); with `log` its logarithm."""

    name: str
    inputs: tuple[str, ...]
    output: str
    axis: int = 0
    log: bool = False


@dataclass(frozen=True)
class Norm:
    """The norm of the `power` 1 or 2 along an axis (0 channels, 1 rows, 2 columns), which then has
    one value."""

    name: str
    inputs: tuple[str, ...]
    output: str
    axis: int
    power: int


@dataclass(frozen=True)
class TopK:
    """The `count` largest (or smallest) values along an axis, best first, of equal ones the first;
    or their `positions`."""

    name: str
    inputs: tuple[str, ...]
    output: str
    axis: int
    count: int
    largest: bool
    positions: bool


HardwareOp = (
    Conv | ConvTranspose | Add | Mul | Lookup | Concat | MaxPool | AveragePool | Select | Resize
)
"""What the engine runs (a Select and a Resize where they are regular, see `passes/hardware.py`)."""
HostOp = Softmax | Norm | TopK
"""What only the host computes."""
Op = HardwareOp | Linear | Affine | Clip | Pad | LocalNorm | Reshape | FakeQuant | HostOp
Weighted = Conv | ConvTranspose
"""Ops with learned weights (C_out, C_in / groups, K_h, K_w) and a bias per output channel."""


def is_depthwise(op: Weighted, channels_in: int, channels_out: int) -> bool:
    """Whether each output channel reads the input channel of the same number, and no other."""
    return op.groups == channels_in == channels_out


def per_channel(*arrays: Array) -> tuple[Array, ...]:
    """Arrays (C, H, W) as (C,), if in all of them every pixel of a channel has the same value; else
    as they are."""
    equal = all(bool((array == array[:, :1, :1]).all()) for array in arrays)
    return tuple(array[:, 0, 0] for array in arrays) if equal else arrays


def copies_values(op: Op) -> bool:
    """Whether `op` only writes values that it read, and in the same format (or zeros)."""
    match op:
        case MaxPool() | Select():
            return True
        case Conv():
            return op.fixed and op.clamp == NO_CLAMP
        case ConvTranspose() | Linear() | Affine() | Clip() | Lookup() | Add() | Mul() | Concat():
            return False
        case AveragePool() | Pad() | Resize() | LocalNorm() | Reshape() | FakeQuant():
            return False
        case Softmax() | Norm() | TopK():
            return False
        case _:
            assert_never(op)


def constant_names(op: Op) -> tuple[str, ...]:
    """The constants that `op` reads."""
    match op:
        case Conv() | ConvTranspose() | Linear():
            return (op.weight, op.bias)
        case Affine(scale=scale, shift=shift):
            return (scale, shift)
        case Select(index=index):
            return (index,)
        case Lookup(table=table):
            return (table,) if table else ()
        case Resize(rows=rows, columns=columns):
            return (rows, columns)
        case Clip() | Add() | Mul() | Concat() | MaxPool() | AveragePool() | Pad():
            return ()
        case LocalNorm() | Reshape() | FakeQuant() | Softmax() | Norm() | TopK():
            return ()
        case _:
            assert_never(op)


def learned_names(op: Op) -> tuple[str, ...]:
    """Those of them that training gave their values, if anything did."""
    match op:
        case Conv() | ConvTranspose() | Linear() | Affine():
            return constant_names(op)
        case Select() | Lookup() | Resize() | Clip() | Add() | Mul() | Concat() | MaxPool():
            return ()
        case AveragePool() | Pad() | LocalNorm() | Reshape() | FakeQuant():
            return ()
        case Softmax() | Norm() | TopK():
            return ()
        case _:
            assert_never(op)


def average_counts(op: AveragePool, size: int, axis: int) -> tuple[int, ...]:
    """How many values each window of an AveragePool counts along `axis` (0 rows, 1 columns) of a
    map of `size`."""
    before, after = op.pads[axis], op.pads[axis + 2]
    low, high = op.uncounted[axis], before + size + after - op.uncounted[axis + 2]
    span, stride = op.kernel[axis], op.strides[axis]
    starts = range(0, before + size + after - span + 1, stride)
    return tuple(min(start + span, high) - max(start, low) for start in starts)
