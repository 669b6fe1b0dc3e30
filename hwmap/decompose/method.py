"""The ways to build a convolution: families of factors, their ranks and groups."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Literal, assert_never

import numpy as np

from hwmap.decompose.cpd import cpd, cpd_plane
from hwmap.decompose.svd import svd
from hwmap.decompose.target import Factors, Floats, Target
from hwmap.decompose.tucker import tucker

MethodKind = Literal[
    "dense", "svd-input", "svd-spatial", "svd-output", "tucker", "cpd", "cpd-plane"
]
Weight = tuple[int, ...]
"""The shape (C_out, C_in / groups, K_h, K_w) of a convolution's weights."""
GROUPS = (1, 2, 4)
RANK_STEP = 4
"""Ranks are multiples of this: they fold onto PE and SIMD of 4 without a remainder."""
MOST_RANKS = {"cpd": 6, "cpd-plane": 10}
MOST_SVD_RANKS = 6
MOST_GROUPED_RANKS = 3
MOST_TUCKER_RANKS = 3
"""At most as many ranks are tried for a family; for Tucker-2 of each of its two."""


@dataclass(frozen=True)
class Method:
    """One way to build a convolution: the family, its ranks, and groups for the SVDs."""

    kind: MethodKind
    ranks: tuple[int, ...] = ()
    groups: int = 1

    def __str__(self) -> str:
        ranks = "x".join(map(str, self.ranks))
        return f"{self.kind} {ranks}{f' in {self.groups} groups' * (self.groups > 1)}".strip()


DENSE = Method("dense")


def fit_factors(target: Target, method: Method, *, quick: bool = False) -> Factors:
    """The weights of the convolutions that replace one with the weights of `target`; `quick`: good
    enough to compare methods."""
    match method.kind:
        case "dense":
            return (target.weight,)
        case "svd-input" | "svd-spatial" | "svd-output":
            return svd(target, method.kind, method.ranks[0], method.groups)
        case "tucker":
            return tucker(target, *method.ranks)
        case "cpd":
            return cpd(target, method.ranks[0], quick=quick)
        case "cpd-plane":
            return cpd_plane(target, method.ranks[0], quick=quick)
        case _:
            assert_never(method.kind)


def factor_shapes(method: Method, weight: Weight) -> tuple[Weight, ...]:
    """The shapes of what `fit_factors` returns for weights of a shape."""
    out, channels, rows, columns = weight
    rank, groups = (*method.ranks, 0)[0], method.groups
    match method.kind:
        case "dense":
            return (weight,)
        case "svd-input":
            return (groups * rank, channels, 1, 1), (out, rank, rows, columns)
        case "svd-spatial":
            return (groups * rank, channels, 1, columns), (out, rank, rows, 1)
        case "svd-output":
            first = (groups * rank, channels // groups, rows, columns)
            return first, (out, groups * rank, 1, 1)
        case "tucker":
            _, after = method.ranks
            return (rank, channels, 1, 1), (after, rank, rows, columns), (out, after, 1, 1)
        case "cpd":
            middle = (rank, 1, rows, 1), (rank, 1, 1, columns)
            return (rank, channels, 1, 1), *middle, (out, rank, 1, 1)
        case "cpd-plane":
            return (rank, channels, 1, 1), (rank, 1, rows, columns), (out, rank, 1, 1)
        case _:
            assert_never(method.kind)


def product(factors: Factors, channels: int) -> Floats:
    """The weights of the one convolution that a chain of them equals, on `channels` inputs."""
    total = np.eye(channels)[:, :, None, None]
    for factor in factors:
        out, inner, rows, columns = factor.shape
        groups = len(total) // inner
        before = total.reshape(groups, inner, *total.shape[1:])
        after = factor.reshape(groups, out // groups, inner, rows, columns)
        joined = np.einsum("grchw,gorij->gochiwj", before, after, optimize=True)
        total = joined.reshape(out, channels, total.shape[2] * rows, total.shape[3] * columns)
    return total


def methods_of(weight: Weight, *, seen_once: bool) -> Iterator[Method]:
    """Every method worth trying for weights of a shape: none that has as many weights as they do.

    `seen_once`: the output is one pixel, so that a window's pixels have nothing to share.
    """
    out, channels, rows, columns = weight
    if rows * columns == 1 or seen_once:
        kinds: tuple[MethodKind, ...] = ("svd-output",)
    elif min(rows, columns) == 1:
        kinds = ("svd-input", "svd-output", "cpd-plane")
    else:
        kinds = ("svd-input", "svd-spatial", "svd-output", "cpd", "cpd-plane")
    for kind in kinds:
        for groups in GROUPS if kind.startswith("svd") and rows * columns > 1 else (1,):
            if out % groups == 0 and channels % groups == 0:
                yield from _with_ranks(kind, groups, weight)
    if len(kinds) > 1:
        yield from _tucker(weight)


def _with_ranks(kind: MethodKind, groups: int, weight: Weight) -> Iterator[Method]:
    unit = _size(Method(kind, (1,), groups), weight)
    largest = (prod(weight) - 1) // unit
    step = max(RANK_STEP // groups, 1)
    most = MOST_RANKS.get(kind, MOST_SVD_RANKS if groups == 1 else MOST_GROUPED_RANKS)
    while largest // step > most:
        step *= 2
    ranks = list(range(step, largest + 1, step)) or list(range(1, largest + 1))
    yield from (Method(kind, (rank,), groups) for rank in ranks)


def _tucker(weight: Weight) -> Iterator[Method]:
    out, channels, _, _ = weight
    for inner in _shares(channels):
        for outer in _shares(out):
            method = Method("tucker", (inner, outer))
            if _size(method, weight) < prod(weight):
                yield method


def _shares(size: int) -> list[int]:
    """A few multiples of the rank step below `size`."""
    step = RANK_STEP
    while size // step > MOST_TUCKER_RANKS:
        step *= 2
    return list(range(step, size, step))


def _size(method: Method, weight: Weight) -> int:
    return sum(prod(shape) for shape in factor_shapes(method, weight))


def problem_of(method: Method, weight: Weight) -> str | None:
    """What is wrong with a method from a file for weights of a shape; None if it fits."""
    out, channels, *_ = weight
    count = {"dense": 0, "tucker": 2}.get(method.kind, 1)
    most = prod(weight)
    if len(method.ranks) != count or not all(1 <= rank <= most for rank in method.ranks):
        return f"ranks {list(method.ranks)}; expected {count} from 1 to {most}"
    if method.groups < 1 or out % method.groups or channels % method.groups:
        return f"{method.groups} groups do not divide {channels} and {out} channels"
    if method.groups > 1 and not method.kind.startswith("svd"):
        return f"'{method.kind}' has no groups"
    return None
