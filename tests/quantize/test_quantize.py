"""Quantization: formats that cover what was measured, and accumulators that cannot overflow."""

from pathlib import Path

import numpy as np
import pytest

from hwmap.compiler import load_source
from hwmap.errors import ModelError
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Concat, Conv, MaxPool
from hwmap.ir.requantize import requant_of
from hwmap.quantize.calibrate import measure_ranges
from hwmap.quantize.lower import lower
from tests.models import ModelBuilder, everything


def _lowered(net: ModelBuilder, tmp_path: Path, x: np.ndarray) -> tuple[Graph, Graph]:
    graph = load_source(net.save(tmp_path / "net.onnx", "out"))
    return graph, lower(graph, measure_ranges(graph, {"x": x}))


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((40, 3, 11, 9)).astype("f")


def test_zero_is_exact_and_the_range_is_covered(tmp_path: Path, images: np.ndarray):
    graph, integer = _lowered(everything(), tmp_path, images)

    for name, (low, high) in measure_ranges(graph, {"x": images}).items():
        quant = integer.tensors[name].integer
        assert quant.dequantize(np.array([quant.zero_point]))[0] == 0
        values = quant.dequantize(np.array([quant.low, quant.high]))
        if not isinstance(graph.producers.get(name), MaxPool):
            assert values[0] <= low + quant.scale
            assert values[1] >= high - quant.scale


def test_the_integer_network_is_close_to_the_float_one(tmp_path: Path, images: np.ndarray):
    graph, integer = _lowered(everything(), tmp_path, images)
    quant = integer.tensors["x"].integer

    wanted = evaluate(graph, {"x": images})["out"]
    found = evaluate(integer, {"x": quant.quantize(images)})["out"]

    values = integer.tensors["out"].integer.dequantize(found)
    assert np.linalg.norm(values - wanted) / np.linalg.norm(wanted) < 0.05


def test_what_only_a_concat_reads_is_rounded_once(tmp_path: Path, images: np.ndarray):
    net = ModelBuilder((3, 11, 9))
    for name, channels in (("a", 2), ("b", 4), ("c", 3)):
        net.conv("x", (3, channels), (1, 1), name=name)
    net.node("Concat", "a", "b", name="inner", axis=1)
    net.node("Relu", "c", name="read")
    net.node("Concat", "inner", "c", "read", name="joined", axis=1)
    net.node("MaxPool", "joined", name="out", kernel_shape=[2, 1])
    graph, integer = _lowered(net, tmp_path, images)
    formats = {name: tensor.integer for name, tensor in integer.tensors.items()}
    last = integer.producers["joined"]
    assert isinstance(last, Concat)
    first = integer.producers[last.inputs[0]]

    assert {formats[name] for name in first.inputs} == {formats["out"]}
    # What others read too keeps the format of its own values.
    assert formats[last.inputs[1]] != formats["out"]
    wanted = evaluate(graph, {"x": images})["out"]
    found = evaluate(integer, {"x": formats["x"].quantize(images)})["out"]
    assert np.abs(formats["out"].dequantize(found) - wanted)[:, :6].max() < 2 * formats["out"].scale


def test_weights_are_symmetric_per_channel_and_biases_32_bits(tmp_path: Path, images: np.ndarray):
    _, integer = _lowered(everything(), tmp_path, images)

    for op in integer.ops:
        if isinstance(op, Conv):
            weight, bias = integer.constants[op.weight], integer.constants[op.bias]
            assert weight.values.dtype == np.int8
            assert bias.values.dtype == np.int32
            assert np.abs(weight.values.astype(int)).max((1, 2, 3)).tolist() == [127] * len(
                bias.values
            )
            assert len(weight.quant.scale) == len(bias.values)


def test_a_channel_of_dead_weights_with_a_bias_does_not_overflow(tmp_path: Path):
    net = ModelBuilder((2, 2, 2))
    weight = np.array([[1.0, -1.0], [1e-12, 0.0], [0.0, 0.0]]).reshape(3, 2, 1, 1)
    inputs = ["x", net.constant(weight, "w"), net.constant(np.array([0.5, 1000.0, -3.0]), "b")]
    net.node("Conv", *inputs, name="out", kernel_shape=[1, 1])
    x = np.random.default_rng(0).standard_normal((8, 2, 2, 2)).astype("f")

    graph, integer = _lowered(net, tmp_path, x)

    quant = integer.tensors["x"].integer
    found = evaluate(integer, {"x": quant.quantize(x)})["out"]
    wanted = evaluate(graph, {"x": x})["out"]
    scale = integer.tensors["out"].integer.scale
    assert np.abs(integer.tensors["out"].integer.dequantize(found) - wanted).max() <= scale


def test_a_max_pool_keeps_its_inputs_format(tmp_path: Path, images: np.ndarray):
    _, integer = _lowered(everything(), tmp_path, images)
    pool = integer.op("max")

    assert integer.tensors[pool.output].quant == integer.tensors[pool.inputs[0]].quant


def test_a_clamp_becomes_integer_bounds(tmp_path: Path, images: np.ndarray):
    _, integer = _lowered(everything(), tmp_path, images)
    requant = requant_of(integer.op("stem"), integer)
    output = integer.tensors[integer.op("stem").output].integer

    assert requant.low == output.zero_point
    assert requant.high == 127


def test_images_that_are_all_zero_still_quantize(tmp_path: Path):
    net = ModelBuilder((2, 3, 3))
    net.conv("x", (2, 2), (1, 1), name="out", bias=False)

    _, integer = _lowered(net, tmp_path, np.zeros((2, 2, 3, 3), "f"))

    assert integer.tensors["x"].integer.scale == 1.0


@pytest.mark.parametrize("bias", [0.0, 3e5, -3e5])
def test_a_sum_of_very_many_products_fits_32_bits(bias: float, tmp_path: Path):
    net = ModelBuilder((1, 300, 300))
    weight = net.constant(np.ones((1, 1, 300, 300)), "w")
    inputs = ["x", weight, net.constant(np.array([bias]), "b")]
    net.node("Conv", *inputs, name="out", kernel_shape=[300, 300])
    x = np.stack([np.full((1, 300, 300), value, "f") for value in (-1.0, 0.3, 1.0)])

    _, integer = _lowered(net, tmp_path, x)

    op = integer.ops[0]
    assert isinstance(op, Conv)
    weights = np.abs(integer.constants[op.weight].values.astype(np.int64)).sum()
    total = 255 * weights + abs(int(integer.constants[op.bias].values[0]))
    assert 2**30 < total < 2**31


def test_weights_that_overflow_are_refused(tmp_path: Path):
    net = ModelBuilder((2, 2, 2))
    weight = net.constant(np.full((1, 2, 1, 1), 3e38, np.float32), "w")
    net.node("Conv", "x", weight, name="out", kernel_shape=[1, 1])

    with pytest.raises(ModelError, match="tensor 'out' overflows on the calibration data"):
        _lowered(net, tmp_path, np.full((1, 2, 2, 2), 10, "f"))
