"""The rungs of the ladder that know what a kernel is."""

from pathlib import Path

from hwmap.rung import Rung
from hwmap.streaming.design.types import Design
from hwmap.streaming.plan import Plan
from hwmap.streaming.result import SimResult
from hwmap.streaming.simulate import kernel_ends
from hwmap.streaming.timing import time
from hwmap.streaming.vectors import images_per_start


def planned_rung(plan: Plan, simulated: SimResult) -> Rung:
    """The cycles that the simulator counts = those that the plan promises."""
    return Rung(
        "simulator = planned cycles",
        simulated.cycles == plan.cycles,
        f"{simulated.cycles:,} from image to image simulated, {plan.cycles:,} planned",
    )


def counted_rung(design: Design, directory: Path, images: int) -> Rung:
    """The counter in the C++ = the simulator, on every kernel of each of the `images` that `make
    cycles` has run in a build directory, some of them in a row."""
    name = "C++ counted cycles = simulator"
    path = directory / "vectors" / "kernel_ends.txt"
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    if lines and lines[-1].startswith("deadlock"):
        return Rung(name, False, lines[-1])
    size = min(images, images_per_start(design))
    wanted = [
        row
        for start in range(0, images, size)
        for row in kernel_ends(
            design, time(design.network, design.depths, min(size, images - start))
        )
    ]
    counted = [tuple(int(cycle) for cycle in line.split()) for line in lines]
    for image, (found, simulated) in enumerate(zip(counted, wanted, strict=False)):
        for kernel, one, other in zip(design.network.kernels, found, simulated, strict=False):
            if one != other:
                return Rung(
                    name,
                    False,
                    f"image {image}, kernel '{kernel.name}': {one:,} counted, {other:,} simulated",
                )
    return Rung(
        name,
        counted == wanted,
        f"{len(design.network.kernels)} kernels of {len(lines)} images, {size} in a row, equal",
    )
