"""Small networks, built in code."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = tuple[int, ...]


class ModelBuilder:
    """Builds an ONNX model node by node, with seeded random weights."""

    def __init__(self, shape: Shape, *, seed: int = 0, opset: int = 13) -> None:
        self.rng = np.random.default_rng(seed)
        self.opset = opset
        self.inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *shape])]
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, values: object, name: str) -> str:
        """A constant array; its name."""
        array = np.asarray(values)
        array = array.astype(np.float32) if array.dtype == np.float64 else array
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, *inputs: str, name: str, **attributes: object) -> str:
        """A node; the name of its output, which is the node's."""
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def conv(
        self,
        source: str,
        channels: tuple[int, int],
        kernel: tuple[int, int],
        *,
        name: str,
        bias: bool = True,
        **attributes: object,
    ) -> str:
        """A convolution from channels[0] to channels[1], with weights of unit output variance."""
        group = int(attributes.get("group", 1))  # type: ignore[call-overload]
        shape = (channels[1], channels[0] // group, *kernel)
        weight = self.rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        inputs = [source, self.constant(weight, f"{name}.w")]
        if bias:
            inputs.append(self.constant(self.rng.standard_normal(channels[1]) / 4, f"{name}.b"))
        return self.node("Conv", *inputs, name=name, kernel_shape=list(kernel), **attributes)

    def transposed(
        self,
        source: str,
        channels: tuple[int, int],
        kernel: tuple[int, int],
        *,
        name: str,
        **attributes: object,
    ) -> str:
        """A transposed convolution from channels[0] to channels[1]."""
        group = int(attributes.get("group", 1))  # type: ignore[call-overload]
        shape = (channels[0], channels[1] // group, *kernel)
        weight = self.rng.standard_normal(shape) / np.sqrt(channels[0] / group)
        bias = self.constant(self.rng.standard_normal(channels[1]) / 4, f"{name}.b")
        inputs = [source, self.constant(weight, f"{name}.w"), bias]
        return self.node("ConvTranspose", *inputs, name=name, **attributes)

    def cut(self, source: str, end: Shape, start: Shape = (0, 0, 0), *, name: str) -> str:
        """Channels, rows and columns [start, end) of a tensor."""
        bounds = [self.constant(np.array(b), f"{name}.{i}") for i, b in enumerate((start, end))]
        axes = self.constant(np.array([1, 2, 3]), f"{name}.axes")
        return self.node("Slice", source, *bounds, axes, name=name)

    def gemm(self, source: str, channels: tuple[int, int], *, name: str) -> str:
        """A linear layer."""
        weight = self.rng.standard_normal((channels[1], channels[0])) / np.sqrt(channels[0])
        bias = self.rng.standard_normal(channels[1]) / 4
        inputs = [source, self.constant(weight, f"{name}.w"), self.constant(bias, f"{name}.b")]
        return self.node("Gemm", *inputs, name=name, transB=1)

    def model(self, *outputs: str) -> onnx.ModelProto:
        """The model with these outputs."""
        graph = helper.make_graph(
            self.nodes,
            "network",
            self.inputs,
            [helper.make_tensor_value_info(out, TensorProto.FLOAT, None) for out in outputs],
            self.constants,
        )
        opset = [helper.make_opsetid("", self.opset)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8)
        return onnx.shape_inference.infer_shapes(model)

    def save(self, path: Path, *outputs: str) -> Path:
        """Write the model with these outputs; `path`."""
        onnx.save(self.model(*outputs), path)
        return path


def everything(seed: int = 0) -> ModelBuilder:
    """Every hardware op, with odd sizes, asymmetric pads, strides, dilation and groups; output
    'out'."""
    net = ModelBuilder((3, 11, 9), seed=seed)
    a = net.conv("x", (3, 10), (3, 3), name="stem", strides=[2, 1], pads=[0, 1, 1, 0])
    a = net.node("Relu", a, name="stem.relu")
    b = net.conv(a, (10, 10), (3, 3), name="depthwise", group=10, pads=[1, 1, 1, 1])
    b = net.conv(b, (10, 10), (1, 1), name="pointwise", bias=False)
    c = net.node("Add", b, a, name="skip")
    low, high = net.constant(np.float32(-0.5), "low"), net.constant(np.float32(1.5), "high")
    c = net.node("Clip", c, low, high, name="clip")
    d = net.conv(c, (10, 12), (3, 2), name="grouped", group=2, pads=[1, 0, 1, 1])
    d = net.node("MaxPool", d, name="max", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 0, 0])
    e = net.conv(d, (12, 6), (2, 2), name="dilated", dilations=[2, 1], pads=[1, 0, 1, 1])
    e = net.node("AveragePool", e, name="mean", kernel_shape=[2, 2], strides=[1, 1])
    f = net.node("Flatten", e, name="flat")
    net.gemm(f, (_flat_size(net, f), 7), name="out")
    return net


def _flat_size(net: ModelBuilder, tensor: str) -> int:
    output = net.model(tensor).graph.output[0]
    return int(output.type.tensor_type.shape.dim[1].dim_value)


def chain(seed: int = 0) -> ModelBuilder:
    """Three convolutions and a pool; output 'out'."""
    net = ModelBuilder((4, 8, 8), seed=seed)
    a = net.node("Relu", net.conv("x", (4, 16), (3, 3), name="a", pads=[1] * 4), name="a.relu")
    b = net.node("Relu", net.conv(a, (16, 16), (3, 3), name="b", pads=[1] * 4), name="b.relu")
    c = net.node("GlobalAveragePool", b, name="pool")
    net.gemm(net.node("Flatten", c, name="flat"), (16, 5), name="out")
    return net


def must_recompute(blocks: int = 1) -> ModelBuilder:
    """A network whose smallest arena needs the 'early' of every block twice; output 'out'.

    'early' (1024 bytes) is read at once by 'thin', and at the end by 'out'. Between them 'wide'
    takes 2048 bytes. Keeping 'early' meanwhile takes 1024 + 256 + 2048 = 3328 bytes; keeping 'x'
    (256) and running 'early' again takes 3072, which the final addition needs anyway.
    """
    net = ModelBuilder((4, 8, 8))
    x = "x"
    for block in range(blocks):
        end = f"{block}" if block < blocks - 1 else ""
        early = net.conv(x, (4, 16), (1, 1), name=f"early{end}")
        thin = net.conv(early, (16, 4), (1, 1), name=f"thin{end}")
        wide = net.conv(thin, (4, 32), (1, 1), name=f"wide{end}")
        narrow = net.conv(wide, (32, 1), (1, 1), name=f"narrow{end}")
        late = net.conv(narrow, (1, 16), (1, 1), name=f"late{end}")
        x = net.node("Add", late, early, name=f"out{end}")
        if end:
            x = net.conv(x, (16, 4), (1, 1), name=f"next{end}")
    return net


def everything_else(seed: int = 0) -> ModelBuilder:
    """The hardware ops that `everything` lacks; output 'out'."""
    net = ModelBuilder((3, 9, 7), seed=seed)
    a = net.conv("x", (3, 6), (3, 3), name="stem", pads=[1, 1, 1, 1])
    a = net.node("Mul", a, net.node("Sigmoid", a, name="gate"), name="silu")
    up = net.transposed(a, (6, 4), (3, 2), name="up", strides=[2, 3], pads=[1, 0, 0, 0])
    up = net.node("Relu", up, name="up.relu")
    holes = {"dilations": [1, 2], "pads": [1, 2, 0, 1], "output_padding": [1, 0], "group": 2}
    wide = net.transposed(a, (6, 4), (2, 3), name="wide", strides=[2, 3], **holes)
    b = net.node("Sub", up, net.cut(wide, (4, 18, 20), name="crop"), name="difference")
    deep = net.transposed(a, (6, 6), (3, 3), name="deep", strides=[2, 2], group=6, pads=[1] * 4)
    c = net.node("MaxPool", deep, name="holes", kernel_shape=[2, 2], dilations=[3, 2])
    c = net.node("AveragePool", c, name="edges", kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 1])
    scales = net.constant(np.array([1, 1, 2, 2], np.float32), "scales")
    c = net.node("Resize", c, "", scales, name="nearest", mode="nearest")
    tall = net.constant(np.array([1, 1, 1.5, 2], np.float32), "tall")
    d = net.node("Resize", c, "", tall, name="linear", mode="linear")
    c = net.node("Add", net.cut(d, (6, 16, 27), (0, 2, 5), name="near"), c, name="blend")
    pads = net.constant(np.array([0, 0, 1, 2, 0, 0, 3, 0]), "pads")
    c = net.node("Pad", c, pads, name="edge", mode="edge")
    shuffled = net.node("Reshape", b, net.constant(np.array([1, 2, 2, 360]), "s0"), name="r0")
    shuffled = net.node("Transpose", shuffled, name="r1", perm=[0, 2, 1, 3])
    b = net.node("Reshape", shuffled, net.constant(np.array([1, 4, 18, 20]), "s1"), name="r2")
    left = net.cut(b, (4, 16, 20), (0, 0, 1), name="left")
    d = net.node("Concat", left, net.cut(c, (6, 16, 19), name="low"), name="channels", axis=1)
    squeezed = net.node("GlobalAveragePool", d, name="squeeze")
    squeezed = net.conv(squeezed, (10, 10), (1, 1), name="excite")
    squeezed = net.node("HardSigmoid", squeezed, name="scale")
    d = net.node("Mul", squeezed, d, name="excited")
    e = net.node("Concat", d, d, name="rows", axis=2)
    e = net.node("Concat", e, e, name="columns", axis=3)
    net.conv(e, (10, 5), (3, 3), name="out", strides=[2, 2])
    return net


