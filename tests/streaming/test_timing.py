"""The cycles of a network of kernels = its contract, cycle by cycle."""

from pathlib import Path
from random import Random

import numpy as np
import pytest

from hwmap.compiler import load_source
from hwmap.errors import DeadlockError
from hwmap.streaming.depths import image_ends, steady_cycles, sufficient_depths
from hwmap.streaming.network import build_network
from hwmap.streaming.timing import peaks, time
from tests.models import ModelBuilder
from tests.streaming.foldings import drawn_foldings
from tests.streaming.random_networks import random_network
from tests.streaming.stepped import step

IMAGES = 2
MOST_CYCLES = 6000


def _network(seed: int, folder: Path):
    graph = random_network(seed, folder)
    return build_network(graph, drawn_foldings(graph, seed))


def _small_network(seed: int, folder: Path):
    """The first of some networks that stepping through its cycles is done with soon."""
    found = (_network(some, folder) for some in range(seed, 10_000, 100))
    return next(network for network in found if network.trips * IMAGES < MOST_CYCLES / 4)


@pytest.mark.parametrize("seed", range(12))
def test_every_word_moves_on_the_cycle_of_the_contract(seed: int, tmp_path: Path):
    network = _small_network(seed, tmp_path)
    random = Random(seed)
    depths = [
        random.choice((2, 3, 5, 400)) if random.random() < 0.8 else depth
        for depth in sufficient_depths(network)
    ]

    stepped = step(network, depths, IMAGES, MOST_CYCLES)

    if stepped is None:
        with pytest.raises(DeadlockError, match="waits to"):
            time(network, depths, IMAGES)
    else:
        timing = time(network, depths, IMAGES)
        for found, wanted in ((timing.written, stepped[0]), (timing.read, stepped[1])):
            assert all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("seed", range(40))
def test_sufficient_depths_keep_the_slowest_kernel_busy(seed: int, tmp_path: Path):
    network = _network(seed, tmp_path)
    depths = sufficient_depths(network)

    assert steady_cycles(network, depths) == network.trips
    held = peaks(time(network, depths, 4))
    assert all(peak <= depth for peak, depth in zip(held, depths, strict=True))


def test_the_images_behind_the_first_come_at_the_pace_of_the_slowest_kernel(tmp_path: Path):
    network = _network(3, tmp_path)
    timing = time(network, sufficient_depths(network), 6)

    ends = image_ends(network, timing)

    assert np.diff(ends)[:3].tolist() == [network.trips] * 3


def test_a_deadlock_names_kernels_streams_and_the_cycle(tmp_path: Path):
    model = ModelBuilder((4, 8, 8))
    one = model.conv("x", (4, 4), (3, 3), name="one", pads=[1, 1, 1, 1])
    two = model.conv(one, (4, 4), (3, 3), name="two", pads=[1, 1, 1, 1])
    model.node("Add", one, two, name="skip")
    graph = load_source(model.save(tmp_path / "skip.onnx", "skip"))
    network = build_network(graph, drawn_foldings(graph, 0))

    with pytest.raises(
        DeadlockError, match=r"deadlock at cycle \d+: .*'one' \(s\d+\) \(full, 2 words\)"
    ):
        time(network, [2] * len(network.streams), IMAGES)
