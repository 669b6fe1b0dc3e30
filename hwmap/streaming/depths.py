"""How deep FIFOs must be, so that the slowest kernel is never held up."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from hwmap.errors import DeadlockError, SimulationError
from hwmap.ir.types import Integers
from hwmap.streaming.network import Kernel, Network
from hwmap.streaming.schedule import Schedule, pace
from hwmap.streaming.timing import Timing, peaks, time
from hwmap.streaming.units import LEAST_DEPTH, Feed, Source

FEED_DEPTH = 32
"""What comes from DRAM waits for one kernel only, and may stand still; it comes in bursts."""
PACED_IMAGES = 3
"""Images with which every kernel has come to do the same, from the first one's end on."""
MOST_IMAGES = 64


def sufficient_depths(network: Network, second: Collection[str] = frozenset()) -> tuple[int, ...]:
    """Depths with which every image takes as long as the trips of the slowest kernel.

    If the inputs come at the pace of the slowest kernel, nothing piles up, and the most words that
    unlimited FIFOs then hold are enough: with these as depths nothing stands still as long as
    inputs come. (Behind the last image kernels empty themselves as fast as they can, and may hold
    up one another.) Inputs that come earlier can make nothing later (a network of kernels is
    monotone).

    The tensors in `second` are computed again, of one that waits in their place: their FIFOs are as
    short as they can be without costing time, so that they hold up what computes them.

    Raises:
        SimulationError: with no depths of them it keeps pace.
    """
    if not second:
        return _paced_depths(network, second, LEAST_DEPTH)
    words, most = LEAST_DEPTH, max(stream.layout.words for stream in network.streams)
    while words < 2 * most:
        try:
            depths = _paced_depths(network, second, words)
            if steady_cycles(network, depths) <= network.trips:
                return depths
        except (DeadlockError, SimulationError):
            # What is computed again branches, and one of its own ways is longer; or what it is held
            # up by moves from image to image for very long.
            pass
        words *= 2
    raise SimulationError("what is computed again keeps no pace with what reads it")


def _paced_depths(network: Network, second: Collection[str], words: int) -> tuple[int, ...]:
    """The most words that FIFOs hold, those of `second` at most so many."""
    images, needed = 0, PACED_IMAGES
    while images < needed:
        images = needed
        limits = [
            words if stream.tensor in second else stream.layout.words * images
            for stream in network.streams
        ]
        timing = time(_at_pace(network), limits, images)
        needed = image_ends(network, timing)[0] // network.trips + PACED_IMAGES
    return tuple(
        FEED_DEPTH
        if isinstance(network.kernels[stream.writer].unit, Feed)
        else max(peak, LEAST_DEPTH)
        for stream, peak in zip(network.streams, peaks(timing, images * network.trips), strict=True)
    )


def _at_pace(network: Network) -> Network:
    """The network with inputs that come at the pace of its slowest kernel."""
    kernels = tuple(
        _paced(kernel, network.trips) if isinstance(kernel.unit, Source) else kernel
        for kernel in network.kernels
    )
    return Network(kernels, network.streams)


def _paced(kernel: Kernel, cycles: int) -> Kernel:
    """A source that spreads the words of an image over so many cycles."""
    paced = replace(kernel)
    words = kernel.schedule.writes[0].size
    schedule = Schedule(cycles, (), (pace(words, cycles),), kernel.schedule.depth)
    object.__setattr__(paced, "schedule", schedule)
    return paced


def image_ends(network: Network, timing: Timing) -> list[int]:
    """The cycle on which the last word of each image leaves."""
    ends = np.zeros(timing.images, np.int64)
    for kernel in network.kernels:
        if not kernel.writes:
            cycles = timing.read[kernel.reads[0]].reshape(timing.images, -1)
            ends = np.maximum(ends, cycles[:, -1])
    return [int(end) for end in ends]


def steady_cycles(network: Network, depths: Sequence[int]) -> int:
    """The cycles from image to image once every kernel does the same with each image: the first two
    images in a row of which every word comes that much later than that of the image before. The
    images at the end, behind which no other comes, are not looked at.

    Inputs come at the pace of the slowest kernel. If all that comes earlier, nothing comes later (a
    network of kernels is monotone), and no faster than the slowest kernel: where these are its
    trips, they are the cycles for any inputs. (Those that come as early as they can may take
    thousands of images to fill the FIFOs before a kernel that is slower by a trip.)

    Raises:
        DeadlockError: kernels wait for one another.
        SimulationError: it was not found.
    """
    images = 4
    while images <= MOST_IMAGES:
        timing = time(_at_pace(network), depths, images)
        for image in range(images // 2):
            shifts = [_shift(cycles, images, image) for cycles in (*timing.written, *timing.read)]
            if len(set(shifts)) == 1 and shifts[0]:
                return shifts[0]
        images *= 2
    raise SimulationError(f"the cycles from image to image still change after {MOST_IMAGES} images")


def _shift(cycles: Integers, images: int, image: int) -> int:
    """How much later every word of the next image comes; 0 if not all by the same."""
    rows = cycles.reshape(images, -1)
    later = rows[image + 1] - rows[image]
    return int(later[0]) if (later == later[0]).all() else 0
