"""The simulator: values and cycles of a streaming design."""

from collections.abc import Mapping

import numpy as np

from hwmap.ir.types import Array
from hwmap.streaming.depths import image_ends, steady_cycles
from hwmap.streaming.design.types import Design
from hwmap.streaming.result import FifoUse, KernelTime, SimResult
from hwmap.streaming.timing import Timing, peaks, time
from hwmap.streaming.values import run_values


def simulate(design: Design, inputs: Mapping[str, Array]) -> SimResult:
    """Values and cycles of `design` on integer `inputs` (N, C, H, W), one image behind the other.

    Raises:
        DeadlockError: kernels wait for one another.
        SimulationError: a row memory does not hold what it should.
    """
    images = len(next(iter(inputs.values())))
    outputs = run_values(design, inputs)
    timing = time(design.network, design.depths, images)
    ends = image_ends(design.network, timing)
    kernels = tuple(
        KernelTime(kernel.name, kernel.source, kernel.schedule.trips, starved, blocked)
        for kernel, starved, blocked in zip(
            design.network.kernels, timing.starved, timing.blocked, strict=True
        )
    )
    fifos = tuple(
        FifoUse(stream.name, stream.tensor, stream.layout.word_bytes, depth, peak)
        for stream, depth, peak in zip(
            design.network.streams, design.depths, peaks(timing), strict=True
        )
    )
    return SimResult(
        {name: values.astype(np.int64) for name, values in outputs.items()},
        design.clock_mhz,
        images,
        steady_cycles(design.network, design.depths),
        ends[0],
        ends[-1],
        kernels,
        fifos,
        kernel_ends(design, timing),
    )


def kernel_ends(design: Design, timing: Timing) -> tuple[tuple[int, ...], ...]:
    """For each image, the cycle of the last word that each kernel wrote (a kernel without outputs:
    read)."""
    rows = []
    for image in range(1, timing.images + 1):
        row = []
        for kernel in design.network.kernels:
            stream = (kernel.writes or kernel.reads)[0]
            cycles = timing.written[stream] if kernel.writes else timing.read[stream]
            row.append(int(cycles[len(cycles) // timing.images * image - 1]))
        rows.append(tuple(row))
    return tuple(rows)
