"""Addresses: pack the retention intervals of tensors into one arena (2D packing).

An item has a size (bytes, its extent in address) and steps [start, end) (its extent in time). Two
items that are on chip during the same step must not overlap.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

from ortools.sat.python import cp_model

from hwmap.solve.cpsat import new_solver

Value = TypeVar("Value", bound=Hashable)


@dataclass(frozen=True)
class Item:
    """Something to place: `size_bytes` during steps [start, end)."""

    size_bytes: int
    start: int
    end: int

    def meets(self, other: "Item") -> bool:
        """Whether both are on chip during some step."""
        return self.start < other.end and other.start < self.end


def live_peak(items: Sequence[Item]) -> int:
    """The largest sum of sizes over all steps: no packing is lower."""
    changes: Counter[int] = Counter()
    for item in items:
        changes[item.start] += item.size_bytes
        changes[item.end] -= item.size_bytes
    return max(accumulate(changes[step] for step in sorted(changes)), default=0)


def lifetimes(
    steps: Iterable[tuple[Iterable[Value], Value | None]],
) -> list[tuple[Value, int, int]]:
    """(value, start, end) of every copy of a value, for steps of (what is read, what is written):
    from the step that writes it until after the last one that reads it before it is written
    again."""
    found: list[tuple[Value, int, int]] = []
    current: dict[Value, int] = {}
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

    Best of four first-fit orders; where they all fail, CP-SAT.
    """
    orders = (
        lambda i: (-items[i].size_bytes, items[i].start),
        lambda i: (-items[i].size_bytes * (items[i].end - items[i].start), items[i].start),
        lambda i: (items[i].start - items[i].end, -items[i].size_bytes),
        lambda i: (items[i].start, -items[i].size_bytes),
    )
    best: tuple[int, ...] | None = None
    for order in orders:
        addresses = _first_fit(items, sorted(range(len(items)), key=order))
        if best is None or _top(items, addresses) < _top(items, best):
            best = addresses
    assert best is not None
    if _top(items, best) <= capacity_bytes:
        return best
    if live_peak(items) > capacity_bytes:
        return None
    return _pack_exactly(items, capacity_bytes, time_limit_seconds)


def _top(items: Sequence[Item], addresses: Sequence[int]) -> int:
    return max((a + i.size_bytes for a, i in zip(addresses, items, strict=True)), default=0)


def _first_fit(items: Sequence[Item], order: Sequence[int]) -> tuple[int, ...]:
    """Each item in `order` at the lowest address that is free during all its steps."""
    placed: dict[int, int] = {}
    for index in order:
        item = items[index]
        taken = sorted(
            (address, address + items[other].size_bytes)
            for other, address in placed.items()
            if items[other].meets(item)
        )
        address = 0
        for start, end in taken:
            if start - address >= item.size_bytes:
                break
            address = max(address, end)
        placed[index] = address
    return tuple(placed[index] for index in range(len(items)))


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
