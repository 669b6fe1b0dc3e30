"""Passes on moves, pads, resizes, grids, and the border to the host: a rewrite and a near miss."""

from pathlib import Path

import numpy as np
import pytest

from hwmap.frontend.reader import read_model
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import Graph
from hwmap.ir.ops import AveragePool, FakeQuant, Pad, Select
from hwmap.passes import canonicalize, device_part, host_part, repeat
from hwmap.passes.affine import fold_affine_ahead
from hwmap.passes.fake_quant import absorb_fake_quant
from hwmap.passes.hardware import not_on_hardware
from hwmap.passes.pad import lower_pad, merge_pad
from hwmap.passes.resize import split_resize
from hwmap.passes.select import lower_select
from hwmap.passes.transpose import hoist_moves
from tests.models import ModelBuilder
from tests.passes.test_passes import kinds, same


@pytest.fixture
def read(tmp_path: Path):
    """Import a network without running any pass."""

    def run(net: ModelBuilder, *outputs: str) -> Graph:
        return read_model(net.save(tmp_path / "net.onnx", *outputs))

    return run


def _gather(net: ModelBuilder, source: str, order: list[int], name: str) -> str:
    index = net.constant(np.array(order, np.int64), f"{name}.i")
    return net.node("Gather", source, index, name=name, axis=1)


def _pad(net: ModelBuilder, source: str, pads: list[int], name: str, **more: object) -> str:
    widths = net.constant(np.array(pads, np.int64), f"{name}.p")
    extra = [net.constant(np.float32(more["value"]), f"{name}.v")] if "value" in more else []
    return net.node("Pad", source, widths, *extra, name=name)


def test_a_channel_shuffle_becomes_a_fixed_convolution(read):
    net = ModelBuilder((6, 3, 3))
    net.conv(_gather(net, "x", [0, 2, 4, 1, 3, 5], "shuffle"), (6, 2), (1, 1), name="out")
    before = read(net, "out")

    after = lower_select(before)

    assert kinds(after) == ["Conv", "Conv"]
    assert after.op("shuffle").fixed
    same(before, after)


def test_two_runs_of_channels_stay_a_copy(read):
    net = ModelBuilder((6, 3, 3))
    net.conv(_gather(net, "x", [3, 4, 5, 0, 1, 2], "swap"), (6, 2), (1, 1), name="out")
    graph = read(net, "out")

    assert lower_select(graph) is graph
    assert isinstance(graph.op("swap"), Select)
    assert not_on_hardware(graph) == ()


def test_a_shuffle_of_rows_and_channels_is_split(read):
    net = ModelBuilder((4, 4, 3))
    rows = net.constant(np.array([3, 1, 0], np.int64), "rows")
    a = net.node("Gather", _gather(net, "x", [3, 0, 2, 1], "c"), rows, name="r", axis=2)
    net.conv(a, (4, 2), (1, 1), name="out")
    before = read(net, "out")

    after = lower_select(before)

    assert kinds(after) == ["Conv", "Select", "Conv"]
    same(before, after)


def test_a_pad_with_zeros_merges_into_its_readers(read):
    net = ModelBuilder((2, 5, 5))
    a = _pad(net, net.node("Tanh", "x", name="t"), [0, 0, 1, 2, 0, 0, 0, 1], "pad")
    b = net.conv(a, (2, 3), (3, 3), name="b", pads=[1, 0, 0, 1])
    c = net.node("AveragePool", a, name="c", kernel_shape=[2, 2])
    d = net.node("AveragePool", a, name="d", kernel_shape=[3, 3], pads=[1, 0, 1, 1])
    before = read(net, b, c, d)

    after = repeat(merge_pad, before)

    assert sorted(kinds(after)) == ["AveragePool", "AveragePool", "Conv", "Lookup"]
    assert after.op("b").pads == (2, 2, 0, 2)
    # What the pool pads itself does not count.
    assert (after.op("d").pads, after.op("d").uncounted) == ((2, 2, 1, 2), (1, 0, 1, 1))
    same(before, after)


def test_a_pad_stays_before_what_cannot_take_it(read):
    net = ModelBuilder((2, 5, 5))
    pads = [0, 0, 1, 1, 0, 0, 1, 1]
    a = net.node("MaxPool", _pad(net, "x", pads, "p"), name="a", kernel_shape=[2, 2])
    c = net.conv(_pad(net, "x", pads, "r", value=2.0), (2, 3), (3, 3), name="c")
    graph = read(net, a, c)

    assert repeat(merge_pad, graph) is graph
    lowered = repeat(lower_pad, graph)
    assert not any(isinstance(op, Pad) for op in lowered.ops)
    same(graph, lowered)


