"""What a run of the engine's loop reads and writes, as positions along the axes of tensors."""

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["matrix", "depthwise", "largest", "sum", "product", "lookup"]
"""What becomes of a window: dot products on the array; on the vector lanes products with weights of
each channel, the largest value, a sum with factors, a product, a value of a table."""

TAPS = 3
"""Neighbouring columns that a vector lane multiplies in one cycle."""


@dataclass(frozen=True)
class Axis:
    """Rows or columns: output j of `count` is position first + j * step of the target, and its tap
    k of `taps` is position j * stride + k * tap_step - pad of a source of `size`; other positions
    than those are padding."""

    count: int
    first: int
    step: int
    stride: int
    taps: int
    tap_step: int
    pad: int
    size: int

    def positions(self) -> list[list[int]]:
        """The source positions of every output, tap by tap; -1 is padding."""
        found = []
        for j in range(self.count):
            taps = (j * self.stride + k * self.tap_step - self.pad for k in range(self.taps))
            found.append([at if 0 <= at < self.size else -1 for at in taps])
        return found

    def targets(self) -> range:
        """The target positions."""
        return range(self.first, self.first + self.count * self.step, self.step)

    def within(self, wanted: range) -> "Axis | None":
        """The part whose target positions are in `wanted`; None if there is none."""
        start = max(0, -(-(wanted.start - self.first) // self.step))
        end = min(self.count, -(-(wanted.stop - self.first) // self.step))
        if start >= end:
            return None
        first, pad = self.first + start * self.step, self.pad - start * self.stride
        return replace(self, count=end - start, first=first, pad=pad)


def same(size: int) -> Axis:
    """Every position by itself."""
    return Axis(size, 0, 1, 1, 1, 1, 0, size)


@dataclass(frozen=True)
class Sweep:
    """One run of the engine's loop over an op, in words of 8 channels.

    Of `sources`, positions among the op's inputs, a pixel has `source_words` and is read from
    `source_word` on; two are read pixel by pixel in turn, the second `fixed` at its one pixel. The
    target's pixels have `target_words`; `words` of them are written from `target_word` on, for each
    of `groups` from `first_group` on, which read `group_words` each (matrix only). `joined`: the
    taps of a row are one run of words. `taps` are the kernel rows and columns whose weights it
    takes, in the order of its axes. `divisor` is the number of values of a mean, `factors` those of
    the first and of later terms.
    """

    kind: Kind
    rows: Axis
    columns: Axis
    source_words: int
    target_words: int
    words: int
    sources: tuple[int, ...] = (0,)
    fixed: bool = False
    source_word: int = 0
    target_word: int = 0
    groups: int = 1
    first_group: int = 0
    group_words: int = 0
    joined: bool = False
    taps: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    divisor: int = 1
    factors: tuple[int, int] = (1, 1)

    @property
    def matrix(self) -> bool:
        """Whether it runs on the array."""
        return self.kind == "matrix"

    @property
    def weighted(self) -> bool:
        """Whether it has weights, and constants of each channel."""
        return self.kind in ("matrix", "depthwise")


@dataclass(frozen=True)
class Passes:
    """The columns of a window as `count` passes of `taps` neighbours, `step` columns apart: passes
    may overlap, and what was read before does not count again."""

    count: int
    taps: int
    step: int

    @property
    def repeated(self) -> int:
        """Columns that a pass has in common with the one before."""
        return max(self.taps - self.step, 0) if self.count > 1 else 0


def passes_of(columns: Axis) -> Passes:
    """The fewest passes over the columns of a vector sweep."""
    if columns.tap_step > 1 or columns.taps == 1:
        return Passes(columns.taps, 1, columns.tap_step)
    found = [
        Passes(count, taps, (columns.taps - taps) // max(count - 1, 1))
        for taps in range(1, min(TAPS, columns.taps) + 1)
        for count in range(1, columns.taps + 1)
        if _covers(columns.taps, count, taps)
    ]
    return min(found, key=lambda passes: (passes.count, -passes.taps))


def _covers(columns: int, count: int, taps: int) -> bool:
    if count == 1:
        return taps == columns
    step, rest = divmod(columns - taps, count - 1)
    return rest == 0 and 0 < step <= taps
