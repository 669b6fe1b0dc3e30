"""Windows that slide over a tensor as it arrives: the loops, the row memory, and the schedule.

A kernel with windows has these loops, all in one: for each group of `pixels` neighbouring output
pixels, in raster order; for each pass (some output channels); for each row and each column of taps
of the window; for each word of channels that the pass needs. A trip of the innermost loop reads one
word per pixel and tap from the row memory. The words of the input arrive meanwhile, in raster
order, and lie in the row memory one behind the other, modulo its size.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hwmap.ir.ops import Pair
from hwmap.ir.types import Array, Integers
from hwmap.streaming.buffered import Buffered, Uses
from hwmap.streaming.layout import Layout


@dataclass(frozen=True)
class Window(Buffered):
    """How windows slide over `source`.

    `pixels` output pixels of a row, and `taps` columns of one or (`tap_rows`) of all rows of the
    window are computed in the same trip. For each of the rows there is a copy of the row memory.
    The words of `source` hold as many pixels as there are banks. `passes` run over each window; of
    these, `passes_per_group` neighbours read the same `group_words` words of each pixel.
    """

    source: Layout
    rows_out: int
    columns_out: int
    kernel: Pair
    strides: Pair
    dilations: Pair
    pad_rows: int
    pad_columns: int
    pixels: int
    taps: int
    passes: int
    passes_per_group: int
    group_words: int
    tap_rows: int = 1

    @property
    def trip_taps(self) -> int:
        """Taps of a trip."""
        return self.tap_rows * self.taps

    @property
    def row_steps(self) -> int:
        """Rows of taps, `tap_rows` at a time."""
        return self.kernel[0] // self.tap_rows

    @property
    def banks(self) -> int:
        """Memories that the row memory is made of: one for each pixel of a word and row of a
        trip."""
        return self.tap_rows * self.source.pixels

    @property
    def across(self) -> int:
        """Groups of output pixels in a row."""
        return -(-self.columns_out // self.pixels)

    @property
    def tap_columns(self) -> int:
        """Columns of taps, `taps` at a time."""
        return -(-self.kernel[1] // self.taps)

    @property
    def steps(self) -> int:
        """Trips of one pass over a window."""
        return self.row_steps * self.tap_columns * self.group_words

    @property
    def computing(self) -> int:
        """Trips of one image that compute."""
        return self.rows_out * self.across * self.passes * self.steps

    @cached_property
    def uses(self) -> Uses:
        """When each word of an image is used."""
        layout = self.source
        rows = _row_uses(self)
        columns = _column_uses(self)
        words = np.arange(layout.pixel_words)
        group, word = words // self.group_words, words % self.group_words
        first = self._trip(rows.first, columns.first, (group * self.passes_per_group, word))
        last = self._trip(rows.last, columns.last, ((group + 1) * self.passes_per_group - 1, word))
        used = (rows.first >= 0)[:, None, None] & (columns.first >= 0)[:, None]
        used = used & (group < self.passes // self.passes_per_group)
        return Uses(*(np.where(used, trips, -1).reshape(-1) for trips in (first, last)))

    def _trip(
        self, rows: Integers, columns: Integers, channel: tuple[Integers, Integers]
    ) -> Integers:
        """The trip of computation in which the codes of a row and a column use a word."""
        passing, word = channel
        y, tap_row = np.divmod(rows, self.row_steps)
        x, tap_column = np.divmod(columns, self.tap_columns)
        pixel = y[:, None] * self.across + x
        tap = tap_row[:, None] * self.tap_columns + tap_column
        one = pixel[..., None] * self.passes + passing
        return np.asarray(one * self.steps + tap[..., None] * self.group_words + word)

    @property
    def reach(self) -> int:
        """The words from the corner of a window to its end."""
        span = (self.pixels - 1) * self.strides[1] + (self.kernel[1] - 1) * self.dilations[1]
        columns = columns_of(span, self.source.pixels)
        rows = (self.kernel[0] - 1) * self.dilations[0]
        return int(rows * self.source.row_words + columns * self.source.pixel_words)

    @property
    def padded(self) -> bool:
        """Whether windows reach over an edge."""
        _, height, width = self.source.shape
        down = leaves(
            height,
            self.rows_out,
            kernel=self.kernel[0],
            stride=self.strides[0],
            dilation=self.dilations[0],
            pad=self.pad_rows,
        )
        along = leaves(
            width,
            self.across * self.pixels,
            kernel=self.kernel[1],
            stride=self.strides[1],
            dilation=self.dilations[1],
            pad=self.pad_columns,
        )
        return bool(down or along)


def columns_of(span: Any, pixels: Any) -> Any:
    """The words of `pixels` that hold pixels `span` apart: the first may be the last of its
    word."""
    return (pixels - 1 + span) // pixels + 1


def leaves(size: int, outputs: Any, *, kernel: int, stride: int, dilation: int, pad: int) -> Any:
    """Whether so many windows along an axis reach over one of its ends."""
    return (pad > 0) | ((outputs - 1) * stride + (kernel - 1) * dilation >= size + pad)


def _row_uses(window: Window) -> Uses:
    """For each row of the source: codes (output row * row steps + row step of a tap)."""
    kernel, stride, dilation = window.kernel[0], window.strides[0], window.dilations[0]
    height = window.source.shape[1]
    y, tap = np.divmod(np.arange(window.rows_out * kernel), kernel)
    codes = y * window.row_steps + tap // window.tap_rows
    return _extremes(codes, y * stride - window.pad_rows + tap * dilation, height)


def _column_uses(window: Window) -> Uses:
    """For each group of columns that a word holds: codes (output group * tap columns + column)."""
    layout, width = window.source, window.source.shape[2]
    columns = np.arange(window.tap_columns)
    code = np.arange(window.across)[:, None] * window.tap_columns + columns
    found = []
    for pixel in range(window.pixels):
        for tap in range(window.taps):
            x = np.arange(window.across)[:, None] * window.pixels + pixel
            at = columns * window.taps + tap
            place = x * window.strides[1] - window.pad_columns + at * window.dilations[1]
            inside = (place >= 0) & (place < width) & (at < window.kernel[1])
            found.append((code[inside], place[inside] // layout.pixels))
    codes, places = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _extremes(codes, places, -(-width // layout.pixels))


def _extremes(codes: Array, places: Array, size: int) -> Uses:
    """The smallest and the largest of the `codes` at each place 0, 1 ... size - 1; else -1."""
    inside = (places >= 0) & (places < size)
    codes, places = codes[inside], places[inside]
    last = np.full(size, -1)
    np.maximum.at(last, places, codes)
    first = np.full(size, codes.max(initial=0))
    np.minimum.at(first, places, codes)
    return Uses(np.where(last < 0, -1, first), last)
