"""The rungs of the ladder that know what a step is."""

from pathlib import Path

from hwmap.rung import Rung
from hwmap.sequential.design.types import Design
from hwmap.sequential.plan import Plan
from hwmap.sequential.result import SimResult
from hwmap.sequential.timeline import time_lines
from hwmap.sequential.vectors import images_per_start


def planned_rung(plan: Plan, simulated: SimResult) -> Rung:
    """The cycles that the simulator counts = those that the plan promises."""
    return Rung(
        "simulator = planned cycles",
        simulated.cycles == plan.cycles,
        f"{simulated.cycles:,} simulated, {plan.cycles:,} planned",
    )


def counted_rung(design: Design, directory: Path, images: int) -> Rung:
    """The counter in the C++ = the simulator, on every step of each of the `images` that `make
    cycles` has run in a build directory, some of them in a row."""
    name = "C++ counted cycles = simulator"
    path = directory / "vectors" / "step_ends.txt"
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    row = tuple(time_lines(design, min(images, images_per_start(design))))
    for image, line in enumerate(lines):
        counted = [int(cycle) for cycle in line.split()]
        steps, _ = row[image % len(row)]
        for number, (cycle, step) in enumerate(zip(counted, steps, strict=False)):
            if cycle != step.end_cycle:
                found = f"{cycle:,} counted, {step.end_cycle:,} simulated"
                return Rung(name, False, f"image {image}, step {number}: {found}")
    steps_of = {len(line.split()) for line in lines}
    complete = len(lines) == images and steps_of == {len(design.rows)}
    return Rung(
        name,
        complete,
        f"{len(design.rows)} steps of {len(lines)} images, {len(row)} in a row, equal",
    )
