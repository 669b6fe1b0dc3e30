"""First fit, compiled: items at the lowest free address, and orders that are repaired."""

import numpy as np
from numba import njit

from hwmap.ir.types import Integers


@njit(cache=True)
def _first_fit(
    sizes: Integers, meets_from: Integers, meets: Integers, order: Integers, addresses: Integers
) -> int:
    """Give each item in `order` the lowest address that is free during all its steps; the end of
    the arena."""
    addresses[:] = -1
    taken = np.empty((len(sizes), 2), np.int64)
    arena = 0
    for item in order:
        count = 0
        for other in meets[meets_from[item] : meets_from[item + 1]]:
            start = addresses[other]
            if start < 0:
                continue
            place = count
            while place > 0 and taken[place - 1, 0] > start:
                taken[place] = taken[place - 1]
                place -= 1
            taken[place] = (start, start + sizes[other])
            count += 1
        address = 0
        for start, end in taken[:count]:
            if start - address >= sizes[item]:
                break
            address = max(address, end)
        addresses[item] = address
        arena = max(arena, address + sizes[item])
    return arena


@njit(cache=True)
def first_fit(
    sizes: Integers,
    meets_from: Integers,
    meets: Integers,
    order: Integers,
    wanted: int,
    repairs: int,
) -> Integers:
    """Addresses of the lowest arena found: in `order`, and up to `repairs` times with the items
    that lie too high moved ahead by a random part of their rank. It ends at `wanted`.

    Item i is on chip together with the items `meets[meets_from[i]:meets_from[i + 1]]`.
    """
    np.random.seed(0)
    ranks = np.empty(len(sizes))
    ranks[order] = np.arange(1, len(sizes) + 1)
    addresses = np.empty_like(sizes)
    arena = _first_fit(sizes, meets_from, meets, order, addresses)
    best, lowest = addresses.copy(), arena
    for _ in range(repairs):
        if lowest <= wanted:
            break
        high = addresses + sizes > max(lowest - 1, wanted)
        for item in np.flatnonzero(high):
            ranks[item] *= np.random.random()
        arena = _first_fit(sizes, meets_from, meets, np.argsort(ranks), addresses)
        if arena < lowest:
            best, lowest = addresses.copy(), arena
    return best
