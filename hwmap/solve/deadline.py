"""The promise of a time limit. Solvers count operations, so that their answers repeat; where a
machine takes longer for them than was measured, the clock ends the work."""

from time import perf_counter

LATE = 1.8
"""How many times the limit may pass: what is under way then still has to end before twice that."""
SHORT = 10.0
"""Shorter limits count as this: in so little time a machine that is busy for a moment would change
the answer."""


def wall_seconds(seconds: float) -> float:
    """What a limit on operations may take by the clock."""
    return LATE * max(seconds, SHORT)


class Deadline:
    """The time that is left of a limit, if a machine is slow."""

    def __init__(self, seconds: float) -> None:
        self._begin = perf_counter()
        self._end = self._begin + wall_seconds(seconds)

    @property
    def over(self) -> bool:
        """Whether it has passed."""
        return perf_counter() >= self._end

    def share(self, done: float, wanted: float) -> float:
        """Of `wanted` more operations as many as there is time for, if `done` took the time so far;
        all of them, unless the machine is slow."""
        now = perf_counter()
        if done <= 0 or now <= self._begin:
            return wanted
        return min(wanted, done * max(self._end - now, 0) / (now - self._begin))
