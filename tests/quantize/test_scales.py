"""Scales that are powers of two: all of them, also those of a model that gives them."""

from math import frexp
from pathlib import Path

import numpy as np
import pytest

import hwmap
from hwmap.compiler import load_source
from hwmap.errors import BudgetError, ModelError
from hwmap.ir.graph import hardware_ops
from hwmap.ir.ops import Add, Conv
from hwmap.ir.requantize import requant_of
from hwmap.quantize.scales import parse_scales, scales_of
from hwmap.streaming.design.constants import factor_code, factor_of, shifted
from tests.models import ModelBuilder, everything


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return everything().save(tmp_path / "net.onnx", "out")


def _quantized(model: Path, folder: Path, scales: str | None) -> tuple[hwmap.QuantizeResult, Path]:
    images = np.random.default_rng(0).standard_normal((20, 3, 11, 9)).astype("f")
    np.savez(folder / "calib.npz", x=images)
    path = folder / f"{scales}.onnx"
    return hwmap.quantize(model, path, calib=folder / "calib.npz", scales=scales), path


def test_every_scale_is_a_power_of_two(model: Path, tmp_path: Path):
    graph = _quantized(model, tmp_path, "power-of-two")[0].graph

    scales = [tensor.integer.scalar_scale for tensor in graph.tensors.values()]
    for op in hardware_ops(graph):
        if isinstance(op, Conv):
            quant = graph.constants[op.weight].quant
            assert quant is not None
            scales += np.atleast_1d(quant.scale).tolist()
    assert {frexp(scale)[0] for scale in scales} == {0.5}


def test_a_model_with_such_scales_keeps_them_and_others_are_refused(model: Path, tmp_path: Path):
    _, powers = _quantized(model, tmp_path, "power-of-two")
    _, others = _quantized(model, tmp_path, None)

    assert scales_of(load_source(powers), None) == "power-of-two"
    assert scales_of(load_source(others), None) == "free"
    assert scales_of(load_source(model), None) == "free"
    with pytest.raises(ModelError, match=r"gives \d+ scales that are not powers of two"):
        scales_of(load_source(others), "power-of-two")


def test_unknown_scales_are_named():
    with pytest.raises(BudgetError, match="unknown scales 'two'; expected one of free, power"):
        parse_scales("two")


def test_a_shift_is_the_multiplication_that_it_replaces(model: Path, tmp_path: Path):
    graph = _quantized(model, tmp_path, "power-of-two")[0].graph
    sums = np.arange(-5000, 5000, 7)

    for op in hardware_ops(graph):
        if not isinstance(op, Conv | Add):
            continue
        before = requant_of(op, graph)
        after, left = shifted(before)
        ratios = before.multipliers * 2.0**-before.shifts
        assert np.array_equal(ratios, after.multipliers * 2.0**-after.shifts)
        if isinstance(op, Conv):
            assert set(after.multipliers) == {1 << left}
            assert after.shifts.min() >= 0
            found = (sums[:, None] << left) * 2.0 ** -after.shifts.astype(float)
            assert np.array_equal(found, sums[:, None] * ratios)
        else:
            assert [factor_of(factor_code(int(m))) for m in after.multipliers] == list(
                after.multipliers
            )
            assert np.abs(after.multipliers).max() == 1 << left


def test_a_term_that_is_nearly_nothing_and_a_dead_channel_shift_too(tmp_path: Path):
    net = ModelBuilder((4, 6, 6))
    net.conv("x", (4, 6), (3, 3), name="a", bias=False)
    weight = net.rng.standard_normal((6, 4, 3, 3)) * 1e-9
    weight[2] = 0
    net.node("Conv", "x", net.constant(weight, "w"), name="b", kernel_shape=[3, 3])
    net.node("Sub", "a", "b", name="out")
    model = net.save(tmp_path / "net.onnx", "out")

    result = hwmap.compile(
        model, "kv260", tmp_path / "build", style="streaming", scales="power-of-two", time_limit=5
    )

    graph = result.compiled.graph
    (add,) = (op for op in hardware_ops(graph) if isinstance(op, Add))
    assert sorted(np.sign(requant_of(add, graph).multipliers)) == [-1, 1]
    assert hwmap.verify(tmp_path / "build").holds
