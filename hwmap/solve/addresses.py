"""Addresses: pack the retention intervals of tensors into one arena (2D packing).

An item has a size (bytes, its extent in address) and steps [start, end) (its extent in time). Two
items that are on chip during the same step must not overlap.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

import numpy as np
from ortools.sat.python import cp_model

from hwmap.solve.cpsat import new_solver

Key = TypeVar("Key", bound=Hashable)

MOST_REPAIRS = 2000
"""Per order. Measured on strips of networks: the arena is 0 to 8 % above the live peak, twice that
without repairs; 20,000 gain less than 1 % more."""
PAIRS_PER_SECOND = 1e8
"""Measured: pairs of items that meet, looked at by first fit per second."""
REPAIR_SECONDS = 1.0


@dataclass(frozen=True)
class Item:
    """Something to place: `size_bytes` during steps [start, end)."""

    size_bytes: int
    start: int
    end: int


def live_peak(items: Sequence[Item]) -> int:
    """The largest sum of sizes over all steps: no packing is lower."""
    changes: Counter[int] = Counter()
    for item in items:
        changes[item.start] += item.size_bytes
        changes[item.end] -= item.size_bytes
    return max(accumulate(changes[step] for step in sorted(changes)), default=0)


def lifetimes(
    steps: Iterable[tuple[Iterable[Key], Key | None]],
) -> list[tuple[Key, int, int]]:
    """(value, start, end) of every copy of a value, for steps of (what is read, what is written):
    from the step that writes it until after the last one that reads it before it is written
    again."""
    found: list[tuple[Key, int, int]] = []
    current: dict[Key, int] = {}
    for index, (read, written) in enumerate(steps):
        for value in read:
            position = current[value]
            found[position] = (value, found[position][1], index + 1)
        if written is not None:
            current[written] = len(found)
            found.append((written, index, index + 1))
    return found


def pack(
    items: Sequence[Item], capacity_bytes: int, time_limit_seconds: float
) -> tuple[int, ...] | None:
    """An address for every item, below `capacity_bytes`; None if none was found.

    The lowest of four first-fit orders; where it is too high, their repairs, and then CP-SAT.
    """
    if live_peak(items) > capacity_bytes:
        return None
    for seconds in (0.0, REPAIR_SECONDS):
        wanted = capacity_bytes if seconds else 0
        found = pack_low(items, wanted, seconds)
        if top(items, found) <= capacity_bytes:
            return found
    return _pack_exactly(items, capacity_bytes, time_limit_seconds)


def pack_low(items: Sequence[Item], wanted: int, seconds: float) -> tuple[int, ...]:
    """Low addresses for all items: first fit in several orders, and for each, while time is left,
    again with the items ahead that came to lie above what is wanted. It ends at `wanted`.
    """
    # Here, because numba takes its time to load.
    from hwmap.solve.first_fit import first_fit

    orders = (
        lambda i: (-items[i].size_bytes, items[i].start),
        lambda i: (-items[i].size_bytes * (items[i].end - items[i].start), items[i].start),
        lambda i: (items[i].start - items[i].end, -items[i].size_bytes),
        lambda i: (items[i].start, -items[i].size_bytes),
    )
    wanted = max(wanted, live_peak(items))
    meeting = _meeting(items)
    starts = np.cumsum([0, *map(len, meeting)])
    meets = np.array([other for others in meeting for other in others], np.int64)
    sizes = np.array([item.size_bytes for item in items], np.int64)
    passes = seconds * PAIRS_PER_SECOND / (len(orders) * (len(meets) + len(items) + 1))
    repairs = min(int(passes), MOST_REPAIRS)
    best: tuple[int, ...] = ()
    for key in orders:
        order = np.array(sorted(range(len(items)), key=key), np.int64)
        found = tuple(map(int, first_fit(sizes, starts, meets, order, wanted, repairs)))
        if not best or top(items, found) < top(items, best):
            best = found
        if top(items, best) <= wanted:
            break
    return best


def top(items: Sequence[Item], addresses: Sequence[int]) -> int:
    """The end of the arena."""
    return max((a + i.size_bytes for a, i in zip(addresses, items, strict=True)), default=0)


def _meeting(items: Sequence[Item]) -> list[list[int]]:
    """For every item those that are on chip with it during some step."""
    found: list[list[int]] = [[] for _ in items]
    current: list[int] = []
    for index in sorted(range(len(items)), key=lambda index: items[index].start):
        current = [other for other in current if items[other].end > items[index].start]
        for other in current:
            found[index].append(other)
            found[other].append(index)
        current.append(index)
    return found


def _pack_exactly(
    items: Sequence[Item], capacity_bytes: int, time_limit_seconds: float
) -> tuple[int, ...] | None:
    model = cp_model.CpModel()
    addresses = [
        model.new_int_var(0, capacity_bytes - item.size_bytes, f"address{index}")
        for index, item in enumerate(items)
    ]
    model.add_no_overlap_2d(
        [
            model.new_fixed_size_interval_var(item.start, item.end - item.start, f"time{index}")
            for index, item in enumerate(items)
        ],
        [
            model.new_fixed_size_interval_var(address, item.size_bytes, f"space{index}")
            for index, (address, item) in enumerate(zip(addresses, items, strict=True))
        ],
    )
    solver = new_solver(time_limit_seconds)
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return tuple(int(solver.value(address)) for address in addresses)
