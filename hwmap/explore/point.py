"""A point of a sweep: what may be used, what was planned with it, and what that is worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hwmap.profile import Profile
from hwmap.quantize.scales import Scales
from hwmap.style import Style, Wanted

Status = Literal["optimal", "feasible", "infeasible", "unknown"]
"""`unknown`: nothing was found in the time, and nothing proves that there is nothing."""


@dataclass(frozen=True)
class Job:
    """What all tasks of a sweep share. `losses` are pairs of a limit on the drop and the loss that
    it allows; candidates were measured into the folder `cache`; `scales` are those that networks
    are quantized with."""

    model: str
    calib: str | None
    test_data: str | None
    preprocess: str | None
    cache: str
    time_limit: float
    losses: tuple[tuple[float, float], ...]
    scales: Scales = "free"


@dataclass(frozen=True)
class Task:
    """What a solver is asked: a board at a clock, budgets, a limit on the drop, a style."""

    board: str
    clock_mhz: int
    mem_bytes: int
    dsp: int
    lut: int
    max_drop: float
    style: Style

    @property
    def budgets(self) -> tuple[float, ...]:
        """More of each allows more."""
        return self.mem_bytes, self.dsp, self.lut, self.max_drop

    def alike(self, other: "Task") -> bool:
        """Whether two tasks differ in their budgets only."""
        mine = self.board, self.clock_mhz, self.style
        return mine == (other.board, other.clock_mhz, other.style)

    def within(self, other: "Task") -> bool:
        """Whether every plan for this task is one for `other` too."""
        return self.alike(other) and all(
            a <= b for a, b in zip(self.budgets, other.budgets, strict=True)
        )


@dataclass(frozen=True)
class Solved:
    """What a solver answered: the plan as JSON, if there is one, or why not."""

    status: Status
    cycles: int
    bound_cycles: int
    plan: str
    message: str
    seconds: float


@dataclass(frozen=True)
class Built:
    """What a plan is worth: measured on the design that it makes. `top1` is that of its integers on
    the test data, if there are any."""

    latency_cycles: int
    dsp: int
    lut: int
    ff: int
    memory_bytes: int
    decomposed: int
    top1: float | None
    profile: Profile


@dataclass(frozen=True)
class Point:
    """A row of the result. `mem_bytes`, `dsp`, `lut` and `max_drop` are what was allowed,
    `used_...` what the plan takes; `plan_style` is the style that turned out to be faster. The
    numbers of plans are None where there is none."""

    number: int
    board: str
    clock_mhz: int
    mem_bytes: int
    dsp: int
    lut: int
    max_drop: float
    style: Wanted
    status: Status
    plan_style: Style | None
    cycles: int | None
    bound_cycles: int | None
    fps: float | None
    bound_fps: float | None
    latency_ms: float | None
    used_mem_bytes: int | None
    used_dsp: int | None
    used_lut: int | None
    used_ff: int | None
    decomposed: int | None
    top1: float | None
    message: str


@dataclass(frozen=True)
class Found:
    """A point with what it came from: the task of the style that was chosen, and its plan and the
    profile of its design, if there is one."""

    point: Point
    task: Task
    plan: str
    profile: Profile | None


def pareto(points: Sequence[Point]) -> tuple[int, ...]:
    """The numbers of the points that no other one beats in both throughput and memory."""
    found: list[int] = []
    best = 0.0
    ordered = [point for point in points if point.fps is not None]
    ordered.sort(key=lambda p: (p.used_mem_bytes or 0, -(p.fps or 0), p.number))
    for point in ordered:
        if (point.fps or 0) > best:
            best = point.fps or 0
            found.append(point.number)
    return tuple(found)
