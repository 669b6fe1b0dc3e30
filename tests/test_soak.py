"""Long runs: larger networks, and random networks on random budgets, up every rung."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import hwmap
from hwmap.board import load_board
from hwmap.compiler import load_source
from tests.models import ModelBuilder
from tests.networks import SHARED

pytestmark = pytest.mark.soak


@pytest.mark.parametrize(
    ("name", "board"),
    [
        ("resnet20_cifar10", "pynq-z2"),
        ("resnet56_cifar10", "pynq-z2"),
        ("autoencoder_ad", "pynq-z2"),
        ("mobilenetv1_050_160_imagenet", "kv260"),
        ("autoencoder_ad", "u250"),
        ("resnet8_cifar10_int8_qdq", "pynq-z2"),
        ("squeezenet11_imagenet", "u250"),
        ("fastestdet_coco", "u250"),
    ],
)
def test_a_larger_network_climbs_every_rung(name: str, board: str, tmp_path: Path):
    if not SHARED.is_dir():
        pytest.skip("the shared networks are not here")
    model = SHARED / "models" / f"{name}.onnx"
    source = load_source(model)
    shape = source.shape(source.inputs[0])
    count = 2 if np.prod(shape) > 100_000 else 8
    images = np.random.default_rng(0).standard_normal((count, *shape)).astype("f")
    if source.tensors[source.inputs[0]].given is not None:
        images = np.rint(images * 40).clip(-128, 127)
    np.savez(tmp_path / "calib.npz", x=images)

    hwmap.compile(model, board, tmp_path / "build", calib=tmp_path / "calib.npz", time_limit=10)

    assert hwmap.verify(tmp_path / "build").holds


@dataclass
class _Growing:
    """A random network as far as it has grown: its last tensor, and that one's shape."""

    net: ModelBuilder
    rng: random.Random
    tensor: str
    channels: int

    def pads(self, most: int) -> list[int]:
        return [self.rng.randint(1, most) for _ in range(4)]


def _pool(g: _Growing, name: str) -> None:
    kind = g.rng.choice(("MaxPool", "AveragePool"))
    counted = {"count_include_pad": g.rng.randint(0, 1)} if kind == "AveragePool" else {}
    strides = [g.rng.randint(1, 2), g.rng.randint(1, 2)]
    g.tensor = g.net.node(kind, g.tensor, name=name, kernel_shape=[2, 2], pads=g.pads(1),
                          strides=strides, ceil_mode=g.rng.randint(0, 1), **counted)  # fmt: skip


def _skip(g: _Growing, name: str) -> None:
    side = g.net.conv(g.tensor, (g.channels, g.channels), (3, 3), name=f"{name}.side", pads=[1] * 4)
    kind = g.rng.choice(("Add", "Sub", "Mul"))
    g.tensor = g.net.node("Relu", g.net.node(kind, side, g.tensor, name=name), name=f"{name}.relu")


def _convolution(g: _Growing, name: str) -> None:
    kind = g.rng.choice(("conv", "conv", "depthwise", "group"))
    group = {"conv": 1, "depthwise": g.channels, "group": g.channels}[kind]
    out = {"conv": g.rng.randint(1, 20), "depthwise": g.channels, "group": 2 * g.channels}[kind]
    kernel = (g.rng.randint(1, 3), g.rng.randint(1, 3))
    strides = [g.rng.randint(1, 2), g.rng.randint(1, 2)]
    g.tensor = g.net.conv(g.tensor, (g.channels, out), kernel, name=name, group=group,
                          pads=g.pads(2), strides=strides)  # fmt: skip
    g.channels = out


def _transposed(g: _Growing, name: str) -> None:
    out = g.rng.randint(1, 6)
    strides = [g.rng.randint(1, 3), g.rng.randint(1, 2)]
    kernel = (g.rng.randint(1, 4), g.rng.randint(1, 3))
    g.tensor = g.net.transposed(g.tensor, (g.channels, out), kernel, name=name, strides=strides,
                                dilations=[1, g.rng.randint(1, 2)])  # fmt: skip
    g.channels = out


