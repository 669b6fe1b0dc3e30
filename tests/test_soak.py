"""Long runs: larger networks, and random networks on random budgets, up every rung."""

import random
from pathlib import Path

import numpy as np
import pytest

import hwmap
from hwmap.board import board_names, load_board
from hwmap.compiler import load_source
from tests.models import Network
from tests.networks import SHARED

pytestmark = pytest.mark.soak


@pytest.mark.parametrize(
    ("name", "board"),
    [
        ("resnet56_cifar10", "pynq-z2"),
        ("autoencoder_ad", "pynq-z2"),
        ("mobilenetv1_050_160_imagenet", "kv260"),
        ("autoencoder_ad", "u250"),
    ],
)
def test_a_larger_network_climbs_every_rung(name: str, board: str, tmp_path: Path):
    if not SHARED.is_dir():
        pytest.skip("the shared networks are not here")
    model = SHARED / "models" / f"{name}.onnx"
    source = load_source(model)
    shape = source.shape(source.inputs[0])
    images = np.random.default_rng(0).standard_normal((8, *shape)).astype("f")
    np.savez(tmp_path / "calib.npz", x=images)

    hwmap.compile(model, board, tmp_path / "build", calib=tmp_path / "calib.npz", time_limit=10)

    assert hwmap.verify(tmp_path / "build").holds


def _random_network(rng: random.Random) -> Network:
    """A few random ops one after the other, with a skip connection where shapes allow."""
    channels, size = rng.choice((1, 2, 3, 5)), rng.randint(5, 13)
    net = Network((channels, size, rng.randint(5, 13)), seed=rng.randint(0, 10**6))
    tensor = "x"
    for index in range(rng.randint(2, 6)):
        kind = rng.choice(("conv", "conv", "depthwise", "group", "max", "average", "skip"))
        name = f"{kind}{index}"
        # Wide enough pads that a window of 3 fits, however small the map has become.
        pads = [rng.randint(1, 2) for _ in range(4)]
        strides = [rng.randint(1, 2), rng.randint(1, 2)]
        if kind in ("max", "average"):
            operator = {"max": "MaxPool", "average": "AveragePool"}[kind]
            extra = {"count_include_pad": 1} if kind == "average" else {}
            pads = [min(pad, 1) for pad in pads]
            tensor = net.node(
                operator,
                tensor,
                name=name,
                kernel_shape=[2, 2],
                pads=pads,
                strides=strides,
                **extra,
            )
            continue
        if kind == "skip":
            side = net.conv(tensor, (channels, channels), (3, 3), name=f"{name}.side", pads=[1] * 4)
            tensor = net.node("Relu", net.node("Add", side, tensor, name=name), name=f"{name}.relu")
            continue
        group = {"conv": 1, "depthwise": channels, "group": channels}[kind]
        out = {"conv": rng.randint(1, 20), "depthwise": channels, "group": 2 * channels}[kind]
        kernel = (rng.randint(1, 3), rng.randint(1, 3))
        tensor = net.conv(
            tensor, (channels, out), kernel, name=name, group=group, pads=pads, strides=strides
        )
        channels = out
    net.node("Relu", tensor, name="out")
    return net


@pytest.mark.parametrize("seed", range(40))
def test_a_random_network_on_a_random_budget_climbs_every_rung(seed: int, tmp_path: Path):
    rng = random.Random(seed)
    model = _random_network(rng).save(tmp_path / "net.onnx", "out")
    board = load_board(rng.choice(board_names()))
    dsp = rng.choice((4, 9, 31, 100, board.dsp))
    ample = hwmap.compile(model, board, dsp=min(dsp, board.dsp), time_limit=2)
    memory = int(str(ample.report["memory_bytes"]))

    hwmap.compile(
        model,
        board,
        tmp_path / "build",
        dsp=min(dsp, board.dsp),
        mem=memory + rng.randint(0, 64),
        max_error=rng.choice((0.0, 0.2)),
        time_limit=2,
    )

    assert hwmap.verify(tmp_path / "build").holds
