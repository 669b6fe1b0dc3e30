"""How far apart two outputs are: errors, classes, drops. Nothing else in hwmap computes one.

Outputs are arrays (N, ...), image by image, or one such array for each output by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hwmap.ir.types import Array

Outputs = Mapping[str, Array]
LEAST = 1e-30
"""What an error is relative to is at least this, so that outputs of zeros have one."""


def relative_square(found: Array, wanted: Array) -> float:
    """The squared error of `found` against `wanted`, relative to the square of `wanted`."""
    exact = wanted.astype(np.float64)
    power = float(np.square(exact).sum())
    return float(np.square(found - exact).sum()) / max(power, LEAST)


def output_loss(found: Outputs, wanted: Outputs) -> float:
    """The squared relative error, the mean over the outputs `found`."""
    return float(np.mean([relative_square(found[name], wanted[name]) for name in found]))


def mean_error(found: Outputs, wanted: Outputs) -> float:
    """The relative error (root of squares): the root of the loss."""
    return float(output_loss(found, wanted) ** 0.5)


def worst_error(found: Outputs, wanted: Outputs) -> float:
    """The relative error (root of squares) of the worst of the outputs `found`."""
    return float(np.sqrt(max(relative_square(found[name], wanted[name]) for name in found)))


def level_differences(found: Array, wanted: Array) -> tuple[int, int]:
    """The largest difference between two integers, and how many differ."""
    difference = np.abs(found.astype(np.int64) - wanted)
    return int(difference.max()), int((difference > 0).sum())


def classes(values: Array) -> Array:
    """The position of the largest value of each image (N,)."""
    return np.asarray(values.reshape(len(values), -1).argmax(1))


def same_class(found: Array, wanted: Array) -> float:
    """The share of images that both put into one class."""
    return float((classes(found) == classes(wanted)).mean())


def only(outputs: Outputs) -> Array:
    """The one output of a network that classifies."""
    (values,) = outputs.values()
    return values


def top1(outputs: Outputs, labels: Array) -> float:
    """The share of images whose largest value of the one output is that of their label."""
    return float((classes(only(outputs)) == labels).mean())


@dataclass(frozen=True)
class Accuracy:
    """Top-1 of the float and of the integer network on the same labelled images; `free_top1` is
    what it would be with scales that are not powers of two, where that was a choice."""

    images: int
    float_top1: float
    integer_top1: float
    same_class: float
    free_top1: float | None = None

    def __str__(self) -> str:
        free = "" if self.free_top1 is None else f" (free scales {self.free_top1:.4f})"
        return (
            f"float {self.float_top1:.4f}, integer {self.integer_top1:.4f}{free} on"
            f" {self.images} images ({self.same_class:.1%} same class)"
        )


def accuracy_of(exact: Outputs, integer: Outputs, labels: Array) -> Accuracy:
    """The accuracy of a network with one output, in float and in integers."""
    return Accuracy(
        images=len(labels),
        float_top1=top1(exact, labels),
        integer_top1=top1(integer, labels),
        same_class=same_class(only(exact), only(integer)),
    )


@dataclass(frozen=True)
class Drop:
    """What a network lost: `points` of top-1 (None without labels), and the relative error of its
    outputs in percent."""

    points: float | None
    percent: float

    @property
    def size(self) -> float:
        """The one that a limit is for."""
        return self.percent if self.points is None else self.points


def drop_of(found: Outputs, wanted: Outputs, labels: Array | None) -> Drop:
    """What the outputs `found` lost against `wanted`."""
    percent = 100 * mean_error(found, wanted)
    if labels is None:
        return Drop(None, percent)
    return Drop(100 * (top1(wanted, labels) - top1(found, labels)), percent)
