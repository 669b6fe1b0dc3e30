"""Addresses: pack the retention intervals of tensors into one arena (2D packing).

An item has a size (bytes, its extent in address) and steps [start, end) (its extent in time). Two
items that are on chip during the same step must not overlap.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from hwmap.solve.cpsat import new_solver


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
    steps = sorted({item.start for item in items})
    return max(
        (sum(i.size_bytes for i in items if i.start <= step < i.end) for step in steps), default=0
    )


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
