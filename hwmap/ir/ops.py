"""The ops of the dataflow graph: a closed union of frozen dataclasses.

Ops are data. A question about an op is one `match` in the room that asks it, closed by
`assert_never`, so that mypy lists every place that a new op must visit.

The front end produces any of them. After the passes only `HardwareOp`s remain, with a possible
`Softmax` at the end, which the host computes.
"""

from dataclasses import dataclass
from math import inf

Pair = tuple[int, int]
Pads = tuple[int, int, int, int]


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
    are no learned weights, and are never decomposed.
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
    """y = scale * x + shift per channel: batch normalization, or a constant that is added."""

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
class Add:
    """The sum of two tensors of the same shape."""

    name: str
    inputs: tuple[str, ...]
    output: str
    clamp: Clamp = NO_CLAMP


@dataclass(frozen=True)
class MaxPool:
    """The largest value under each window; padded values never win."""

    name: str
    inputs: tuple[str, ...]
    output: str
    kernel: Pair
    strides: Pair
    pads: Pads


@dataclass(frozen=True)
class AveragePool:
    """The mean under each window. Padded zeros count, so that every window has the same divisor."""

    name: str
    inputs: tuple[str, ...]
    output: str
    kernel: Pair
    strides: Pair
    pads: Pads
    clamp: Clamp = NO_CLAMP


@dataclass(frozen=True)
class Reshape:
    """The same values in another shape; the order is that of (channels, height, width)."""

    name: str
    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True)
class Softmax:
    """Over the channels."""

    name: str
    inputs: tuple[str, ...]
    output: str


Op = Conv | Linear | Affine | Clip | Add | MaxPool | AveragePool | Reshape | Softmax
HardwareOp = Conv | Add | MaxPool | AveragePool


def is_depthwise(op: Conv, channels_in: int, channels_out: int) -> bool:
    """Whether each output channel reads the input channel of the same number, and no other."""
    return op.groups == channels_in == channels_out


def constant_names(op: Op) -> tuple[str, ...]:
    """The constants that `op` reads."""
    match op:
        case Conv(weight=weight, bias=bias) | Linear(weight=weight, bias=bias):
            return (weight, bias)
        case Affine(scale=scale, shift=shift):
            return (scale, shift)
        case _:
            return ()
