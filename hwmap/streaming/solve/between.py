"""What it takes to regroup the words of a tensor, for many pairs of layouts at once."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hwmap.ir.types import Shape
from hwmap.streaming import cost
from hwmap.streaming.cost import Part, Target
from hwmap.streaming.layout import Layout

Numbers = NDArray[np.int64]
MOST_PIXELS = 64


@dataclass(frozen=True, eq=False)
class Forms:
    """Layouts of a tensor: lanes and pixels of each, in one dimension or more."""

    lanes: Numbers
    pixels: Numbers

    @property
    def codes(self) -> Numbers:
        """A number for each."""
        return self.lanes * MOST_PIXELS + self.pixels

    @classmethod
    def of(cls, codes: Numbers) -> "Forms":
        """Those with these codes."""
        return cls(codes // MOST_PIXELS, codes % MOST_PIXELS)


def regrouping(shape: Shape, have: Forms, wanted: Forms, target: Target) -> Numbers:
    """(have, wanted, 6): what the kernels of `network.conversions` take with the FIFOs that they
    read, from each layout to each other one."""
    left = Forms(have.lanes[:, None], have.pixels[:, None])
    right = Forms(wanted.lanes[None, :], wanted.pixels[None, :])
    single = Forms(left.lanes, np.ones_like(left.pixels))
    bigger = np.maximum(left.pixels, right.pixels)
    direct = _changed(shape, left, right, target)
    around = _regrouped(shape, left, single, target) + _changed(shape, single, right, target)
    divides = bigger % np.minimum(left.pixels, right.pixels) == 0
    found = _where(divides, direct, around)
    return cost.as_array(found, (len(have.lanes), len(wanted.lanes)))


@cache
def regrouping_of(shape: Shape, have: int, wanted: int, target: Target) -> Numbers:
    """(5,): the same for one pair of layouts, by their codes."""
    forms = [Forms.of(np.array([code])) for code in (have, wanted)]
    return np.asarray(regrouping(shape, forms[0], forms[1], target)[0, 0])


def layout_of(shape: Shape, code: int) -> Layout:
    """The layout of a tensor with this code."""
    return Layout(shape, *divmod(code, MOST_PIXELS))


def ends(forms: Forms, *, copies: int, sources: int, sinks: int) -> Numbers:
    """(forms, 6): what a fork into so many copies (1: there is none) and ports take with the FIFOs
    that they read, at words of each form."""
    size = forms.lanes * forms.pixels
    found = Part()
    if copies > 1:
        found += cost.fork(size, copies) + cost.least_fifo(size)
    for _ in range(sources):
        found += cost.port(size)
    for _ in range(sinks):
        found += cost.port(size) + cost.least_fifo(size)
    return cost.as_array(found, len(size))


def _changed(shape: Shape, have: Forms, wanted: Forms, target: Target) -> Part:
    """Where one count of pixels divides the other: lanes first, or pixels first."""
    lanes_first = Forms(wanted.lanes, have.pixels)
    pixels_first = Forms(have.lanes, wanted.pixels)
    one = _geared(have, lanes_first) + _regrouped(shape, lanes_first, wanted, target)
    other = _regrouped(shape, have, pixels_first, target) + _geared(pixels_first, wanted)
    first, second = _words(shape, lanes_first), _words(shape, pixels_first)
    narrower = lanes_first.lanes * lanes_first.pixels <= pixels_first.lanes * pixels_first.pixels
    return _where((first < second) | ((first == second) & narrower), one, other)


def _words(shape: Shape, forms: Forms) -> Numbers:
    channels, height, width = shape
    return np.asarray(height * -(-width // forms.pixels) * -(-channels // forms.lanes))


def _geared(have: Forms, wanted: Forms) -> Part:
    found = cost.gearbox(have.lanes, wanted.lanes, have.pixels)
    return _where(have.lanes != wanted.lanes, found + cost.least_fifo(have.lanes * have.pixels))


def _regrouped(shape: Shape, have: Forms, wanted: Forms, target: Target) -> Part:
    words = -(-shape[0] // have.lanes)
    found = cost.regroup(have.lanes, have.pixels, wanted.pixels, words, target)
    return _where(have.pixels != wanted.pixels, found + cost.least_fifo(have.lanes * have.pixels))


def _where(condition: NDArray[np.bool_], yes: Part, no: Part | None = None) -> Part:
    return yes.times(condition) + (Part() if no is None else no).times(~condition)