def test_added_channels_become_a_fixed_convolution(read):
    net = ModelBuilder((2, 4, 4))
    net.conv(_pad(net, "x", [0, 1, 1, 0, 0, 2, 0, 0], "p"), (5, 3), (1, 1), name="out")
    before = read(net, "out")

    after = repeat(lower_pad, before)

    assert after.op("p").fixed
    same(before, after)


def test_an_affine_map_folds_into_the_convolution_after_it(read):
    net = ModelBuilder((4, 5, 5))
    a = net.node("Mul", "x", net.constant(net.rng.uniform(1, 2, (4, 1, 1)), "s"), name="scale")
    a = net.node("Add", a, net.constant(net.rng.uniform(1, 2, (4, 1, 1)), "t"), name="shift")
    net.conv(a, (4, 6), (3, 3), name="out", group=2)
    before = read(net, "out")

    after = repeat(fold_affine_ahead, before)

    assert kinds(after) == ["Conv"]
    same(before, after)


def test_a_shift_does_not_fold_into_a_convolution_that_pads(read):
    net = ModelBuilder((4, 5, 5))
    a = net.node("Add", "x", net.constant(net.rng.uniform(1, 2, (4, 1, 1)), "t"), name="shift")
    net.conv(a, (4, 6), (3, 3), name="out", pads=[1] * 4)
    graph = read(net, "out")

    assert repeat(fold_affine_ahead, graph) is graph


def test_a_resize_of_two_axes_becomes_two(read):
    net = ModelBuilder((2, 3, 4))
    scales = net.constant(np.float32([1, 1, 2, 1.5]), "scales")
    net.conv(net.node("Resize", "x", "", scales, name="r", mode="linear"), (2, 2), (1, 1),
             name="out")  # fmt: skip
    before = read(net, "out")

    after = split_resize(before)

    assert kinds(after) == ["Resize", "Resize", "Conv"]
    same(before, after)
    assert split_resize(after) is after
    assert not_on_hardware(after) == ()


def test_a_cubic_resize_is_not_on_hardware(read):
    net = ModelBuilder((2, 3, 4))
    scales = net.constant(np.float32([1, 1, 2, 1]), "scales")
    net.conv(net.node("Resize", "x", "", scales, name="r", mode="cubic"), (2, 2), (1, 1),
             name="out")  # fmt: skip

    ((name, reason),) = not_on_hardware(canonicalize(read(net, "out")))

    assert name == "r"
    assert reason.startswith("mixes more than two neighbours")


def _quantized(net: ModelBuilder, source: str, scale: float, zero: int, name: str) -> str:
    parts = net.constant(np.float32(scale), f"{name}.s"), net.constant(np.int8(zero), f"{name}.z")
    integers = net.node("QuantizeLinear", source, *parts, name=f"{name}.q")
    return net.node("DequantizeLinear", integers, *parts, name=name)


def test_grids_move_to_the_tensors_before_them(read):
    net = ModelBuilder((2, 4, 4))
    a = _quantized(net, "x", 0.1, 3, "input")
    a = net.node("Relu", net.conv(a, (2, 3), (1, 1), name="c"), name="r")
    a = _quantized(net, a, 0.2, -128, "middle")
    a = _quantized(net, net.node("MaxPool", a, name="p", kernel_shape=[2, 2]), 0.2, -128, "pool")
    net.conv(a, (3, 2), (1, 1), name="out")
    before = read(net, "out")

    after = canonicalize(before)

    assert kinds(after) == ["Conv", "MaxPool", "Conv"]
    assert after.tensors["x"].grid.scale == pytest.approx(0.1)
    assert after.op("p").inputs == ("middle.q",)
    assert after.tensors["middle.q"].grid.zero_point == -128
    same(before, after)


def test_a_grid_of_a_tensor_that_others_read_becomes_a_rescale(read):
    net = ModelBuilder((2, 4, 4))
    a = net.conv("x", (2, 3), (1, 1), name="c")
    net.node("Add", _quantized(net, a, 0.1, 0, "q"), a, name="out")
    before = read(net, "out")

    after = absorb_fake_quant(before)

    assert sorted(kinds(after)) == ["Add", "AveragePool", "Conv"]
    assert not any(isinstance(op, FakeQuant) for op in after.ops)
    same(before, after)


