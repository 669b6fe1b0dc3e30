"""The rungs of the ladder that know what a step is."""

from pathlib import Path

from hwmap.rung import Rung
from hwmap.sequential.plan import Plan
from hwmap.sequential.result import SimResult


def planned_rung(plan: Plan, simulated: SimResult) -> Rung:
    """The cycles that the simulator counts = those that the plan promises."""
    return Rung(
        "simulator = planned cycles",
        simulated.cycles == plan.cycles,
        f"{simulated.cycles:,} simulated, {plan.cycles:,} planned",
    )


def counted_rung(simulated: SimResult, directory: Path, images: int) -> Rung:
    """The counter in the C++ = the simulator, on every step of each of the `images` that `make
    cycles` has run in a build directory."""
    name = "C++ counted cycles = simulator"
    path = directory / "vectors" / "step_ends.txt"
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    wanted = [step.end_cycle for step in simulated.steps]
    for image, line in enumerate(lines):
        counted = [int(cycle) for cycle in line.split()]
        for step, (a, b) in enumerate(zip(counted, wanted, strict=False)):
            if a != b:
                return Rung(
                    name, False, f"image {image}, step {step}: {a:,} counted, {b:,} simulated"
                )
    complete = len(lines) == images and all(len(line.split()) == len(wanted) for line in lines)
    return Rung(name, complete, f"{len(wanted)} steps of {len(lines)} images equal")
