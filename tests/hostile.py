"""Damaged ONNX files, from seeds, and a worker that reads them.

python -m tests.hostile FOLDER FIRST LAST     reads the files of these seeds, a line each
"""

import json
import random
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hwmap.errors import HwmapError, ModelError
from hwmap.frontend.reader import inspect_model, read_model
from hwmap.frontend.runtime import run_model
from hwmap.ir.evaluate import evaluate
from hwmap.passes import canonicalize, integer_part
from hwmap.quantize.choose import SCHEMES, quantize_graph
from hwmap.report.inspect import inspect_report
from tests.models import ModelBuilder, everything, everything_else

Proto = onnx.ModelProto
MOST_SECONDS = 10
MOST_EVALUATED = 1 << 21
"""Values of all tensors up to which a damaged network that was accepted is also run."""
HUGE = (0, -1, -(2**31), 2**31 - 1, 2**40, 2**62, 7)


def _base(rng: random.Random) -> Proto:
    build = rng.choice((everything, everything_else, _shapes, _quantized))
    return build().model("out")


def _shapes() -> ModelBuilder:
    """Shape arithmetic, moves and a linear layer; output 'out'."""
    net = ModelBuilder((4, 6, 5))
    shape = net.node("Shape", "x", name="shape")
    first = net.node("Gather", shape, net.constant(np.array([1]), "one"), name="first")
    rest = net.constant(np.array([-1]), "rest")
    target = net.node("Concat", net.constant(np.array([1]), "b"), first, rest, name="t", axis=0)
    a = net.node("Reshape", net.conv("x", (4, 4), (3, 3), name="c", pads=[1] * 4), target, name="r")
    a = net.node("Transpose", a, name="p", perm=[0, 2, 1])
    a = net.node("Expand", a, net.constant(np.array([1, 30, 4]), "e"), name="x2")
    net.gemm(net.node("Flatten", net.node("Tanh", a, name="h"), name="f"), (120, 3), name="out")
    return net


def _quantized() -> ModelBuilder:
    """Integers, channels last, and an Einsum; output 'out'."""
    net = ModelBuilder((8, 6, 3))
    scale, zero = net.constant(np.float32(0.05), "s"), net.constant(np.int8(0), "z")
    weight = net.constant(net.rng.integers(-99, 99, (4, 3, 3, 3)).astype(np.int8), "w")
    bias = net.constant(net.rng.integers(-99, 99, 4).astype(np.int32), "bias")
    a = net.node("Transpose", "x", name="t", perm=[0, 3, 1, 2])
    a = net.node("QuantizeLinear", a, scale, zero, name="q")
    a = net.node("MaxPool", a, name="m", kernel_shape=[2, 2])
    a = net.node("QLinearConv", a, scale, zero, weight, scale, zero, scale, zero, bias, name="c")
    a = net.node("Clip", a, name="k")
    a = net.node("DequantizeLinear", a, scale, zero, name="d")
    a = net.node("Transpose", a, name="u", perm=[0, 2, 3, 1])
    mean = net.node("ReduceMean", a, name="n", axes=[1, 2])
    matrix = net.constant(net.rng.standard_normal((4, 4)), "e")
    gate = net.node("Einsum", mean, matrix, name="g", equation="bhwc,cd->bhwd")
    net.node("ReduceL2", net.node("Mul", a, gate, name="h"), name="out", axes=[3])
    return net


# Each damage changes a model in place.


def _cycle(proto: Proto, rng: random.Random) -> None:
    nodes = proto.graph.node
    early, late = sorted(rng.sample(range(len(nodes)), 2))
    nodes[early].input[0] = nodes[late].output[0]


def _dangling(proto: Proto, rng: random.Random) -> None:
    rng.choice(proto.graph.node).input[0] = "nobody"


def _duplicate(proto: Proto, rng: random.Random) -> None:
    a, b = rng.sample(list(proto.graph.node), 2)
    rng.choice((lambda: setattr(a, "name", b.name), lambda: a.output.__setitem__(0, b.output[0])))()


def _type(proto: Proto, rng: random.Random) -> None:
    items = [i.type.tensor_type for i in proto.graph.input] + list(proto.graph.initializer)
    item = rng.choice(items)
    kind = rng.randrange(0, 25)
    setattr(item, "elem_type" if hasattr(item, "elem_type") else "data_type", kind)


def _dimension(proto: Proto, rng: random.Random) -> None:
    if rng.random() < 0.4:
        dim = rng.choice(proto.graph.input[0].type.tensor_type.shape.dim)
        dim.dim_value = rng.choice(HUGE)
    else:
        dims = rng.choice([i for i in proto.graph.initializer if i.dims]).dims
        dims[rng.randrange(len(dims))] = rng.choice(HUGE)


def _numbers(proto: Proto, rng: random.Random) -> None:
    floats = [i for i in proto.graph.initializer if i.data_type == TensorProto.FLOAT]
    chosen = rng.choice(floats)
    array = numpy_helper.to_array(chosen).copy()
    array.reshape(-1)[rng.randrange(array.size)] = rng.choice((np.nan, np.inf, -np.inf, 1e38))
    chosen.CopyFrom(numpy_helper.from_array(array, chosen.name))


def _integers(proto: Proto, rng: random.Random) -> None:
    chosen = rng.choice([i for i in proto.graph.initializer if i.data_type == TensorProto.INT64])
    array = numpy_helper.to_array(chosen).copy()
    array.reshape(-1)[rng.randrange(array.size)] = rng.choice(HUGE)
    chosen.CopyFrom(numpy_helper.from_array(array, chosen.name))


