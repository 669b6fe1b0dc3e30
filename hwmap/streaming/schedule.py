"""The static schedule of a kernel: on which trips it reads and writes.

Every kernel is one loop of `trips` trips per image, with no gap between images. What it reads it
reads at an even pace, and it computes and writes at an even pace too, `lead` trips later: the words
of one kernel then arrive as the next one wants them, and two words are enough for most FIFOs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwmap.ir.types import Integers


def pace(events: int, trips: int) -> Integers:
    """The trips on which `events` happen that are spread evenly over `trips`, the last one on the
    last trip: event n on the first trip t with (t + 1) * events >= (n + 1) * trips."""
    return np.asarray(-(-np.arange(1, events + 1) * trips // events) - 1)


@dataclass(frozen=True, eq=False)
class Schedule:
    """The trips of one image, from the first trip of the image on; those of the image behind it
    are `trips` later. `reads` and `writes` have an array for each stream: the trip of every word.
    Those of writes may lie beyond `trips`: the next image has begun by then.

    A word is written `depth` cycles after its trip has entered the pipeline. `tail` trips follow
    the last image, to finish it.
    """

    trips: int
    reads: tuple[Integers, ...]
    writes: tuple[Integers, ...]
    depth: int
    tail: int = 0


def even(reads: Sequence[int], writes: Sequence[int], depth: int) -> Schedule:
    """A kernel that has as many trips as the most words that it reads or writes, and moves every
    word at an even pace."""
    trips = max((*reads, *writes))
    return Schedule(
        trips,
        tuple(pace(words, trips) for words in reads),
        tuple(pace(words, trips) for words in writes),
        depth,
    )
