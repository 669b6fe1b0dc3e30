"""What the factors of a convolution are fitted to: the best dense weights for some data, and the
second moments of that data, in which the distance of other weights is the error of the output."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from hwmap.decompose.samples import Moments

Floats = NDArray[np.float64]
Factors = tuple[Floats, ...]
RIDGE = 0.01
"""Least weight of the distance from the original weights, as a share of the mean second moment of
an input. Measured on ResNet-20 at 40 and 50 % of its MACs: 0.01 is a little better than 0.001."""
DOUBT = 5
"""How far the moments that an error is measured in are drawn to the identity, in what is best for
the moments as a whole: weights of low rank leave their error where the moments are least, and there
they are furthest off. Measured on every layer of mobilenetv1_050, squeezenet and ResNet-20 at a
quarter and at half of full rank, on other images: with 5 the error is mostly within 1 % of the best
there is, with 1 up to 17 % above it (last layers of mobilenetv1_050)."""

SMALL = 1e-9
"""A relative residual at which a fit is exact: what is left is rounding."""


@dataclass(frozen=True, eq=False)
class Metric:
    """Second moments of a window's values, split into the `inner` axes, on which a first factor
    acts, and the others: `gram` (inner, outer, inner, outer)."""

    gram: Floats

    @cached_property
    def inner(self) -> Floats:
        """The mean moments (inner, inner) over the outer positions."""
        return np.asarray(np.einsum("isjs->ij", self.gram) / self.gram.shape[1])

    @cached_property
    def inverse(self) -> Floats:
        """The inverse of `inner`."""
        return inverse(self.inner)

    @cached_property
    def roots(self) -> tuple[Floats, Floats]:
        """The symmetric square root of `inner`, and its inverse."""
        values, vectors = np.linalg.eigh(self.inner)
        values = np.sqrt(np.maximum(values, values[-1] * 1e-12 + 1e-300))
        return np.asarray((vectors * values) @ vectors.T), np.asarray(
            (vectors / values) @ vectors.T
        )


@dataclass(frozen=True, eq=False)
class Split:
    """A target with its window split: `weight` (C_out, inner, outer)."""

    weight: Floats
    metric: Metric

    def rows(self, start: int, stop: int) -> "Split":
        """The same for some of the output channels."""
        return Split(self.weight[start:stop], self.metric)


@dataclass(frozen=True, eq=False)
class Target:
    """`weight` (C_out, C_in, K_h, K_w): the least squares weights. `gram` (n, n): the mean of p p^T
    over all windows p of n = C_in * K_h * K_w values around their mean, and a ridge.

    For other weights V, E|V p - best output|^2 = E|weight p - best output|^2 + `loss(V)`.
    """

    weight: Floats
    gram: Floats

    def loss(self, weight: Floats) -> float:
        """The squared error that `weight` (C_out, C_in, K_h, K_w) adds to the output."""
        change = (weight - self.weight).reshape(len(weight), -1)
        return float(np.einsum("oi,oi->", change @ self.gram, change))

    @cached_property
    def image(self) -> Floats:
        """The weights times the moments, (C_out, C_in, K_h, K_w)."""
        flat = self.weight.reshape(len(self.weight), -1)
        return np.asarray((flat @ self.gram).reshape(self.weight.shape))

    @cached_property
    def flat(self) -> "Target":
        """The same with rows and columns as one axis."""
        out, channels, *_ = self.weight.shape
        return Target(self.weight.reshape(out, channels, -1, 1), self.gram)

    @cached_property
    def split(self) -> Callable[[str], Split]:
        """The target split by the inner axes, out of "c" (channels), "h" (rows), "w" (columns)."""
        return cache(self._split)

    def _split(self, inner: str) -> Split:
        out, *sizes = self.weight.shape
        axes = order(inner)
        positions = np.arange(prod(sizes)).reshape(sizes).transpose(axes).ravel()
        first = prod(sizes[axis] for axis in axes[: len(inner)])
        rest = len(positions) // first
        gram = self.gram[np.ix_(positions, positions)].reshape(first, rest, first, rest)
        weight = self.weight.reshape(out, -1)[:, positions].reshape(out, first, rest)
        return Split(weight, Metric(gram))


def regress(gram: Floats, cross: Floats, prior: Floats, chance: float) -> Target:
    """Least squares with a pull towards the original weights `prior` (C_out, C_in, K_h, K_w).

    `gram` (n, n) and `cross` (C_out, n) are the mean products of inputs with inputs, and of outputs
    with inputs, around their means. The more of `gram` is `chance` (see `Moments`), the stronger
    the pull, and the less the target's moments differ from a multiple of the identity.
    """
    level, likely = np.trace(gram) / len(gram), chance / (1 - chance)
    ridge = level * max(RIDGE, likely) + 1e-12
    flat = prior.reshape(len(prior), -1)
    weight: Floats = np.linalg.solve(_raised(gram, ridge), (cross + ridge * flat).T).T
    doubted = _raised(gram, level * max(RIDGE, DOUBT * likely) + 1e-12)
    return Target(weight.reshape(prior.shape), doubted)


def _raised(gram: Floats, by: float) -> Floats:
    """The matrix with its diagonal raised."""
    found = gram.copy()
    np.einsum("ii->i", found)[:] += by
    return found


def given_target(known: Moments, weight: Floats) -> Target:
    """The target if `weight` (C_out, C_in, K_h, K_w) is best for data of moments `known`."""
    cross = weight.reshape(len(weight), -1) @ known.gram
    return regress(known.gram, cross, weight, known.chance)


def order(inner: str) -> list[int]:
    """The axes (0 channels, 1 rows, 2 columns) in the order inner, then outer."""
    return [*("chw".index(axis) for axis in inner), *(i for i in range(3) if "chw"[i] not in inner)]


def behind(parts: Split, first: Floats) -> tuple[Floats, Floats]:
    """Second moments of what `first` (rank, inner) makes of the windows, with the windows
    (rank, outer, inner, outer) and with itself (rank * outer, rank * outer)."""
    moments = np.tensordot(first, parts.metric.gram, (1, 0))
    gram = np.einsum("rsit,qi->rsqt", moments, first, optimize=True)
    return moments, np.asarray(gram.reshape(len(first) * parts.weight.shape[2], -1))


def fit_second(parts: Split, first: Floats) -> Floats:
    """The best second factor (C_out, rank, outer) for the first one (rank, inner): least squares on
    what the first one makes of the data."""
    out, inner, outer = parts.weight.shape
    rank = len(first)
    moments, gram = behind(parts, first)
    gram += 1e-10 * np.trace(gram) / len(gram) * np.eye(len(gram))
    cross = moments.reshape(rank * outer, inner * outer) @ parts.weight.reshape(out, -1).T
    return np.asarray(np.linalg.solve(gram, cross).T.reshape(out, rank, outer))


def improve_first(parts: Split, first: Floats, second: Floats, steps: int) -> Floats:
    """A better first factor (rank, inner) for the second one (C_out, rank, outer): `steps` of
    preconditioned conjugate gradients on the squared error of the output."""
    out, inner, outer = parts.weight.shape
    gram = parts.metric.gram.reshape(inner * outer, -1)
    by_input = parts.metric.inverse
    by_rank = inverse(np.einsum("ors,oqs->rq", second, second, optimize=True))

    def spread(factor: Floats) -> Floats:
        whole = np.einsum("ri,ors->ois", factor, second, optimize=True)
        return np.asarray(whole.reshape(out, -1))

    def gather(values: Floats) -> Floats:
        whole = values.reshape(out, inner, outer)
        return np.asarray(np.einsum("ois,ors->ri", whole, second, optimize=True))

    def image(factor: Floats) -> Floats:
        return gather(spread(factor) @ gram)

    wanted = gather(parts.weight.reshape(out, -1) @ gram)
    return descend(first, wanted, image, lambda r: by_rank @ r @ by_input, steps)


def descend(
    factor: Floats,
    wanted: Floats,
    image: Callable[[Floats], Floats],
    precondition: Callable[[Floats], Floats],
    steps: int,
) -> Floats:
    """At most `steps` of preconditioned conjugate gradients for image(factor) = wanted (Golub and
    Van Loan, Matrix Computations, section 11.5)."""
    residual = wanted - image(factor)
    ahead = precondition(residual)
    direction, power = ahead, float((residual * ahead).sum())
    for _ in range(steps):
        if np.linalg.norm(residual) <= SMALL * np.linalg.norm(wanted):
            break
        curved = image(direction)
        curvature = float((direction * curved).sum())
        if curvature <= 0:
            break
        step = power / curvature
        factor = factor + step * direction
        residual = residual - step * curved
        ahead = precondition(residual)
        before, power = power, float((residual * ahead).sum())
        direction = ahead + power / max(before, 1e-300) * direction
    return factor


def inverse(gram: Floats) -> Floats:
    """The inverse of a matrix of second moments."""
    size = len(gram)
    return np.asarray(np.linalg.inv(gram + (1e-6 * np.trace(gram) / size + 1e-300) * np.eye(size)))


def powers(first: Floats, gram: Floats) -> Floats:
    """The root mean square of each value (rank,) that `first` (rank, inner) makes of data with the
    moments `gram`; 1 where there is none. Divided by it, all values share one 8-bit format well."""
    squares = np.einsum("ri,ij,rj->r", first, gram, first, optimize=True)
    power = np.sqrt(np.maximum(squares, 0))
    return np.where(power > 1e-9 * power.max(initial=0), power, 1.0)
