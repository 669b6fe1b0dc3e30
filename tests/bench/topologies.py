"""Well-known networks without their weights: shapes are all that a schedule depends on."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hwmap.ir.graph import Graph, output_shape
from hwmap.ir.ops import Add, AveragePool, Concat, Conv, MaxPool, Op, Resize
from hwmap.ir.types import Constant, Shape, Tensor


class _Builder:
    """Adds op after op; each method returns the name of the tensor it wrote."""

    def __init__(self, name: str, shape: Shape) -> None:
        tensor = Tensor("input", shape)
        self.graph = Graph(name, ("input",), (), (), {"input": tensor}, {})

    def add(self, op: Op) -> str:
        shape = output_shape(op, self.graph)
        assert shape is not None
        self.graph = replace(
            self.graph,
            outputs=(op.output,),
            ops=(*self.graph.ops, op),
            tensors={**self.graph.tensors, op.output: Tensor(op.output, shape)},
        )
        return op.output

    def constant(self, name: str, values: np.ndarray) -> str:
        self.graph = replace(self.graph, constants={**self.graph.constants, name: Constant(values)})
        return name

    def name(self) -> str:
        return f"op{len(self.graph.ops)}"

    def conv(
        self, x: str, out: int, kernel: int, *, stride: int = 1, depthwise: bool = False
    ) -> str:
        name, channels = self.name(), self.graph.shape(x)[0]
        per_group = 1 if depthwise else channels
        shape = (out, per_group, kernel, kernel)
        weight = self.constant(f"{name}.w", np.broadcast_to(np.float32(0), shape))
        bias = self.constant(f"{name}.b", np.broadcast_to(np.float32(0), (out,)))
        pad, groups = (kernel - 1) // 2, channels // per_group
        op = Conv(name, (x,), name, weight, bias, (stride, stride), (pad,) * 4, groups=groups)
        return self.add(op)

    def plus(self, x: str, y: str) -> str:
        name = self.name()
        return self.add(Add(name, (x, y), name))

    def max_pool(self, x: str, kernel: int, pad: int) -> str:
        name = self.name()
        return self.add(MaxPool(name, (x,), name, (kernel, kernel), (2, 2), (pad,) * 4))

    def classify(self, x: str, classes: int) -> Graph:
        name, (_, height, width) = self.name(), self.graph.shape(x)
        pooled = self.add(AveragePool(name, (x,), name, (height, width), (1, 1), (0,) * 4))
        self.conv(pooled, classes, 1)
        return self.graph


def mobilenet_v2() -> Graph:
    """MobileNetV2, 224 x 224 (arXiv 1801.04381, table 2)."""
    net = _Builder("MobileNetV2", (3, 224, 224))
    x = net.conv("input", 32, 3, stride=2)
    rows = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
            (6, 160, 3, 2), (6, 320, 1, 1))  # fmt: skip
    for expansion, out, count, first_stride in rows:
        for index in range(count):
            stride = 1 if index else first_stride
            inner = expansion * net.graph.shape(x)[0]
            y = x if expansion == 1 else net.conv(x, inner, 1)
            y = net.conv(y, inner, 3, stride=stride, depthwise=True)
            y = net.conv(y, out, 1)
            x = net.plus(x, y) if index else y
    return net.classify(net.conv(x, 1280, 1), 1000)


def resnet18() -> Graph:
    """ResNet-18, 224 x 224 (arXiv 1512.03385, table 1)."""
    net = _Builder("ResNet-18", (3, 224, 224))
    x = net.max_pool(net.conv("input", 64, 7, stride=2), 3, 1)
    for stage, out in enumerate((64, 128, 256, 512)):
        for index in range(2):
            stride = 2 if stage and not index else 1
            y = net.conv(net.conv(x, out, 3, stride=stride), out, 3)
            x = net.plus(x if stride == 1 else net.conv(x, out, 1, stride=2), y)
    return net.classify(x, 1000)


def resnet50() -> Graph:
    """ResNet-50, 224 x 224 (arXiv 1512.03385, table 1), with the stride in the 3 x 3."""
    net = _Builder("ResNet-50", (3, 224, 224))
    x = net.max_pool(net.conv("input", 64, 7, stride=2), 3, 1)
    for stage, count in enumerate((3, 4, 6, 3)):
        inner = 64 << stage
        for index in range(count):
            stride = 2 if stage and not index else 1
            y = net.conv(net.conv(x, inner, 1), inner, 3, stride=stride)
            y = net.conv(y, 4 * inner, 1)
            x = net.plus(x if index else net.conv(x, 4 * inner, 1, stride=stride), y)
    return net.classify(x, 1000)


def u_net() -> Graph:
    """U-Net (arXiv 1505.04597, figure 1): four levels down, padded convolutions, 32 channels at
    128 x 128, nearest-neighbour upsampling and a convolution on the way up."""
    net = _Builder("U-Net", (3, 128, 128))
    x, skips = "input", []
    for level in range(4):
        x = net.conv(net.conv(x, 32 << level, 3), 32 << level, 3)
        skips.append(x)
        x = net.max_pool(x, 2, 0)
    x = net.conv(net.conv(x, 512, 3), 512, 3)
    for level in reversed(range(4)):
        size = net.graph.shape(x)[1]
        double = net.constant(f"double{size}", np.repeat(np.eye(size, dtype=np.float32), 2, 0))
        name = net.name()
        x = net.conv(net.add(Resize(name, (x,), name, double, double)), 32 << level, 3)
        name = net.name()
        x = net.add(Concat(name, (skips[level], x), name, 0))
        x = net.conv(net.conv(x, 32 << level, 3), 32 << level, 3)
    net.conv(x, 2, 1)
    return net.graph


TOPOLOGIES: dict[str, Callable[[], Graph]] = {
    "MobileNetV2": mobilenet_v2,
    "ResNet-18": resnet18,
    "ResNet-50": resnet50,
    "U-Net": u_net,
}