def test_the_host_takes_a_softmax_and_the_moves_around_it(read):
    net = ModelBuilder((4, 3, 2))
    a = net.conv("x", (4, 5), (1, 1), name="logits")
    b = net.node("Softmax", net.node("Transpose", a, name="t", perm=[0, 2, 3, 1]), name="s")
    b = net.node("Transpose", b, name="u", perm=[0, 3, 1, 2])
    c = net.node("Sigmoid", net.conv("x", (4, 1), (1, 1), name="boxes"), name="scores")
    net.node("Concat", b, c, name="out", axis=1)
    graph = canonicalize(read(net, "out"))

    device, host = device_part(graph), host_part(graph)

    assert sorted(kinds(device)) == ["Conv", "Conv", "Lookup"]
    assert set(device.outputs) == {"logits", "scores"}
    x = np.random.default_rng(0).standard_normal((2, 4, 3, 2)).astype("f")
    (wanted,) = evaluate(graph, {"x": x}).values()
    (found,) = evaluate(host, evaluate(device, {"x": x})).values()
    assert np.allclose(found, wanted)


def test_the_host_decodes_what_the_engine_cannot_move(read):
    net = ModelBuilder((4, 3, 2))
    a = net.conv("x", (4, 8), (1, 1), name="heads")
    a = net.node("Transpose", a, name="t", perm=[0, 2, 3, 1])
    a = net.node("Reshape", a, net.constant(np.array([1, -1, 4]), "s"), name="boxes")
    a = net.node("Add", a, net.constant(net.rng.standard_normal((1, 12, 4)), "k"), name="anchors")
    net.node("Sigmoid", a, name="out")
    graph = canonicalize(read(net, "out"))

    device, host = device_part(graph), host_part(graph)

    assert kinds(device) == ["Conv"]
    assert not_on_hardware(device) == ()
    x = np.random.default_rng(0).standard_normal((2, 4, 3, 2)).astype("f")
    (wanted,) = evaluate(graph, {"x": x}).values()
    (found,) = evaluate(host, evaluate(device, {"x": x})).values()
    assert np.allclose(found, wanted)


def test_what_the_engine_cannot_move_stays_before_a_convolution(read):
    net = ModelBuilder((4, 3, 2))
    a = net.node("Reshape", net.conv("x", (4, 4), (1, 1), name="a"),
                 net.constant(np.array([1, 2, 6, 2]), "s"), name="r")  # fmt: skip
    net.conv(a, (2, 3), (1, 1), name="out")

    graph = canonicalize(read(net, "out"))

    assert host_part(graph) is None
    assert [name for name, _ in not_on_hardware(graph)] == ["r"]


def test_constants_of_columns_become_those_of_channels_behind_a_transpose(read):
    net = ModelBuilder((5, 4, 3))
    scale = net.constant(net.rng.uniform(1, 2, (1, 1, 1, 3)), "s")
    a = net.node("Transpose", net.node("Mul", "x", scale, name="m"), name="t", perm=[0, 3, 1, 2])
    net.conv(a, (3, 2), (3, 3), name="out")
    before = read(net, "out")

    after = repeat(hoist_moves, before)

    assert kinds(before) == ["Affine", "Select", "Conv"]
    assert kinds(after) == ["Select", "Affine", "Conv"]
    same(before, after)
    canonical = canonicalize(before)
    assert kinds(canonical) == ["Conv"]
    # The host has (height, width, channels), the network reads (channels, height, width).
    assert canonical.tensors["x"].host_axes == (0, 2, 3, 1)


def test_a_network_without_softmax_has_no_host_part(read):
    net = ModelBuilder((2, 3, 3))
    net.conv("x", (2, 2), (1, 1), name="out")
    graph = canonicalize(read(net, "out"))

    assert host_part(graph) is None
    assert device_part(graph) is graph


def test_a_pool_that_does_not_count_its_pads_keeps_them_apart(read):
    net = ModelBuilder((2, 5, 5))
    net.node("AveragePool", "x", name="out", kernel_shape=[3, 3], pads=[1, 0, 0, 1])

    (op,) = read(net, "out").ops

    assert isinstance(op, AveragePool)
    assert op.uncounted == op.pads == (1, 0, 0, 1)
