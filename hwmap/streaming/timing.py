"""What happens when in a network of kernels: the cycle of every word, stalls, peaks, deadlocks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwmap.errors import DeadlockError
from hwmap.ir.types import Integers
from hwmap.streaming import clockwork
from hwmap.streaming.network import Network


@dataclass(frozen=True, eq=False)
class Timing:
    """The cycles on which the words of each stream were written and read, image by image, and the
    cycles in which each kernel waited for words, or stood still for want of room."""

    images: int
    written: tuple[Integers, ...]
    read: tuple[Integers, ...]
    starved: tuple[int, ...]
    blocked: tuple[int, ...]


def time(network: Network, depths: Sequence[int], images: int) -> Timing:
    """Runs `images` images through FIFOs of `depths` words.

    Raises:
        DeadlockError: the kernels wait for one another, and for which streams.
    """
    kernels, streams = network.kernels, network.streams
    ports = [
        (number, stream, writes, events)
        for number, kernel in enumerate(kernels)
        for writes, own, trips in (
            (False, kernel.reads, kernel.schedule.reads),
            (True, kernel.writes, kernel.schedule.writes),
        )
        for stream, events in zip(own, trips, strict=True)
    ]
    words = np.array([stream.layout.words for stream in streams], np.int64)
    first = np.concatenate([[0], np.cumsum(words * images)])
    counts = np.bincount([port[0] for port in ports], minlength=len(kernels))
    sizes = [len(port[3]) for port in ports]
    written, read = np.zeros((2, first[-1]), np.int64)
    complete, state, done, taken = clockwork.run(
        images,
        np.array([kernel.schedule.trips for kernel in kernels], np.int64),
        np.array([kernel.schedule.depth for kernel in kernels], np.int64),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.array([port[1] for port in ports], np.int64),
        np.array([port[2] for port in ports], np.bool_),
        np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64),
        np.concatenate([port[3] for port in ports]).astype(np.int64),
        words,
        np.array(depths, np.int64),
        first[:-1].astype(np.int64),
        written,
        read,
    )
    if not complete:
        raise DeadlockError(_deadlock(network, depths, images, state, done, taken))
    return Timing(
        images,
        tuple(np.split(written, first[1:-1])),
        tuple(np.split(read, first[1:-1])),
        tuple(int(cycles) for cycles in state[:, clockwork.STARVED]),
        tuple(int(cycles) for cycles in state[:, clockwork.BLOCKED]),
    )


def _deadlock(
    network: Network,
    depths: Sequence[int],
    images: int,
    state: Integers,
    done: Integers,
    taken: Integers,
) -> str:
    """Who waits for what, in the words of the user's network."""
    waits = []
    for kernel in network.kernels:
        for stream in kernel.reads:
            if taken[stream] == done[stream] < images * network.streams[stream].layout.words:
                waits.append(f"'{kernel.source}' waits to read {_name(network, stream)} (empty)")
        for stream in kernel.writes:
            if done[stream] - taken[stream] >= depths[stream]:
                waits.append(
                    f"'{kernel.source}' waits to write {_name(network, stream)} (full,"
                    f" {depths[stream]} words)"
                )
    local = state[:, clockwork.LOCAL] + state[:, clockwork.LATE]
    return f"deadlock at cycle {int(local.max())}: {', '.join(waits)}"


def _name(network: Network, number: int) -> str:
    stream = network.streams[number]
    return f"'{stream.tensor}' ({stream.name})"


def peaks(timing: Timing, until: int | None = None) -> tuple[int, ...]:
    """The most words in each FIFO, up to the cycle `until` if there is one: a place is free on the
    cycle after its word was read."""
    found = []
    for written, read in zip(timing.written, timing.read, strict=True):
        early = written if until is None else written[: np.searchsorted(written, until)]
        gone = np.searchsorted(read, early, side="left")
        found.append(int((np.arange(1, len(early) + 1) - gone).max(initial=0)))
    return tuple(found)
