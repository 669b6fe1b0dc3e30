"""The flow of constants through their memory, compiled."""

import numpy as np
from numba import njit

from hwmap.ir.types import Integers

NOWHERE = -1
MOST_LIVE = 256


@njit(cache=True)
def _room(
    live: Integers, count: int, begin: Integers, words: Integers, base: int, capacity: int,
    wanted: int, high: bool,
) -> int:  # fmt: skip
    """An address at which `wanted` words are free: the lowest, or the highest."""
    # Live constants by their addresses.
    for i in range(1, count):
        item = live[i]
        at = i
        while at > 0 and begin[live[at - 1]] > begin[item]:
            live[at] = live[at - 1]
            at -= 1
        live[at] = item
    found = NOWHERE
    at = base
    for i in range(count + 1):
        end = begin[live[i]] if i < count else capacity
        if end - at >= wanted:
            found = end - wanted if high else at
            if not high:
                return found
        if i < count:
            at = max(at, begin[live[i]] + words[live[i]])
    return found


@njit(cache=True)
def flow(
    first: Integers,
    last: Integers,
    words: Integers,
    bus_words: Integers,
    trips: Integers,
    base: int,
    capacity: int,
    ahead: int,
    most_segments: int,
    starts: Integers,
    addresses: Integers,
    fetched: Integers,
) -> int:
    """Fill in the step in which each of the constants begins to arrive, their addresses from `base`
    on, and the bus words of each step; the cycles in which the engine waits for them, or -1 if they
    do not fit. Nothing arrives more than `ahead` steps before it is wanted."""
    live = np.empty(MOST_LIVE, np.int64)
    count = position = left = stalls = 0
    fetched[:] = 0
    for step in range(len(trips)):
        kept = 0
        for i in range(count):
            if last[live[i]] >= step:
                live[kept] = live[i]
                kept += 1
        count = kept
        segments = 0
        while position < len(first):
            due = first[position] <= step + 1
            if first[position] <= step:
                return -1
            if not due and (
                fetched[step] >= trips[step]
                or segments >= most_segments
                or first[position] > step + ahead
            ):
                break
            if left == 0:
                address = _room(live, count, addresses, words, base, capacity,
                                words[position], position % 2 == 1)  # fmt: skip
                if address == NOWHERE or count == MOST_LIVE:
                    if due:
                        return -1
                    break
                starts[position], addresses[position] = step, address
                left = bus_words[position]
                live[count] = position
                count += 1
            taken = left if due else min(left, trips[step] - fetched[step])
            fetched[step] += taken
            left -= taken
            segments += 1
            if left:
                break
            position += 1
        if segments > 2 * most_segments:
            return -1
        stalls += max(fetched[step] - trips[step], 0)
    return stalls
