"""The clock of a sequential design: when every row of its program starts and ends.

Time follows from the loops. Trip k of a row runs at c[k] = c[k-1] + 1, and a trip that takes word
j from the DRAM FIFO waits for it:

    c[k] >= written[j] + 1,    written[j] = max(written[j-1] + 1, read[j - depth] + 1)
"""

from collections.abc import Iterator
from itertools import accumulate

import numpy as np

from hwmap.sequential.design.types import Design
from hwmap.sequential.memory import PROGRAM_FIFO_WORDS
from hwmap.sequential.network import Network
from hwmap.sequential.plan import THROUGH_DRAM, Plan
from hwmap.sequential.program import HEADER_BYTES, Row
from hwmap.sequential.program_time import DRAM_LATENCY_CYCLES, step_sweeps
from hwmap.sequential.result import StepTime


def time_lines(design: Design, images: int) -> Iterator[tuple[tuple[StepTime, ...], int]]:
    """When every row of each of some images in a row starts and ends, counted from the image's
    start, and the cycles spent waiting for the program. The first image begins when its program is
    there; the others when the one before has ended."""
    bus, overhead = design.engine.bus_bytes, design.engine.overhead_cycles
    fifo = _Fifo()
    fifo.begin_burst()
    end = fifo.read(0, -(-HEADER_BYTES // bus))
    if design.once:
        fifo.begin_burst()
    for row in design.once:
        end = fifo.read(fifo.read(end, row.row_bus_words(bus)) + overhead, row.fetch_words)
    for image in range(images):
        ready = fifo.begin_burst()
        began = start = end if image else max(end, ready)
        stalls = 0
        steps: list[StepTime] = []
        for row in design.rows:
            words = row.row_bus_words(bus)
            begin = fifo.read(start, words) + overhead
            compute = _compute_trips(row)
            if row.kind in THROUGH_DRAM:
                end = fifo.read(begin + compute, row.fetch_words)
            else:
                end = fifo.read(begin, row.fetch_words) + max(compute - row.fetch_words, 0)
            stalls += end - start - words - overhead - compute
            steps.append(
                StepTime(
                    source=row.source,
                    kind=row.kind,
                    instance=row.instance,
                    start_cycle=start - began,
                    end_cycle=end - began,
                    compute_trips=compute,
                    fetch_words=row.fetch_words,
                    cycles=end - start,
                )
            )
            start = end
        yield tuple(steps), stalls


def step_times(plan: Plan, network: Network, design: Design) -> list[tuple[StepTime, ...]]:
    """The rows of every step of a plan on the time line of the first image."""
    ((times, _),) = time_lines(design, 1)
    counts = [len(step_sweeps(step, network)) if step.kind == "run" else 1 for step in plan.steps]
    ends = list(accumulate(counts))
    return [times[end - count : end] for count, end in zip(counts, ends, strict=True)]


def _compute_trips(row: Row) -> int:
    """Cycles until the results of the last block have left; until rows have been moved."""
    if row.kind in THROUGH_DRAM:
        return DRAM_LATENCY_CYCLES + row.walk_trips
    if row.kind in ("load", "store"):
        return row.walk_trips
    return row.walk_trips + ((row.pixels - 1) % row.stripe + 1) * row.last_slices


class _Fifo:
    """The FIFO from DRAM: a burst fills it at a word per cycle, unless it is full."""

    def __init__(self) -> None:
        self.last_written = -1
        self.reads = np.full(PROGRAM_FIFO_WORDS, -1, np.int64)

    def begin_burst(self) -> int:
        """The cycle on which the first word of the next burst can be read."""
        self.last_written += DRAM_LATENCY_CYCLES
        return max(self.last_written + 1, int(self.reads[0]) + 1) + 1

    def read(self, now: int, words: int) -> int:
        """The cycle of the last of `words` reads, one per cycle from the cycle after `now` on."""
        for start in range(0, words, PROGRAM_FIFO_WORDS):
            count = min(PROGRAM_FIFO_WORDS, words - start)
            index = np.arange(count)
            freed = np.maximum(self.reads[:count] + 1, 0)
            freed[0] = max(freed[0], self.last_written + 1)
            written = np.maximum.accumulate(freed - index) + index
            wanted = written + 1
            wanted[0] = max(wanted[0], now + 1)
            read = np.maximum.accumulate(wanted - index) + index
            self.last_written = int(written[-1])
            self.reads = np.concatenate([self.reads[count:], read])
            now = int(read[-1])
        return now