def _attribute(proto: Proto, rng: random.Random) -> None:
    nodes = [node for node in proto.graph.node if node.attribute]
    attribute = rng.choice(rng.choice(nodes).attribute)
    if attribute.ints:
        attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(HUGE)
    elif attribute.type == onnx.AttributeProto.INT:
        attribute.i = rng.choice(HUGE)
    else:
        attribute.type = rng.randrange(1, 14)


def _operator(proto: Proto, rng: random.Random) -> None:
    kinds = "Conv Gemm Add Concat Split Resize Pad Loop If Where QLinearConv QGemm TopK ArgMax Cast"
    kinds += " LpNormalization ReduceMax ReduceMean QuantizeLinear DequantizeLinear Einsum PRelu"
    rng.choice(proto.graph.node).op_type = rng.choice([*kinds.split(), ""])


def _drop(proto: Proto, rng: random.Random) -> None:
    node = rng.choice(proto.graph.node)
    del rng.choice((node.input, node.output, node.attribute))[:]


def _external(proto: Proto, rng: random.Random) -> None:
    chosen = rng.choice(proto.graph.initializer)
    chosen.ClearField("raw_data")
    chosen.data_location = TensorProto.EXTERNAL
    place = rng.choice(("/etc/passwd", "../secret.bin", "link.bin", "a/../../secret.bin", "", "."))
    for key, value in (("location", place), ("offset", "0"), ("length", rng.choice(("8", "x")))):
        entry = chosen.external_data.add()
        entry.key, entry.value = key, value


def _nested(proto: Proto, rng: random.Random) -> None:
    graph = helper.make_graph([], "leaf", [], [])
    for _ in range(rng.choice((3, 40, 200))):
        node = helper.make_node("If", ["x"], ["y"], then_branch=graph, else_branch=graph)
        graph = helper.make_graph([node], "level", [], [])
        if len(graph.SerializeToString()) > 1 << 20:
            break
    proto.graph.node[0].attribute.append(helper.make_attribute("body", graph))


def _opset(proto: Proto, rng: random.Random) -> None:
    proto.opset_import[0].version = rng.choice((0, 1, 6, 7, 99, -3))


DAMAGES: tuple[Callable[[Proto, random.Random], None], ...] = (
    _cycle,
    _dangling,
    _duplicate,
    _type,
    _dimension,
    _numbers,
    _integers,
    _attribute,
    _operator,
    _drop,
    _external,
    _nested,
    _opset,
)


def write_damaged(seed: int, folder: Path) -> Path:
    """The damaged file of a seed, in a folder of its own."""
    rng = random.Random(seed)
    home = folder / f"seed{seed}"
    home.mkdir()
    (folder / "secret.bin").write_bytes(b"secret" * 400)
    (home / "link.bin").symlink_to(folder / "secret.bin")
    path = home / "net.onnx"
    kind = rng.random()
    if kind < 0.02:
        path.mkdir()
    elif kind < 0.04:
        path.write_bytes(b"")
    elif kind < 0.06:
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + rng.randbytes(200))
    elif kind < 0.3:
        content = bytearray(_base(rng).SerializeToString())
        for _ in range(rng.randint(1, 8)):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
    elif kind < 0.38:
        content = _base(rng).SerializeToString()
        path.write_bytes(content[: rng.randrange(len(content))])
    else:
        proto = _base(rng)
        for _ in range(rng.choice((1, 1, 2))):
            try:
                rng.choice(DAMAGES)(proto, rng)
            except (ValueError, IndexError, TypeError, onnx.checker.ValidationError):
                continue
        path.write_bytes(proto.SerializeToString())
    return path


def read_damaged(path: Path) -> dict[str, object]:
    """What hwmap says of a file: "error" with its line, "large", or "result" with the difference of
    its outputs on ones from onnxruntime's, relative to the largest (None: onnxruntime refuses it).
    What is a result is also inspected and, if it can be, quantized.
    """
    try:
        graph = canonicalize(read_model(path))
        inspect_report(inspect_model(path))
        total = sum(tensor.elements for tensor in graph.tensors.values())
        if total > MOST_EVALUATED:
            return {"kind": "large"}
        inputs = {n: np.ones((1, *graph.shape(n)), np.float32) for n in graph.inputs}
        ours = evaluate(graph, inputs)
    except HwmapError as error:
        return {"kind": "error", "text": str(error)}
    with suppress(HwmapError):
        quantize_graph(integer_part(graph), inputs, SCHEMES[3:])
    try:
        theirs = run_model(path, inputs)
    except ModelError:
        return {"kind": "result", "difference": None}
    with np.errstate(all="ignore"):
        worst = max(_difference(ours[name].reshape(-1), theirs[name][0]) for name in ours)
    return {"kind": "result", "difference": worst}


def _difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    if not np.isfinite(theirs).all():
        return 0.0
    scale = max(float(np.abs(theirs).max()), 1e-30)
    return float(np.abs(ours.astype(np.float64) - theirs).max()) / scale


def main(folder: Path, first: int, last: int) -> None:
    opened: list[str] = []
    sys.addaudithook(lambda name, args: opened.append(str(args[0])) if name == "open" else None)
    for seed in range(first, last):
        path = write_damaged(seed, folder)
        opened.clear()
        signal.alarm(MOST_SECONDS)
        result = read_damaged(path)
        signal.alarm(0)
        outside = [name for name in opened if "secret" in name or "passwd" in name]
        gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        report = {"seed": seed, "outside": outside, "gigabytes": gigabytes}
        print(json.dumps(report | result), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
