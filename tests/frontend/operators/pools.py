"""Pools, reductions and normalizations."""

from tests.frontend.cases import case, ints
from tests.models import ModelBuilder


def _pool(name: str, kind: str, shape=(4, 7, 6), opset: int = 13, **attributes) -> None:
    @case(name, shape, opset)
    def build(net: ModelBuilder) -> str:
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
def _(net: ModelBuilder) -> str:
    return net.node("ReduceMean", "x", ints(net, [2, 3], "axes"), name="y")
