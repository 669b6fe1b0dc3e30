"""Choices of quantization: estimators, bias correction, and scales that the requantizer meets."""

from pathlib import Path

import numpy as np
import pytest

from hwmap.errors import ModelError
from hwmap.inference import load_network
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Add, Concat, Conv, Mul, copies_values
from hwmap.ir.requantize import multiplier_and_shift, requant_of
from hwmap.passes import device_part
from hwmap.quantize.calibrate import ESTIMATORS, estimate_ranges
from hwmap.quantize.choose import (
    SCHEMES,
    Scheme,
    output_error,
    quantize_graph,
    schemes_of,
    weight_error_means,
)
from hwmap.quantize.lower import lower
from tests.models import ModelBuilder, everything, everything_else


def _device(net: ModelBuilder, tmp_path: Path, output: str = "out") -> Graph:
    return device_part(load_network(net.save(tmp_path / "net.onnx", output)).whole)


def _images(graph: Graph, count: int = 12) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {n: rng.standard_normal((count, *graph.shape(n))).astype("f") for n in graph.inputs}


def test_estimators_agree_but_for_the_tails(tmp_path: Path):
    net = ModelBuilder((1, 50, 50))
    net.conv("x", (1, 1), (1, 1), name="out")
    graph = _device(net, tmp_path)
    values = np.random.default_rng(0).standard_normal((8, 1, 50, 50)).astype("f")
    values[0, 0, 0, 0] = 100

    ranges = {e: r["x"] for e, r in estimate_ranges(graph, {"x": values}).items()}

    assert ranges["min-max"] == (pytest.approx(values.min()), 100)
    ordered = np.sort(values.reshape(-1))
    assert ranges["percentile"][1] == pytest.approx(ordered[-2], abs=100 / 2048 * 2)
    assert ranges["mse"][1] < 100
    assert set(ranges) == set(ESTIMATORS)


def test_a_tensor_that_is_always_zero_has_a_range(tmp_path: Path):
    net = ModelBuilder((1, 4, 4))
    net.conv("x", (1, 1), (1, 1), name="out")
    graph = _device(net, tmp_path)

    ranges = estimate_ranges(graph, {"x": np.zeros((2, 1, 4, 4), "f")})

    assert {r["x"] for r in ranges.values()} == {(0.0, 0.0)}


@pytest.mark.parametrize("build", [everything, everything_else])
def test_the_recipe_of_least_error_is_taken(build, tmp_path: Path):
    graph = _device(build(), tmp_path)

    made = quantize_graph(graph, _images(graph))

    assert set(made.errors) == set(SCHEMES)
    assert made.errors[made.scheme] == min(made.errors.values())
    assert made.errors[made.scheme] < 0.1


def test_recipes_are_those_that_are_left_open():
    assert schemes_of("mse", True) == (Scheme("mse", True),)
    assert schemes_of(None, False) == tuple(Scheme(e, False) for e in ESTIMATORS)
    assert schemes_of(None, None) == SCHEMES


def test_bias_correction_restores_the_mean_of_every_channel(tmp_path: Path):
    net = ModelBuilder((8, 6, 6))
    net.conv(net.node("Relu", "x", name="r"), (8, 5), (3, 3), name="out")
    graph = _device(net, tmp_path)
    images = {name: values + 2 for name, values in _images(graph, 16).items()}
    ranges = estimate_ranges(graph, images, ("min-max",))["min-max"]
    plain = lower(graph, ranges)

    corrected = lower(graph, ranges, weight_error_means(graph, plain, images))

    left = weight_error_means(graph, plain, images)["out"]
    scale = np.array(corrected.constants[corrected.op("out").bias].quant.scale)
    moved = (
        corrected.constants[corrected.op("out").bias].values.astype(float)
        - plain.constants[plain.op("out").bias].values
    ) * scale
    assert np.abs(left).max() > scale.max()
    assert np.abs(moved - left).max() <= scale.max()


def _exact(ratio: float) -> bool:
    multiplier, shift = multiplier_and_shift(ratio)
    return abs(multiplier * 2.0**-shift / ratio - 1) < 2.0**-22


def test_scales_are_where_the_requantizer_is_exact(tmp_path: Path):
    graph = _device(everything_else(), tmp_path)
    integer = quantize_graph(graph, _images(graph), SCHEMES[:1]).graph
    scale = {name: tensor.integer.scalar_scale for name, tensor in integer.tensors.items()}
    exact = []
    for op in integer.ops:
        if isinstance(op, Conv) and not copies_values(op):
            weights = integer.constants[op.weight].quant.scale
            exact += [_exact(scale[op.inputs[0]] * w / scale[op.output]) for w in weights]
        elif isinstance(op, Mul):
            product = scale[op.inputs[0]] * scale[op.inputs[1]]
            exact.append(_exact(product / scale[op.output]))
        elif isinstance(op, Concat):
            exact += [_exact(scale[name] / scale[op.output]) for name in op.inputs]
        elif isinstance(op, Add):
            requant = requant_of(op, integer)
            met = np.abs(requant.multipliers) * 2.0 ** -requant.shifts.astype(float)
            wanted = [scale[name] / scale[op.output] for name in op.inputs]
            exact += (np.abs(met / wanted - 1) < 2.0**-20).tolist()

    assert len(exact) > 20
    # A tensor of several readers has one scale, which cannot suit all of them.
    assert sum(exact) >= 0.9 * len(exact)


def test_an_error_of_zero_is_that_of_the_network_itself(tmp_path: Path):
    net = ModelBuilder((1, 4, 4))
    net.node("MaxPool", "x", name="out", kernel_shape=[2, 2], strides=[2, 2])
    graph = _device(net, tmp_path)
    images = {"x": np.arange(-64, 64, dtype="f").reshape(8, 1, 4, 4)}
    integer = lower(graph, {"x": (-128.0, 127.0), "out": (-128.0, 127.0)})

    error = output_error(
        integer, images, {"out": images["x"].reshape(8, 1, 2, 2, 2, 2).max((3, 5))}
    )

    assert error == 0


def test_data_that_overflows_is_refused(tmp_path: Path):
    net = ModelBuilder((1, 4, 4))
    net.conv(net.node("Exp", "x", name="e"), (1, 1), (1, 1), name="out")
    graph = _device(net, tmp_path)

    with pytest.raises(ModelError, match="overflows on the calibration data"):
        quantize_graph(graph, {"x": np.full((2, 1, 4, 4), 1000, "f")})
