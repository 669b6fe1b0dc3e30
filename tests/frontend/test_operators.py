"""Every operator in every form: our float graph, before and after the passes, is onnxruntime's."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from hwmap.errors import UnsupportedOperatorError
from hwmap.frontend.operators import OPERATORS
from hwmap.frontend.reader import read_model
from hwmap.frontend.runtime import run_model
from hwmap.ir.evaluate import evaluate
from hwmap.passes import canonicalize
from tests.models import Network

Build = Callable[[Network], str]
TOLERANCE = 1e-4
CASES: dict[str, tuple[tuple[int, ...], int, Build]] = {}


def case(name: str, shape: tuple[int, ...] = (4, 6, 5), opset: int = 13):
    """Register a network that `build` makes of the input 'x' of `shape`; it returns the output."""

    def register(build: Build) -> Build:
        assert name not in CASES
        CASES[name] = shape, opset, build
        return build

    return register


def ints(net: Network, values: object, name: str) -> str:
    return net.constant(np.array(values, np.int64), name)


# Convolutions


def _conv(name: str, kernel: tuple[int, int], shape=(4, 6, 5), out: int = 6, **attributes) -> None:
    @case(name, shape)
    def build(net: Network) -> str:
        return net.conv("x", (shape[0], out), kernel, name="y", **attributes)


_conv("conv, asymmetric pads", (3, 2), pads=[0, 1, 2, 0])
_conv("conv, strides and dilations", (2, 3), strides=[2, 1], dilations=[3, 2])
_conv("conv, groups", (3, 3), group=2, pads=[1] * 4)
_conv("conv, depthwise", (3, 3), out=4, group=4, strides=[2, 2])
_conv("conv, depthwise with multiplier", (3, 3), out=8, group=4)
_conv("conv, same upper", (4, 3), strides=[2, 2], auto_pad="SAME_UPPER")
_conv("conv, same lower", (4, 3), strides=[2, 2], auto_pad="SAME_LOWER")
_conv("conv, valid", (4, 3), auto_pad="VALID")
_conv("conv, whole map", (6, 5))


@case("conv, one dimension", (4, 9))
def _(net: Network) -> str:
    weight = net.constant(net.rng.standard_normal((6, 2, 3)), "w")
    a = net.node("Conv", "x", weight, name="a", group=2, pads=[1, 0], strides=[2])
    return net.node("MaxPool", a, name="y", kernel_shape=[2])


def _transposed(name: str, kernel: tuple[int, int], out: int = 6, **attributes) -> None:
    @case(name)
    def build(net: Network) -> str:
        return net.transposed("x", (4, out), kernel, name="y", **attributes)


_transposed("transposed", (3, 2))
_transposed("transposed, strides and pads", (3, 4), strides=[2, 3], pads=[1, 0, 0, 2])
_transposed("transposed, output padding", (3, 3), strides=[2, 2], output_padding=[1, 1])
_transposed("transposed, kernel below stride", (1, 2), strides=[3, 3])
_transposed("transposed, groups and dilations", (2, 3), group=2, dilations=[2, 3], strides=[2, 1])
_transposed("transposed, depthwise", (3, 3), out=4, group=4, strides=[2, 2], pads=[1] * 4)
_transposed("transposed, output shape", (3, 3), strides=[2, 2], output_shape=[11, 10])
_transposed("transposed, same upper", (3, 3), strides=[2, 2], auto_pad="SAME_UPPER")
_transposed("transposed, same lower", (2, 3), strides=[2, 2], auto_pad="SAME_LOWER")


# Linear layers


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("trans_a", [0, 1])
@pytest.mark.parametrize("trans_b", [0, 1])
def test_gemm_in_every_transposition(swap: bool, trans_a: int, trans_b: int, tmp_path: Path):
    net = Network((7,))
    # x is [1, 7]; as a column it is [7, 1].
    vector = [7, 1] if trans_a != swap else [1, 7]
    source = net.node("Reshape", "x", ints(net, vector, "s"), name="v")
    inner, outer = (7, 3)
    if swap:
        shape = (inner, outer) if trans_a else (outer, inner)
        source = net.node("Reshape", "x", ints(net, [1, 7] if trans_b else [7, 1], "t"), name="u")
        inputs = (net.constant(net.rng.standard_normal(shape), "w"), source)
        bias = (3, 1)
    else:
        shape = (outer, inner) if trans_b else (inner, outer)
        inputs = (source, net.constant(net.rng.standard_normal(shape), "w"))
        bias = (3,)
    bias_name = net.constant(net.rng.standard_normal(bias), "b")
    net.node(
        "Gemm", *inputs, bias_name, name="y", transA=trans_a, transB=trans_b, alpha=0.5, beta=2.0
    )

    _agree(net, "y", (7,), tmp_path)


@case("gemm without bias", (7,))
def _(net: Network) -> str:
    weight = net.constant(net.rng.standard_normal((3, 7)), "w")
    return net.node("Gemm", "x", weight, name="y", transB=1)


@case("matmul and add", (7,))
def _(net: Network) -> str:
    a = net.node("MatMul", "x", net.constant(net.rng.standard_normal((7, 5)), "w"), name="a")
    return net.node("Add", net.constant(net.rng.standard_normal(5), "b"), a, name="y")


@case("matmul of a matrix and a vector", (7,))
def _(net: Network) -> str:
    column = net.node("Reshape", "x", ints(net, [7, 1], "s"), name="v")
    return net.node("MatMul", net.constant(net.rng.standard_normal((5, 7)), "w"), column, name="y")


@case("matmul of rows", (5, 7))
def _(net: Network) -> str:
    a = net.node("MatMul", "x", net.constant(net.rng.standard_normal((7, 3)), "w"), name="a")
    a = net.node("Relu", a, name="r")
    return net.node("MatMul", a, net.constant(net.rng.standard_normal((3, 2)), "v"), name="y")


@case("linear layer after a map", (4, 3, 2))
def _(net: Network) -> str:
    a = net.node("Relu", net.node("Flatten", "x", name="f"), name="r")
    return net.gemm(a, (24, 5), name="y")


@case("batch normalization before and after a convolution")
def _(net: Network) -> str:
    parts = [net.constant(net.rng.uniform(0.5, 2, 4), f"a{i}") for i in range(4)]
    a = net.node("BatchNormalization", "x", *parts, name="before", epsilon=1e-3)
    a = net.conv(a, (4, 6), (3, 3), name="c")
    parts = [net.constant(net.rng.uniform(0.5, 2, 6), f"b{i}") for i in range(4)]
    return net.node("BatchNormalization", a, *parts, name="y")


@case("batch normalization before a padded convolution")
def _(net: Network) -> str:
    parts = [net.constant(net.rng.uniform(0.5, 2, 4), f"a{i}") for i in range(4)]
    a = net.node("BatchNormalization", "x", *parts, name="before")
    return net.conv(a, (4, 6), (3, 3), name="y", pads=[1] * 4)


@case("scale before a padded depthwise convolution")
def _(net: Network) -> str:
    a = net.node("Mul", "x", net.constant(net.rng.uniform(1, 2, (4, 1, 1)), "s"), name="a")
    return net.conv(a, (4, 4), (3, 3), name="y", group=4, pads=[1] * 4)


# Functions

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
}.items():

    @case(kind, opset=14)
    def _(net: Network, kind: str = kind, attributes: dict = attributes) -> str:
        return net.node(kind, net.conv("x", (4, 3), (1, 1), name="c"), name="y", **attributes)


for kind in ("Log", "Sqrt", "Reciprocal"):

    @case(kind)
    def _(net: Network, kind: str = kind) -> str:
        above = net.node("Sigmoid", "x", name="above")
        return net.node(kind, above, name="y")


for mode in ("none", "tanh"):

    @case(f"Gelu {mode}", opset=20)
    def _(net: Network, mode: str = mode) -> str:
        return net.node("Gelu", "x", name="y", approximate=mode)


@case("Mish", opset=18)
def _(net: Network) -> str:
    return net.node("Mish", "x", name="y")


@case("silu as a pattern")
def _(net: Network) -> str:
    a = net.conv("x", (4, 3), (1, 1), name="c")
    return net.node("Mul", net.node("Sigmoid", a, name="s"), a, name="y")


@case("hard swish as a pattern")
def _(net: Network) -> str:
    a = net.conv("x", (4, 3), (1, 1), name="c")
    b = net.node("Add", a, net.constant(np.float32(3), "three"), name="b")
    bounds = net.constant(np.float32(0), "zero"), net.constant(np.float32(6), "six")
    b = net.node("Mul", a, net.node("Clip", b, *bounds, name="clip"), name="m")
    return net.node("Div", b, net.constant(np.float32(6), "six2"), name="y")


@case("prelu, one slope")
def _(net: Network) -> str:
    return net.node("PRelu", "x", net.constant(np.float32([0.3]), "s"), name="y")


@case("prelu per channel")
def _(net: Network) -> str:
    return net.node("PRelu", "x", net.constant(np.float32([[[0.1]], [[0.5]], [[-1]], [[2]]]), "s"),
                    name="y")  # fmt: skip


@case("clip by attributes", opset=9)
def _(net: Network) -> str:
    return net.node("Clip", "x", name="y", min=-0.5, max=0.25)


@case("clip, upper bound only")
def _(net: Network) -> str:
    return net.node("Clip", "x", "", net.constant(np.float32(0.5), "high"), name="y")


@case("clip with crossed bounds")
def _(net: Network) -> str:
    bounds = net.constant(np.float32(1), "low"), net.constant(np.float32(-1), "high")
    return net.node("Clip", "x", *bounds, name="y")


@case("a value that several functions read")
def _(net: Network) -> str:
    a = net.node("Relu", net.conv("x", (4, 3), (1, 1), name="c"), name="r")
    b = net.node("Sigmoid", a, name="s")
    return net.node("Add", net.node("Mul", a, b, name="m"), net.node("Tanh", a, name="t"), name="y")


@case("a long chain of functions")
def _(net: Network) -> str:
    a = "x"
    for index in range(60):
        a = net.node("Tanh" if index % 2 else "Sigmoid", a, name=f"f{index}")
    return a


# Two tensors

for kind in ("Add", "Sub", "Mul"):

    @case(f"{kind} of two tensors")
    def _(net: Network, kind: str = kind) -> str:
        a, b = (net.conv("x", (4, 3), (1, 1), name=n) for n in "ab")
        return net.node("Relu", net.node(kind, a, b, name="sum"), name="y")


@case("add and multiply a tensor with itself")
def _(net: Network) -> str:
    return net.node("Mul", *[net.node("Add", "x", "x", name="a")] * 2, name="y")


@case("sum of three", opset=9)
def _(net: Network) -> str:
    parts = [net.conv("x", (4, 3), (1, 1), name=n) for n in "abc"]
    return net.node("Sum", *parts, name="y")


@case("squeeze and excite")
def _(net: Network) -> str:
    a = net.node("GlobalAveragePool", "x", name="pool")
    a = net.node("Sigmoid", net.conv(a, (4, 4), (1, 1), name="c"), name="gate")
    return net.node("Mul", a, "x", name="y")


for kind, first in (("Add", 0), ("Sub", 0), ("Sub", 1), ("Mul", 1), ("Div", 0)):

    @case(f"{kind} with a constant per channel, {'first' if first else 'last'}")
    def _(net: Network, kind: str = kind, first: int = first) -> str:
        constant = net.constant(net.rng.uniform(1, 2, (1, 4, 1, 1)), "k")
        inputs = (constant, "x") if first else ("x", constant)
        return net.node(kind, *inputs, name="y")


for kind, first in (("Max", 0), ("Min", 1), ("Pow", 0), ("Div", 1), ("Sub", 1)):

    @case(f"{kind} with a number, {'first' if first else 'last'}")
    def _(net: Network, kind: str = kind, first: int = first) -> str:
        above = net.node("Sigmoid", "x", name="above")
        number = net.constant(np.float32(0.4), "k")
        return net.node(kind, *((number, above) if first else (above, number)), name="y")


@case("constants per channel of (height, width, channels)", (3, 6, 5))
def _(net: Network) -> str:
    a = net.node("Transpose", net.conv("x", (3, 4), (1, 1), name="c"), name="t", perm=[0, 2, 3, 1])
    a = net.node("Add", a, net.constant(net.rng.standard_normal(4), "k"), name="bias")
    a = net.node("Transpose", net.node("Relu", a, name="r"), name="u", perm=[0, 3, 1, 2])
    return net.conv(a, (4, 2), (3, 3), name="y")


@case("normalization of a (height, width, channels) input", (6, 5, 3))
def _(net: Network) -> str:
    a = net.node("Sub", "x", net.constant(net.rng.standard_normal((1, 1, 1, 3)), "m"), name="s")
    a = net.node("Div", a, net.constant(net.rng.uniform(1, 2, (1, 1, 1, 3)), "d"), name="v")
    a = net.node("Transpose", a, name="t", perm=[0, 3, 1, 2])
    return net.conv(a, (3, 2), (3, 3), name="y")


@case("linear layer with bias over rows", (5, 7))
def _(net: Network) -> str:
    a = net.node("MatMul", "x", net.constant(net.rng.standard_normal((7, 3)), "w"), name="a")
    return net.node("Add", a, net.constant(net.rng.standard_normal(3), "b"), name="y")


@case("a constant for every pixel")
def _(net: Network) -> str:
    return net.node("Add", "x", net.constant(net.rng.standard_normal((4, 6, 5)), "k"), name="y")


@case("decoding of a detector", (4, 3, 2))
def _(net: Network) -> str:
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


# Pools


def _pool(name: str, kind: str, shape=(4, 7, 6), opset: int = 13, **attributes) -> None:
    @case(name, shape, opset)
    def build(net: Network) -> str:
        return net.node(kind, "x", name="y", **attributes)


_pool("max pool, pads", "MaxPool", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 2, 1])
_pool("max pool, ceil", "MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
_pool("max pool, ceil and pads", "MaxPool", kernel_shape=[2, 2], strides=[3, 3], ceil_mode=1,
      pads=[1, 1, 1, 1])  # fmt: skip
_pool("max pool, dilations", "MaxPool", kernel_shape=[2, 3], dilations=[3, 2], pads=[1, 2, 1, 0])
_pool("max pool, same", "MaxPool", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
_pool("mean, no pads", "AveragePool", kernel_shape=[3, 2], strides=[2, 1])
_pool(
    "mean, pads count", "AveragePool", kernel_shape=[3, 3], pads=[1, 1, 0, 2], count_include_pad=1
)
_pool("mean, pads do not count", "AveragePool", kernel_shape=[3, 3], pads=[1, 1, 0, 2])
_pool("mean, ceil", "AveragePool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
_pool("mean, ceil and pads", "AveragePool", kernel_shape=[3, 3], strides=[2, 3], ceil_mode=1,
      pads=[1, 1, 1, 1])  # fmt: skip
_pool("mean, ceil and pads that count", "AveragePool", opset=19, kernel_shape=[3, 3],
      strides=[2, 3], ceil_mode=1, pads=[1, 1, 1, 1], count_include_pad=1)  # fmt: skip
_pool("global mean", "GlobalAveragePool")
_pool("global maximum", "GlobalMaxPool")
_pool("reduce mean of maps", "ReduceMean", axes=[2, 3])
_pool("reduce mean of maps, flat", "ReduceMean", axes=[-1, -2], keepdims=0)
_pool("reduce mean of rows", "ReduceMean", axes=[2])
_pool("reduce maximum of columns", "ReduceMax", axes=[3], keepdims=0)
_pool("local normalization", "LRN", size=3, alpha=0.1, beta=0.6, bias=1.5)
_pool("reduce sum of maps", "ReduceSum", opset=11, axes=[2, 3])
_pool("reduce sum of rows, flat", "ReduceSum", opset=11, axes=[2], keepdims=0)
_pool("log softmax", "LogSoftmax", axis=1)
_pool("softmax over channels", "Softmax", axis=1)
_pool("softmax over columns", "Softmax", axis=-1)
_pool("old softmax", "Softmax", opset=11, axis=1)
_pool("softmax of a row", "Softmax", shape=(9,))


@case("reduce mean with axes as an input", opset=18)
def _(net: Network) -> str:
    return net.node("ReduceMean", "x", ints(net, [2, 3], "axes"), name="y")


# Moves of values


@case("concat of channels")
def _(net: Network) -> str:
    return net.node("Concat", "x", net.conv("x", (4, 3), (1, 1), name="a"), "x", name="y", axis=1)


for axis in (2, -1):

    @case(f"concat along axis {axis}")
    def _(net: Network, axis: int = axis) -> str:
        return net.node("Concat", "x", net.node("Relu", "x", name="r"), name="y", axis=axis)


@case("concat of flat rows")
def _(net: Network) -> str:
    rows = [net.node("Flatten", net.conv("x", (4, 2), (1, 1), name=n), name=f"{n}f") for n in "ab"]
    return net.node("Concat", *rows, name="y", axis=1)


@case("concat of detections")
def _(net: Network) -> str:
    parts = []
    for name in "ab":
        a = net.conv("x", (4, 6), (1, 1), name=name)
        parts.append(net.node("Reshape", a, ints(net, [1, 3, -1], f"{name}s"), name=f"{name}r"))
    a = net.node("Concat", *parts, name="c", axis=2)
    return net.node("Transpose", a, name="y", perm=[0, 2, 1])


@case("split and join again", opset=11)
def _(net: Network) -> str:
    net.nodes.append(onnx.helper.make_node("Split", ["x"], ["p", "q"], "split", axis=1,
                                           split=[1, 3]))  # fmt: skip
    q = net.node("Relu", "q", name="r")
    return net.node("Concat", q, "p", name="y", axis=1)


@case("split in equal parts", opset=18)
def _(net: Network) -> str:
    net.nodes.append(onnx.helper.make_node("Split", ["x"], ["p", "q", "r"], "split", axis=2,
                                           num_outputs=3))  # fmt: skip
    return net.node("Add", "p", "r", name="y")


@case("slice with attributes", opset=9)
def _(net: Network) -> str:
    return net.node("Slice", "x", name="y", starts=[1, -3], ends=[3, 100], axes=[1, 2])


@case("slice with steps")
def _(net: Network) -> str:
    bounds = [ints(net, v, n) for v, n in (([5, -1], "s"), ([-100, 0], "e"), ([2, 3], "a"))]
    return net.node("Slice", "x", *bounds, ints(net, [-2, -1], "t"), name="y")


@case("gather channels")
def _(net: Network) -> str:
    return net.node("Gather", "x", ints(net, [3, -4, 1, 1, 2], "i"), name="y", axis=1)


@case("gather one row")
def _(net: Network) -> str:
    return net.node("Gather", "x", ints(net, 2, "i"), name="y", axis=2)


@case("channel shuffle", (6, 4, 5))
def _(net: Network) -> str:
    a = net.node("Reshape", net.conv("x", (6, 6), (1, 1), name="c"),
                 ints(net, [1, 2, 3, 4, 5], "s"), name="a")  # fmt: skip
    a = net.node("Transpose", a, name="t", perm=[0, 2, 1, 3, 4])
    a = net.node("Reshape", a, ints(net, [0, -1, 4, 5], "u"), name="b")
    return net.conv(a, (6, 3), (3, 3), name="y")


@case("squeeze and unsqueeze", (4, 1, 5), opset=11)
def _(net: Network) -> str:
    a = net.node("Squeeze", "x", name="a", axes=[2])
    a = net.node("Unsqueeze", net.node("Relu", a, name="r"), name="b", axes=[3])
    return net.node("Squeeze", net.node("Unsqueeze", a, name="c", axes=[-1]), name="y")


@case("squeeze and unsqueeze with inputs", (4, 1, 5))
def _(net: Network) -> str:
    a = net.node("Squeeze", "x", ints(net, [2], "a0"), name="a")
    return net.node("Unsqueeze", a, ints(net, [1, 3], "a1"), name="y")


@case("expand and tile", (4, 1, 5))
def _(net: Network) -> str:
    a = net.node("Expand", "x", ints(net, [1, 1, 3, 1], "s"), name="a")
    return net.node("Tile", a, ints(net, [1, 2, 1, 2], "r"), name="y")


for mode in ("DCR", "CRD"):

    @case(f"depth to space {mode}", (8, 3, 2))
    def _(net: Network, mode: str = mode) -> str:
        return net.node("DepthToSpace", "x", name="y", blocksize=2, mode=mode)


@case("space to depth", (2, 6, 4))
def _(net: Network) -> str:
    return net.node("SpaceToDepth", "x", name="y", blocksize=2)


for mode in ("constant", "edge", "reflect"):

    @case(f"pad {mode}")
    def _(net: Network, mode: str = mode) -> str:
        pads = ints(net, [0, 0, 2, 1, 0, 0, 3, 2], "p")
        return net.conv(net.node("Pad", "x", pads, name="p0", mode=mode), (4, 3), (3, 3), name="y",
                        pads=[1] * 4)  # fmt: skip


@case("pad with a number, and cut")
def _(net: Network) -> str:
    pads = ints(net, [0, 0, 2, -1, 0, 0, -3, 2], "p")
    return net.node("Pad", "x", pads, net.constant(np.float32(1.5), "v"), name="y")


@case("pad channels")
def _(net: Network) -> str:
    a = net.node("Pad", "x", ints(net, [0, 2, 0, 0, 0, 3, 0, 0], "p"), name="p0")
    return net.node("Pad", a, ints(net, [0, 1, 1, 0, 0, 0, 2, 0], "q"), name="y")


@case("pad by attributes", opset=9)
def _(net: Network) -> str:
    return net.node("Pad", "x", name="y", pads=[0, 0, 1, 0, 0, 0, 0, 1], value=-2.0)


@case("pad that a mean reads")
def _(net: Network) -> str:
    a = net.node("Pad", "x", ints(net, [0, 0, 1, 1, 0, 0, 1, 1], "p"), name="p0")
    return net.node("AveragePool", a, name="y", kernel_shape=[3, 3], strides=[2, 2])


# Resizes

for mode in ("nearest", "linear", "cubic"):
    for coordinates in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"):

        @case(f"resize {mode} {coordinates}")
        def _(net: Network, mode: str = mode, coordinates: str = coordinates) -> str:
            scales = net.constant(np.float32([1, 1, 2, 1.6]), "scales")
            return net.node("Resize", "x", "", scales, name="y", mode=mode,
                            coordinate_transformation_mode=coordinates)  # fmt: skip


@case("resize to sizes")
def _(net: Network) -> str:
    sizes = ints(net, [1, 4, 3, 9], "sizes")
    return net.node("Resize", "x", "", "", sizes, name="y", mode="linear",
                    coordinate_transformation_mode="half_pixel")  # fmt: skip


@case("resize of some axes", opset=18)
def _(net: Network) -> str:
    scales = net.constant(np.float32([2, 3]), "scales")
    return net.node("Resize", "x", "", scales, name="y", mode="nearest", axes=[2, 3])


@case("old resize", opset=10)
def _(net: Network) -> str:
    return net.node("Resize", "x", net.constant(np.float32([1, 1, 2, 2]), "s"), name="y")


@case("upsample by attribute", opset=7)
def _(net: Network) -> str:
    return net.node("Upsample", "x", name="y", scales=[1.0, 1.0, 2.0, 3.0])


@case("upsample by input", opset=9)
def _(net: Network) -> str:
    scales = net.constant(np.float32([1, 1, 2, 2]), "s")
    return net.node("Upsample", "x", scales, name="y", mode="linear")


# Constants and interface


@case("shapes computed at run time")
def _(net: Network) -> str:
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
def _(net: Network) -> str:
    shape = ints(net, [3, 4, 1, 1], "shape")
    value = onnx.numpy_helper.from_array(np.float32([0.5]))
    weight = net.node("ConstantOfShape", shape, name="weight", value=value)
    noise = net.constant(net.rng.standard_normal((3, 4, 1, 1)), "noise")
    weight = net.node("Add", weight, net.node("Sin", noise, name="sin"), name="sum")
    return net.node("Conv", "x", weight, name="y")


@case("identities and dropout", opset=11)
def _(net: Network) -> str:
    a = net.node("Identity", net.node("Dropout", "x", name="d"), name="i")
    return net.node("Cast", net.node("Relu", a, name="r"), name="y", to=1)


def _agree(net: Network, output: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    model = net.save(tmp_path / "net.onnx", output)
    images = np.random.default_rng(1).standard_normal((2, *shape)).astype(np.float32)
    (wanted,) = run_model(model, {"x": images}).values()
    graph = read_model(model)
    for made in (graph, canonicalize(graph)):
        (found,) = evaluate(made, {"x": images}).values()
        assert (
            np.abs(found.reshape(wanted.shape) - wanted).max() <= TOLERANCE * np.abs(wanted).max()
        )


@pytest.mark.parametrize("name", CASES)
def test_an_operator_equals_onnxruntime(name: str, tmp_path: Path):
    shape, opset, build = CASES[name]
    net = Network(shape, opset=opset)

    _agree(net, build(net), shape, tmp_path)


def test_every_operator_has_a_case():
    tested = set()
    for shape, opset, build in CASES.values():
        net = Network(shape, opset=opset)
        build(net)
        tested |= {node.op_type for node in net.nodes}

    # These are tested elsewhere: QDQ models; Constant, Range and Size fold to constants; Swish
    # needs an opset that is too new for onnxruntime.
    elsewhere = {"Constant", "DequantizeLinear", "QuantizeLinear", "Range", "Size", "Swish"}
    assert set(OPERATORS) - tested == elsewhere


@pytest.mark.parametrize("opset", range(7, onnx.defs.onnx_opset_version() + 1))
def test_every_opset_is_read(opset: int, tmp_path: Path):
    net = Network((4, 6, 5), opset=opset)
    a = net.node("Relu", net.conv("x", (4, 6), (3, 3), name="a", pads=[1] * 4), name="r")
    a = net.node("MaxPool", a, name="p", kernel_shape=[2, 2])
    net.gemm(net.node("Flatten", a, name="f"), (6 * 5 * 4, 3), name="y")
    model = net.save(tmp_path / "net.onnx", "y")

    graph = canonicalize(read_model(model))

    assert [type(op).__name__ for op in graph.ops] == ["Conv", "MaxPool", "Conv"]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda n: n.node("Gather", "x", ints(n, 9, "i"), name="y", axis=1), "within -4 to 3"),
        (lambda n: n.node("Reshape", "x", ints(n, [1, 7], "s"), name="y"), "reshapes"),
        (lambda n: n.node("Transpose", "x", name="y", perm=[0, 0, 1, 2]), "no order of 4 axes"),
        (lambda n: n.node("Pad", "x", ints(n, [1] * 8, "p"), name="y"), "channels with 0"),
        (lambda n: n.node("ReduceMean", "x", name="y", axes=[1]), "axes must be rows and columns"),
        (lambda n: n.node("Max", "x", n.conv("x", (4, 4), (1, 1), name="c"), name="y"),
         "Max of two tensors"),
        (lambda n: n.node("Mul", "x", n.constant(np.ones((6, 3)) + np.eye(6, 3), "k"), name="y"),
         r"a constant of shape \[6, 3\] does not fit \[1, 4, 6, 5\]"),
        (lambda n: n.node("Div", "x", n.constant(np.float32([[[1]], [[0]], [[1]], [[1]]]), "k"),
                          name="y"), "divides by zero"),
        (lambda n: n.node("Tile", "x", ints(n, [1, 1, 9999, 9999], "r"), name="y"), "values"),
        (lambda n: n.node("LRN", "x", name="y", size=0), "size must be 1 to 8"),
        (lambda n: n.node("PRelu", "x", n.constant(np.ones((6, 5)) + np.eye(6, 5), "s"), name="y"),
         "is not one value per channel"),
        (lambda n: n.node("DepthToSpace", "x", name="y", blocksize=3), "does not fit"),
    ],
)  # fmt: skip
def test_what_an_operator_cannot_do_is_said(build: Build, message: str, tmp_path: Path):
    net = Network((4, 6, 5), opset=13)
    output = build(net)
    graph = onnx.helper.make_graph(
        net.nodes, "n", net.inputs,
        [onnx.helper.make_tensor_value_info(output, 1, None)], net.constants,
    )  # fmt: skip
    opset = [onnx.helper.make_opsetid("", 13)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset), tmp_path / "net.onnx")

    with pytest.raises(UnsupportedOperatorError, match=message):
        read_model(tmp_path / "net.onnx")
