"""Windows of a convolution's input, and how many images fit memory."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwmap.errors import DataError
from hwmap.ir.evaluate import windows
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Conv
from hwmap.ir.types import Array, Integers

MOST_VALUES = 1 << 28
"""Activations (of 4 bytes) that are kept at once."""
MOST_WINDOWS = 30_000
MOST_WINDOW_VALUES = 1 << 25
"""Windows, and their values, that an op is fitted to: more do not change ResNet-20's results."""

LARGEST = 1e15
"""Sums of squares of larger values leave float32."""
MOST_CHANCE = 0.99
"""The most that is taken for chance, as of one window: what pulls to the original stays finite."""

Singles = NDArray[np.float32]
Doubles = NDArray[np.float64]


def fitting_images(values_per_image: int, count: int) -> int:
    """How many of `count` images may be computed together."""
    return max(min(count, MOST_VALUES // values_per_image), 1)


@dataclass(frozen=True)
class Positions:
    """Pixels of an op's output: an image, a row and a column each."""

    images: Integers
    rows: Integers
    columns: Integers

    @property
    def each(self) -> int:
        """How many there are of an image, in a row."""
        return len(self.images) // (int(self.images[-1]) + 1)

    def windows(self, x: Array, op: Conv, graph: Graph) -> Singles:
        """What `op` reads of `x` (N, C, H, W) for each position: (positions, C_in * K_h * K_w).

        Raises:
            DataError: a value is beyond LARGEST.
        """
        _, _, *kernel = graph.constants[op.weight].values.shape
        view = windows(x, (kernel[0], kernel[1]), op.strides, op.pads, dilations=op.dilations)
        taken = view[self.images, :, self.rows, self.columns]
        peak = float(np.abs(taken).max(initial=0))
        if not peak <= LARGEST:
            raise DataError(
                f"op '{op.name}' reads values up to {peak:.3g} of the calibration images;"
                f" decompositions are fitted to values up to {LARGEST:g}; are the images like those"
                " that the network was trained on?"
            )
        return taken.reshape(len(taken), -1).astype(np.float32, copy=False)

    def values(self, y: Array) -> Singles:
        """The pixels (positions, C) of `y` (N, C, H, W)."""
        return np.asarray(y[self.images, :, self.rows, self.columns], np.float32)


def draw_positions(op: Conv, graph: Graph, count: int, windows: int = MOST_WINDOWS) -> Positions:
    """Some pixels of each of `count` images, drawn at random, `windows` at most of all."""
    _, rows, columns = graph.shape(op.output)
    size = graph.constants[op.weight].values[0].size
    most = min(windows, MOST_WINDOW_VALUES // size)
    each = min(rows * columns, max(-(-most // count), 1))
    rng = np.random.default_rng(0)
    pixels = np.concatenate([rng.permutation(rows * columns)[:each] for _ in range(count)])
    return Positions(np.repeat(np.arange(count), each), *np.divmod(pixels, columns))


def first_images(inputs: Mapping[str, Array], count: int) -> dict[str, Array]:
    """The first `count` images of every input."""
    return {name: values[:count] for name, values in inputs.items()}


@dataclass(frozen=True, eq=False)
class Moments:
    """Of windows: their `mean` (n,), and `gram` (n, n), the mean products of their values around
    it. `chance`: the weight of a multiple of the identity in the best estimate of what `gram` would
    be of many more images (Ledoit and Wolf, A well-conditioned estimator for large-dimensional
    covariance matrices, 2004, lemma 3.2 to 3.4; an image's windows, which are alike, are one of
    their observations)."""

    mean: Doubles
    gram: Doubles
    chance: float


def mean_and_gram(read: Singles) -> tuple[Doubles, Doubles]:
    """Of windows (m, n): see `Moments`."""
    mean = read.mean(0, dtype=np.float64)
    centred = read - mean.astype(np.float32)
    return mean, (centred.T @ centred).astype(np.float64) / len(read)


def moments(read: Singles, each: int = 1) -> Moments:
    """The moments of windows (m, n), of which `each` in a row are of one image. Of one image alone
    every window counts as an observation."""
    count, size = read.shape
    mean, gram = mean_and_gram(read)
    centred = read - mean.astype(np.float32)
    images = centred.reshape(-1, each if count > each else 1, size)
    turned = images.transpose(0, 2, 1)
    # The squares of an image's moments have the same sum either way round.
    products = images @ turned if images.shape[1] <= size else turned @ images
    squares = np.square(products / images.shape[1], dtype=np.float64).sum((1, 2))
    whole = float(np.square(gram).sum())
    spread = whole - float(np.trace(gram)) ** 2 / size
    noise = (float(squares.mean()) - whole) / len(images)
    return Moments(mean, gram, 0.0 if noise <= 0 else min(noise / max(spread, noise), MOST_CHANCE))
