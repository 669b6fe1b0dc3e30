"""When constants come, where they lie, and how long they stay.

The constants of an op (or of a part of its channels) are resident: loaded once, before the first
image; or held: fetched once per image, from the first step that wants them to the last; or fetched
again for every run of neighbouring steps. They come in the order in which they are wanted, as early
as there is room, a bus word per trip of the steps before. The choice makes few steps wait.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from hwmap.ir.types import Integers

MOST_SEGMENTS = 12
"""Fetches of a step: what a row can list (`hls/hwmap/sequential/constants.hpp`), twice."""
PATIENCE = 12
"""Choices without a gain until the next order of choices is tried."""
AHEAD = (1 << 30, 1)
"""Steps that constants may come before they are wanted: any, or only the one before."""


class Stay(IntEnum):
    """How long constants stay."""

    AGAIN = 0
    HELD = 1
    RESIDENT = 2


@dataclass(frozen=True)
class Use:
    """Constants of `words` of the port and `bus_words` of the bus, and the runs of neighbouring
    steps [first, last] that want them."""

    words: int
    bus_words: int
    runs: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Arrival:
    """Constants of a use that lie at an address from step `start` (below 0: always) to `last`."""

    use: int
    start: int
    last: int
    address: int


@dataclass(frozen=True)
class Fetches:
    """Arrivals in their order, bus words of each step, cycles in which the engine waits, and words
    of the memory that are used."""

    arrivals: tuple[Arrival, ...]
    fetched: tuple[int, ...]
    stalls: int
    words: int


def fetch(uses: Sequence[Use], trips: Sequence[int], capacity: int) -> Fetches | None:
    """The fetches with the fewest stalls that were found in a memory of `capacity` words; None if
    there are none."""
    stay = [Stay.RESIDENT] * len(uses)
    if sum(use.words for use in uses) <= capacity:
        return _Flow(uses, trips, capacity).fetches(stay, 0)
    flow = _Flow(uses, trips, capacity)
    best = _Best(flow)
    many = sorted(range(len(uses)), key=lambda i: (-len(uses[i].runs), uses[i].words, i))
    best.grow([Stay.HELD] * len(uses), ())
    if best.stalls != 0:
        best.grow([Stay.AGAIN] * len(uses), [i for i in many if len(uses[i].runs) > 1], Stay.HELD)
    stays = best.stay
    if stays is None or best.stalls == 0:
        return best.fetches()
    for order in (
        sorted(range(len(uses)), key=lambda i: (-uses[i].runs[0][0], i)),
        sorted(range(len(uses)), key=lambda i: (-_worth(uses[i], stays[i]), i)),
        sorted(range(len(uses)), key=lambda i: (-_pressure(uses[i], trips), i)),
    ):
        best.grow(best.stay or stays, order, Stay.RESIDENT)
    return best.fetches()


def _worth(use: Use, stay: Stay) -> float:
    """Bus words that it saves to keep constants, for each word of memory."""
    return use.bus_words * (len(use.runs) if stay == Stay.AGAIN else 1) / use.words


def _pressure(use: Use, trips: Sequence[int]) -> float:
    """Bus words of constants for each trip of the step before they are wanted."""
    return use.bus_words / (1 + trips[max(use.runs[0][0] - 1, 0)])


class _Best:
    """The best choice so far."""

    def __init__(self, flow: "_Flow") -> None:
        self.flow = flow
        self.stay: list[Stay] | None = None
        self.stalls = -1
        self.ahead = 0

    def _try(self, stay: list[Stay]) -> bool:
        for ahead in AHEAD:
            stalls = self.flow.stalls(stay, ahead)
            if stalls >= 0 and (self.stay is None or stalls < self.stalls):
                self.stay, self.stalls, self.ahead = list(stay), stalls, ahead
                return True
            if stalls >= 0:
                break
        return False

    def grow(self, stay: Sequence[Stay], order: Sequence[int], longer: Stay = Stay.HELD) -> None:
        """`stay`, and that with one more after the other of `order` staying longer."""
        now = list(stay)
        self._try(now)
        misses = 0
        for index in order:
            if now[index] >= longer or not self.flow.has_room(now, index, longer):
                continue
            before, now[index] = now[index], longer
            misses = 0 if self._try(now) else misses + 1
            if self.flow.failed:
                now[index] = before
            if misses > PATIENCE:
                return

    def fetches(self) -> Fetches | None:
        return None if self.stay is None else self.flow.fetches(self.stay, self.ahead)


class _Flow:
    """The flow of some constants through a memory."""

    def __init__(self, uses: Sequence[Use], trips: Sequence[int], capacity: int) -> None:
        self.uses, self.capacity = uses, capacity
        self.trips = np.array(trips, np.int64)
        self.failed = False

    def has_room(self, stay: Sequence[Stay], index: int, longer: Stay) -> bool:
        """Whether one more resident fits at all."""
        kept = sum(u.words for u, s in zip(self.uses, stay, strict=True) if s == Stay.RESIDENT)
        return longer != Stay.RESIDENT or kept + self.uses[index].words <= self.capacity

    def _runs(self, stay: Sequence[Stay]) -> Iterator[tuple[int, int, int]]:
        """(first, last, use) of all that is fetched, in order."""
        found = []
        for number, (use, long) in enumerate(zip(self.uses, stay, strict=True)):
            if long == Stay.HELD:
                found.append((use.runs[0][0], use.runs[-1][1], number))
            elif long == Stay.AGAIN:
                found += [(first, last, number) for first, last in use.runs]
        return iter(sorted(found))

    def _flow(
        self, stay: Sequence[Stay], ahead: int
    ) -> tuple[int, list[tuple[int, int, int]], Integers, Integers, Integers, int]:
        # Here, because numba takes its time to load.
        from hwmap.sequential.solve.fetching import flow

        runs = list(self._runs(stay))
        table = np.array(runs, np.int64).reshape(-1, 3)
        words = np.array([use.words for use in self.uses], np.int64)[table[:, 2]]
        bus = np.array([use.bus_words for use in self.uses], np.int64)[table[:, 2]]
        starts, addresses = np.zeros((2, len(runs)), np.int64)
        fetched = np.zeros(len(self.trips), np.int64)
        base = sum(u.words for u, s in zip(self.uses, stay, strict=True) if s == Stay.RESIDENT)
        columns = np.ascontiguousarray(table.T)
        stalls = flow(columns[0], columns[1], words, bus, self.trips, base, self.capacity, ahead,
                      MOST_SEGMENTS, starts, addresses, fetched)  # fmt: skip
        top = max((int(value) for value in addresses + words), default=base)
        return int(stalls), runs, starts, addresses, fetched, top

    def stalls(self, stay: Sequence[Stay], ahead: int) -> int:
        """The cycles in which the engine waits; -1 if it does not fit."""
        found = self._flow(stay, ahead)[0]
        self.failed = found < 0
        return found

    def fetches(self, stay: Sequence[Stay], ahead: int) -> Fetches:
        stalls, runs, starts, addresses, fetched, top = self._flow(stay, ahead)
        arrivals = []
        base = 0
        for number, (use, long) in enumerate(zip(self.uses, stay, strict=True)):
            if long == Stay.RESIDENT:
                arrivals.append(Arrival(number, -1, len(self.trips) - 1, base))
                base += use.words
        arrivals += [
            Arrival(number, int(start), last, int(address))
            for (_, last, number), start, address in zip(runs, starts, addresses, strict=True)
        ]
        return Fetches(tuple(arrivals), tuple(map(int, fetched)), stalls, max(top, base))