def u_net(base: int, size: int, levels: int) -> ModelBuilder:
    """U-Net (arXiv 1505.04597) of `base` channels at size x size pixels; output 'out'."""
    net = ModelBuilder((3, size, size))

    def double(source: str, channels: tuple[int, int], name: str) -> str:
        at, inside = source, channels[0]
        for part in "ab":
            conv = net.conv(at, (inside, channels[1]), (3, 3), name=f"{name}.{part}", pads=[1] * 4)
            at, inside = net.node("Relu", conv, name=f"{conv}.relu"), channels[1]
        return at

    at, inside, skips = "x", 3, []
    for level in range(levels):
        at, inside = double(at, (inside, base << level), f"down{level}"), base << level
        skips.append(at)
        at = net.node("MaxPool", at, name=f"pool{level}", kernel_shape=[2, 2], strides=[2, 2])
    at = double(at, (inside, 2 * inside), "middle")
    for level in reversed(range(levels)):
        own = base << level
        at = net.transposed(at, (2 * own, own), (2, 2), name=f"wide{level}", strides=[2, 2])
        at = net.node("Concat", skips[level], at, name=f"skip{level}", axis=1)
        at = double(at, (2 * own, own), f"up{level}")
    net.conv(at, (base, 2), (1, 1), name="out")
    return net
