"""How a tensor goes through a stream: word by word."""

from dataclasses import dataclass

import numpy as np

from hwmap.ir.types import Array, Shape


@dataclass(frozen=True)
class Layout:
    """The words of a tensor (channels, height, width) in raster order: a word holds `pixels`
    neighbouring pixels of a row, and `lanes` channels of each; the words of the same pixels follow
    one another. The last word of a row and the last word of a pixel are filled up.
    """

    shape: Shape
    lanes: int
    pixels: int = 1

    @property
    def pixel_words(self) -> int:
        """The words of one group of pixels."""
        return -(-self.shape[0] // self.lanes)

    @property
    def row_words(self) -> int:
        """The words of one row."""
        return -(-self.shape[2] // self.pixels) * self.pixel_words

    @property
    def words(self) -> int:
        """The words of the whole tensor."""
        return self.shape[1] * self.row_words

    @property
    def word_bytes(self) -> int:
        """The bytes of one word: pixel by pixel, channels innermost."""
        return self.lanes * self.pixels


def to_words(values: Array, layout: Layout) -> Array:
    """`values` (N, C, H, W) as words (N * words, word_bytes); what is filled up is 0."""
    count, channels, height, width = values.shape
    groups, parts = -(-width // layout.pixels), layout.pixel_words
    padded = np.zeros(
        (count, parts * layout.lanes, height, groups * layout.pixels), dtype=values.dtype
    )
    padded[:, :channels, :, :width] = values
    split = padded.reshape(count, parts, layout.lanes, height, groups, layout.pixels)
    return split.transpose(0, 3, 4, 1, 5, 2).reshape(-1, layout.word_bytes)


def from_words(words: Array, layout: Layout) -> Array:
    """The values (N, C, H, W) that `to_words` made into words."""
    channels, height, width = layout.shape
    groups, parts = -(-width // layout.pixels), layout.pixel_words
    split = words.reshape(-1, height, groups, parts, layout.pixels, layout.lanes)
    padded = split.transpose(0, 3, 5, 1, 2, 4).reshape(
        -1, parts * layout.lanes, height, groups * layout.pixels
    )
    return padded[:, :channels, :, :width]
