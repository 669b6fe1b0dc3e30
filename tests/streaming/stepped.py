"""The contract of kernels, cycle by cycle: slow, and as the contract says it. It shares nothing
with `hwmap/streaming/clockwork.py` but the network."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hwmap.streaming.network import Network


@dataclass
class _Pipeline:
    """A kernel on its way: the trip that enters next, and the trips inside, by stage."""

    trip: int = 0
    stages: deque[int | None] = field(default_factory=deque)


def step(network: Network, depths: Sequence[int], images: int, most_cycles: int):
    """The cycles on which the words of each stream are written and read; None after `most_cycles`
    or when nothing can ever happen again."""
    reads = [_events(network, kernel.reads, kernel.schedule.reads, images, kernel.schedule.trips)
             for kernel in network.kernels]  # fmt: skip
    writes = [_events(network, kernel.writes, kernel.schedule.writes, images, kernel.schedule.trips)
              for kernel in network.kernels]  # fmt: skip
    last = [
        max((*own_reads, *own_writes), default=-1)
        for own_reads, own_writes in zip(reads, writes, strict=True)
    ]
    pipelines = [
        _Pipeline(stages=deque([None] * kernel.schedule.depth)) for kernel in network.kernels
    ]
    written = [[] for _ in network.streams]
    read = [[] for _ in network.streams]
    for cycle in range(most_cycles):
        # What is in a FIFO, and how full it is, as it was at the end of the cycle before.
        there = [sum(at < cycle for at in words) for words in written]
        gone = [sum(at < cycle for at in words) for words in read]
        new_writes, new_reads = [], []
        for number, pipeline in enumerate(pipelines):
            leaving = pipeline.stages[-1]
            streams = writes[number].get(leaving, ()) if leaving is not None else ()
            if any(there[s] - gone[s] >= depths[s] for s in streams):
                continue
            new_writes += streams
            pipeline.stages.pop()
            wanted = reads[number].get(pipeline.trip, ())
            if pipeline.trip <= last[number] and all(there[s] > gone[s] for s in wanted):
                new_reads += wanted
                pipeline.stages.appendleft(pipeline.trip)
                pipeline.trip += 1
            else:
                pipeline.stages.appendleft(None)
        for stream in new_writes:
            written[stream].append(cycle)
        for stream in new_reads:
            read[stream].append(cycle)
        if all(
            len(words) == images * stream.layout.words
            for words, stream in zip(read, network.streams, strict=True)
        ):
            return [np.array(words) for words in written], [np.array(words) for words in read]
    return None


def _events(network, streams, trips, images, period):
    """{trip: streams} of all images."""
    found: dict[int, list[int]] = {}
    for stream, own in zip(streams, trips, strict=True):
        for image in range(images):
            for trip in own:
                found.setdefault(int(image * period + trip), []).append(stream)
    return found
