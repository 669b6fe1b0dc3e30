"""Small random networks: branches, skips, odd sizes."""

from pathlib import Path
from random import Random

import numpy as np

from hwmap.compiler import load_source
from hwmap.ir.graph import Graph
from hwmap.progress import quiet
from hwmap.quantize.choose import quantize_graph, quantize_inputs, schemes_of
from hwmap.quantize.scales import Scales
from hwmap.streaming.sub_pixel import sub_pixel
from tests.models import ModelBuilder

KINDS = (
    "conv",
    "depthwise",
    "grouped",
    "pool",
    "average",
    "skip",
    "concat",
    "resize",
    "transposed",
    "cut",
)


def random_network(seed: int, folder: Path) -> Graph:
    """A float network of a few ops, as streaming kernels run it."""
    random = Random(seed)
    channels, height, width = random.randint(1, 5), random.randint(4, 9), random.randint(4, 9)
    model = ModelBuilder((channels, height, width), seed=seed)
    at = "x"
    for number in range(random.randint(1, 4)):
        kind = random.choice(KINDS)
        name = f"{kind}{number}"
        stride = random.choice((1, 1, 2))
        if min(height, width) < 3:
            break
        if kind == "pool":
            at = model.node(
                "MaxPool",
                at,
                name=name,
                kernel_shape=[3, 2],
                strides=[stride, 1],
                pads=[1, 0, 1, 1],
            )
            height = (height - 1) // stride + 1
        elif kind == "average":
            at = model.node(
                "AveragePool", at, name=name, kernel_shape=[2, 3], strides=[1, stride],
                pads=[0, 1, 1, 1], count_include_pad=random.choice((0, 1)),
            )  # fmt: skip
            width = (width - 1) // stride + 1
        elif kind == "depthwise":
            at = model.conv(
                at, (channels, channels), (3, 3), name=name, group=channels,
                strides=[stride, stride], pads=[1, 1, 1, 1],
            )  # fmt: skip
            height, width = (height - 1) // stride + 1, (width - 1) // stride + 1
        elif kind == "resize":
            sizes = random.randint(3, 2 * height), random.randint(3, 2 * width)
            target = model.constant(np.array([1, channels, *sizes]), f"{name}.sizes")
            at = model.node(
                "Resize", at, "", "", target, name=name, mode=random.choice(("linear", "nearest"))
            )
            height, width = sizes
        elif kind == "transposed":
            group = 2 if channels % 2 == 0 else 1
            out, kernel = 2 * group, random.choice(((2, 2), (3, 4)))
            steps, dilation = random.choice((1, 2, 3)), random.choice((1, 2))
            at = model.transposed(
                at, (channels, out), kernel, name=name, group=group, strides=[steps, 2],
                dilations=[1, dilation], pads=[0, 1, 1, 0],
            )  # fmt: skip
            height = (height - 1) * steps + kernel[0] - 1
            width = (width - 1) * 2 + (kernel[1] - 1) * dilation
            channels = out
        elif kind == "cut":
            begin = random.randint(0, 1), random.randint(0, 1), random.randint(0, 1)
            begin = (min(begin[0], channels - 1), *begin[1:])
            at = model.cut(at, (channels, height, width), begin, name=name)
            channels, height, width = channels - begin[0], height - begin[1], width - begin[2]
        elif kind == "skip":
            other = model.conv(
                at, (channels, channels), (3, 3), name=f"{name}.a", pads=[1, 1, 1, 1]
            )
            other = model.node("Relu", other, name=f"{name}.relu")
            other = model.conv(other, (channels, channels), (1, 1), name=f"{name}.b")
            at = model.node("Add", at, other, name=name)
        elif kind == "concat":
            one = model.conv(at, (channels, 4), (1, 1), name=f"{name}.a")
            two = model.conv(at, (channels, 2), (3, 1), name=f"{name}.b", pads=[1, 0, 1, 0])
            at, channels = model.node("Concat", one, two, name=name, axis=1), 6
        else:
            group = 2 if kind == "grouped" and channels % 2 == 0 else 1
            out = random.randint(1, 4) * group
            kernel = random.choice(((1, 1), (3, 3), (3, 2), (1, 3)))
            pads = [kernel[0] // 2, kernel[1] // 2] * 2
            at = model.conv(
                at, (channels, out), kernel, name=name, group=group, strides=[stride, stride],
                pads=pads, dilations=[1, 1],
            )  # fmt: skip
            height = (height + 2 * pads[0] - kernel[0]) // stride + 1
            width = (width + 2 * pads[1] - kernel[1]) // stride + 1
            channels = out
    if random.random() < 0.5:
        at = model.node("GlobalAveragePool", at, name="mean")
    model.conv(at, (channels, 3), (1, 1), name="last")
    path = folder / f"random{seed}.onnx"
    model.save(path, "last")
    return sub_pixel(load_source(path))


def integer_network(
    graph: Graph, seed: int, images: int, scales: Scales = "free"
) -> tuple[Graph, dict[str, np.ndarray]]:
    """The network in integers, and integer images for it."""
    rng = np.random.default_rng(seed)
    data = {
        name: rng.standard_normal((4 + images, *graph.shape(name))).astype(np.float32)
        for name in graph.inputs
    }
    integer = quantize_graph(graph, data, schemes_of(scales=scales, synthetic=True), quiet).graph
    few = {name: values[:images] for name, values in data.items()}
    return integer, quantize_inputs(integer, few)