def _function(g: _Growing, name: str) -> None:
    kind = g.rng.choice(("Sigmoid", "Tanh", "HardSwish", "LeakyRelu", "Softplus"))
    g.tensor = g.net.node(kind, g.tensor, name=name)


def _excite(g: _Growing, name: str) -> None:
    a = g.net.node("GlobalAveragePool", g.tensor, name=f"{name}.pool")
    a = g.net.conv(a, (g.channels, g.channels), (1, 1), name=f"{name}.conv")
    a = g.net.node("Sigmoid", a, name=f"{name}.gate")
    g.tensor = g.net.node("Mul", g.tensor, a, name=name)


def _join(g: _Growing, name: str) -> None:
    other = g.net.node("Tanh", g.tensor, name=f"{name}.other")
    axis = g.rng.choice((1, 1, 2, 3))
    g.tensor = g.net.node("Concat", other, g.tensor, other, name=name, axis=axis)
    g.channels *= 3 if axis == 1 else 1


def _shuffle(g: _Growing, name: str) -> None:
    order = g.rng.sample(range(g.channels), g.rng.randint(1, g.channels))
    index = g.net.constant(np.array(order, np.int64), f"{name}.index")
    g.tensor = g.net.node("Gather", g.tensor, index, name=name, axis=1)
    g.channels = len(order)


def _resize(g: _Growing, name: str) -> None:
    scales = np.float32([1, 1, g.rng.choice((1, 1.5, 2)), g.rng.choice((1, 1.25, 3))])
    mode = g.rng.choice(("nearest", "linear"))
    g.tensor = g.net.node("Resize", g.tensor, "", g.net.constant(scales, f"{name}.scales"),
                          name=name, mode=mode)  # fmt: skip


def _edge(g: _Growing, name: str) -> None:
    pads = g.net.constant(np.array([0, 0, *g.pads(2)[:2], 0, 0, *g.pads(2)[:2]]), f"{name}.pads")
    mode = g.rng.choice(("edge", "constant"))
    g.tensor = g.net.node("Pad", g.tensor, pads, name=name, mode=mode)


GROW = (_pool, _skip, _convolution, _convolution, _transposed, _function, _excite, _join, _shuffle,
        _resize, _edge)  # fmt: skip


def random_network(rng: random.Random) -> ModelBuilder:
    """A few random ops one after the other, with branches that join again at once."""
    channels, height, width = rng.choice((1, 2, 3, 5)), rng.randint(5, 13), rng.randint(5, 13)
    net = ModelBuilder((channels, height, width), seed=rng.randint(0, 10**6), opset=14)
    growing = _Growing(net, rng, "x", channels)
    _convolution(growing, "stem")
    for index in range(rng.randint(2, 6)):
        grow = rng.choice(GROW)
        grow(growing, f"{grow.__name__.strip('_')}{index}")
    net.node("Relu", growing.tensor, name="out")
    return net


@pytest.mark.parametrize("seed", range(22))
def test_a_random_network_on_a_random_budget_climbs_every_rung(seed: int, tmp_path: Path):
    rng = random.Random(seed)
    model = random_network(rng).save(tmp_path / "net.onnx", "out")
    board = load_board(rng.choice(("kv260", "pynq-z2", "u250")))
    dsp = rng.choice((58, 66, 90, 200, board.dsp))
    ample = hwmap.compile(model, board, dsp=min(dsp, board.dsp), time_limit=1)
    memory = int(str(ample.report.memory_bytes))

    hwmap.compile(
        model,
        board,
        tmp_path / "build",
        dsp=min(dsp, board.dsp),
        mem=memory + rng.randint(0, 64),
        max_drop=0.0,
        time_limit=1,
    )

    assert hwmap.verify(tmp_path / "build").holds
