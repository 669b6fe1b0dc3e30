"""Kernels that keep the words of a tensor in a row memory as they arrive, and compute from there.

The words arrive in raster order, at an even pace, and lie in the row memory one behind the other,
modulo its size. Computation goes at an even pace too, so far behind that every word is there when
it is wanted.
"""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from hwmap.ir.types import Integers
from hwmap.streaming.layout import Layout
from hwmap.streaming.schedule import pace

SMALL_WORDS = 64
"""A row memory that must reach over so few words is made of LUTs, not of block RAM."""

ROW_MEMORY_TRIPS = 4
"""A word is read from the row memory at the earliest so many trips after it arrived: address, write
and read of a block RAM are a cycle each, and one is to spare (judgement)."""


class Uses(NamedTuple):
    """The first and the last trip of computation that uses each arriving word; -1: none does."""

    first: Integers
    last: Integers


class Buffered(ABC):
    """What arrives (`source`), and when each word of it is used."""

    source: Layout

    @property
    @abstractmethod
    def computing(self) -> int:
        """Trips of one image that compute."""

    @cached_property
    @abstractmethod
    def uses(self) -> Uses:
        """When each word of an image is used."""

    @property
    @abstractmethod
    def reach(self) -> int:
        """Words that must be there at once, at least."""

    @property
    def trips(self) -> int:
        """Trips of one image: to compute, or for its words to arrive."""
        return max(self.computing, self.source.words)

    @cached_property
    def lead(self) -> int:
        """The trips by which computation is behind the arrival of words."""
        first = self.uses.first
        used = first >= 0
        arrival = pace(self.source.words, self.trips)[used]
        wanted = self.at(first[used])
        return max(int((arrival + ROW_MEMORY_TRIPS - wanted).max(initial=0)), 0)

    def at(self, trips: Integers) -> Integers:
        """On which trips of the loop, from the lead on, these trips of computation are."""
        return np.asarray(-(-(trips + 1) * self.trips // self.computing) - 1)

    @cached_property
    def memory_words(self) -> int:
        """The least words of a row memory in which no word is overwritten that is still used, and
        in which what must be there at once lies at most once around."""
        words, trips = self.source.words, self.trips
        used = self.uses.last >= 0
        numbers = np.arange(words)[used]
        last = self.lead + self.at(self.uses.last[used])
        arrived = last * words // trips
        return max(int((arrived - numbers).max(initial=1)), self.reach, 1)

    @property
    def storage(self) -> Literal["lutram", "bram"]:
        """What holds a bank of the row memory."""
        return "lutram" if self.reach <= SMALL_WORDS else "bram"
