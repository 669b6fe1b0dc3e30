"""What windows tell about others."""

import numpy as np
import pytest

from hwmap.decompose.samples import moments


@pytest.mark.parametrize("count", [5, 40, 4000])
def test_chance_is_the_share_of_the_moments_that_is_not_there_in_others(count: int):
    rng = np.random.default_rng(count)
    read = (rng.standard_normal((count, 12)) * np.linspace(0.2, 2, 12) + 3).astype("f")

    found = moments(read)

    centred = read - read.mean(0)
    each = np.einsum("mi,mj->mij", centred, centred)
    assert found.mean == pytest.approx(read.mean(0), rel=1e-5)
    assert found.gram == pytest.approx(each.mean(0), abs=1e-4)
    # How far the mean of so many is from the true one, and how far it is from a sphere.
    noise = np.square(each - each.mean(0)).sum((1, 2)).mean() / count
    sphere = np.eye(12) * np.trace(each.mean(0)) / 12
    assert found.chance == pytest.approx(
        min(noise / np.square(each.mean(0) - sphere).sum(), 0.99), rel=0.01
    )


def test_chance_is_small_for_many_windows_and_most_for_few():
    rng = np.random.default_rng(0)
    scale = np.linspace(0.2, 2, 12)

    chances = [
        moments((rng.standard_normal((count, 12)) * scale).astype("f")).chance
        for count in (10, 100, 1000, 30_000)
    ]

    assert chances == sorted(chances, reverse=True)
    assert chances[0] > 0.4
    assert chances[-1] < 0.001


@pytest.mark.parametrize("each", [3, 9, 20])
def test_alike_windows_of_an_image_tell_no_more_than_one(each: int):
    rng = np.random.default_rng(each)
    images = (rng.standard_normal((30, 9)) * np.linspace(0.2, 2, 9)).astype("f")
    windows = np.repeat(images, each, axis=0)

    assert moments(windows, each).chance == pytest.approx(moments(images).chance, rel=1e-3)
    assert moments(windows).chance == pytest.approx(moments(images).chance / each, rel=1e-3)


@pytest.mark.parametrize("read", [np.ones((1, 3), "f"), np.zeros((4, 3), "f")])
def test_nothing_to_tell(read: np.ndarray):
    assert 0 <= moments(read).chance < 1
