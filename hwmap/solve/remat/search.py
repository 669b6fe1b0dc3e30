"""Simulated annealing over schedules: move a run, run a node again, drop a run, or drop one and run
other nodes again in its place.

Putting a run in, or taking one out, touches only the memory that changes, and each undoes the other
exactly. What is minimised is duration + price * excess: the memory above the budget, summed over
the runs, and a charge for each run above it. The temperature falls, the price rises. All compiled
code of the search is in this one file: numba keeps it on disk, and sees a change of this file, not
of one that it imports.
"""

from math import exp, log, log2

import numpy as np
from numba import njit

from hwmap.ir.types import Integers
from hwmap.solve.remat.types import FAR, HEAD, NONE, TAIL, Dag, Ends, Sequence

WINDOW = 512
"""Moves at one temperature."""
MOST_AGAIN = 6
DEEP = 16
"""Runs that one move usually adds; one in DEEP may add up to 128."""
REPAIRS = 8
CHOICE = 4
"""An exchange runs up to REPAIRS values again, each the cheapest for its size of CHOICE drawn."""
LOOK = 64
DRAWS = 64
"""Moves for which one run above the budget is aimed at; draws for a value that is live there, or
for a run that is not the only one of its node."""


@njit(cache=True)
def _draw(s: Sequence, count: int) -> int:
    """A number in [0, count) (xorshift64*; Vigna, arXiv 1402.6246)."""
    x = np.uint64(s.now[0].random)
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    s.now[0].random = np.int64(x)
    high = (x * np.uint64(2685821657736338717)) >> np.uint64(32)
    return int(np.int64((high * np.uint64(count)) >> np.uint64(32)))


@njit(cache=True)
def _reads(dag: Dag, node: int) -> Integers:
    return dag.reads[dag.node[node].reads_from : dag.node[node].reads_to]


@njit(cache=True)
def _readers(dag: Dag, node: int) -> Integers:
    return dag.readers[dag.node[node].readers_from : dag.node[node].readers_to]


@njit(cache=True)
def _latest(s: Sequence, node: int, slot: int) -> int:
    """The last run of `node` before `slot`, or NONE."""
    run = s.node[node].last
    while run != NONE and s.run[run].slot >= slot:
        run = s.run[run].before
    return run


@njit(cache=True)
def _soonest(s: Sequence, node: int, slot: int) -> int:
    """The first run of `node` after `slot`, or NONE."""
    run, found = s.node[node].last, NONE
    while run != NONE and s.run[run].slot > slot:
        run, found = s.run[run].before, run
    return found


@njit(cache=True)
def _last_reader(dag: Dag, s: Sequence, run: int, slot: int) -> int:
    """The last run before `slot` that reads the value of `run`; without any, `run`."""
    found = run
    for reader in _readers(dag, s.run[run].node):
        other = _latest(s, reader, slot)
        if other != NONE and s.run[other].slot > s.run[found].slot:
            found = other
    return found


@njit(cache=True)
def _above(s: Sequence, memory: int) -> int:
    """What is charged for `memory` during one run."""
    return memory - s.budget + s.charge if memory > s.budget else 0


@njit(cache=True)
def _add(s: Sequence, start: int, stop: int, size: int) -> None:
    """Add `size` to the memory of the slots from `start` to before `stop`."""
    memory, change = s.memory[start:stop], 0
    for slot in range(len(memory)):
        change -= _above(s, memory[slot])
        memory[slot] += size
        change += _above(s, memory[slot])
    s.now[0].excess += change


@njit(cache=True)
def _next(s: Sequence, run: int, step: int) -> int:
    """The run after `run` (`step` 1) or before it (-1)."""
    slot = s.run[run].slot + step
    while s.slots[slot] == NONE:
        slot += step
    return s.slots[slot]


@njit(cache=True)
def _set_slot(s: Sequence, slot: int, run: int, memory: int) -> None:
    s.slots[slot], s.run[run].slot, s.memory[slot] = run, slot, memory


@njit(cache=True)
def _between(dag: Dag, s: Sequence, slot: int) -> int:
    """What the memory of an empty slot is right before the run in `slot`."""
    run = s.slots[slot]
    return -FAR if run == TAIL else s.memory[slot] - dag.node[s.run[run].node].size - FAR


@njit(cache=True)
def _spread(dag: Dag, s: Sequence) -> None:
    """Give the runs new slots, with an empty one after every second."""
    used = s.run[TAIL].slot + 1
    filled = s.slots[:used] != NONE
    runs, memory = s.slots[:used][filled], s.memory[:used][filled]
    s.slots[:used] = NONE
    s.memory[:used] = -FAR
    for index in range(len(runs)):
        slot = index + index // 2
        _set_slot(s, slot, runs[index], memory[index])
        if index > 0 and index % 2 == 0:
            s.memory[slot - 1] = _between(dag, s, slot)


@njit(cache=True)
def _free_slot(dag: Dag, s: Sequence, at: int) -> int:
    """An empty slot right after the run `at`; the runs after it move up to the next empty one."""
    if s.run[TAIL].slot > 2 * s.now[0].runs + 2:
        _spread(dag, s)
    slot = free = s.run[at].slot + 1
    while s.slots[free] != NONE:
        free += 1
    memory = s.memory[slot] if free == slot else _between(dag, s, slot)
    while free > slot:
        _set_slot(s, free, s.slots[free - 1], s.memory[free - 1])
        free -= 1
    s.memory[slot] = memory
    return slot


@njit(cache=True)
def _set_before(s: Sequence, node: int, after: int, before: int) -> None:
    """Let `before` be the run of `node` before its run `after`; the last if `after` is NONE."""
    if after == NONE:
        s.node[node].last = before
    else:
        s.run[after].before = before


@njit(cache=True)
def _link(dag: Dag, s: Sequence, node: int, at: int) -> int:
    """A new run of `node` right after the run `at`, in the order and among the node's runs."""
    slot = _free_slot(dag, s, at)
    run = s.free[len(s.free) - 1 - s.now[0].runs]
    s.run[run].node = node
    _set_slot(s, slot, run, s.memory[slot] + FAR)
    after = _soonest(s, node, slot)
    s.run[run].before = s.node[node].last if after == NONE else s.run[after].before
    _set_before(s, node, after, run)
    s.node[node].times += 1
    return run


@njit(cache=True)
def _unlink(s: Sequence, run: int) -> None:
    node = s.run[run].node
    _set_before(s, node, _soonest(s, node, s.run[run].slot), s.run[run].before)
    s.node[node].times -= 1
    s.run[run].node = s.slots[s.run[run].slot] = NONE
    s.memory[s.run[run].slot] -= FAR
    s.free[len(s.free) - s.now[0].runs] = run


@njit(cache=True)
def _insert(dag: Dag, s: Sequence, node: int, at: int) -> int:
    """Run `node` right after the run `at`; the number of the new run. What it reads was made
    before; it takes over the readers that come after it."""
    run = _link(dag, s, node, at)
    slot, before = s.run[run].slot, s.run[run].before
    if before != NONE and s.run[s.run[before].end].slot > slot:
        s.run[run].end = s.run[before].end
        s.run[before].end = _last_reader(dag, s, before, slot)
        _add(s, s.run[s.run[before].end].slot + 1, slot, -dag.node[node].size)
    else:
        s.run[run].end = run
        s.memory[slot] += dag.node[node].size
    for read in _reads(dag, node):
        source = _latest(s, read, slot)
        if s.run[s.run[source].end].slot < slot:
            _add(s, s.run[s.run[source].end].slot + 1, slot, dag.node[read].size)
            s.run[source].end = run
            s.memory[slot] += dag.node[read].size
    s.now[0].excess += _above(s, s.memory[slot])
    s.now[0].duration += dag.node[node].duration
    s.now[0].runs += 1
    return run


@njit(cache=True)
def _remove(dag: Dag, s: Sequence, run: int) -> None:
    """Take `run` out. The run of its node before it serves its readers, if it has any."""
    node, slot = s.run[run].node, s.run[run].slot
    s.now[0].excess -= _above(s, s.memory[slot])
    for read in _reads(dag, node):
        source = _latest(s, read, slot)
        if s.run[source].end == run:
            s.run[source].end = _last_reader(dag, s, source, slot)
            _add(s, s.run[s.run[source].end].slot + 1, slot, -dag.node[read].size)
            s.memory[slot] -= dag.node[read].size
    if s.run[run].end != run:
        before = s.run[run].before
        _add(s, s.run[s.run[before].end].slot + 1, slot, dag.node[node].size)
        s.run[before].end = s.run[run].end
    else:
        s.memory[slot] -= dag.node[node].size
    _unlink(s, run)
    s.now[0].duration -= dag.node[node].duration
    s.now[0].runs -= 1


@njit(cache=True)
def _put(dag: Dag, s: Sequence, node: int, at: int) -> int:
    run = _insert(dag, s, node, at)
    s.changes[s.now[0].changes] = (1, node, run)
    s.now[0].changes += 1
    return run


@njit(cache=True)
def _take(dag: Dag, s: Sequence, run: int) -> None:
    s.changes[s.now[0].changes] = (0, s.run[run].node, _next(s, run, -1))
    s.now[0].changes += 1
    _remove(dag, s, run)


@njit(cache=True)
def _undo(dag: Dag, s: Sequence) -> None:
    """Run numbers are given out last in, first out, so that those in `changes` stay true."""
    for index in range(s.now[0].changes - 1, -1, -1):
        put, node, run = s.changes[index]
        if put:
            _remove(dag, s, run)
        else:
            _insert(dag, s, node, run)


@njit(cache=True)
def _full(s: Sequence) -> bool:
    return s.now[0].changes > len(s.changes) - 4 or len(s.free) - s.now[0].runs < 4


@njit(cache=True)
def _some_run(s: Sequence) -> int:
    run = HEAD
    while run <= TAIL:
        run = s.slots[_draw(s, s.run[TAIL].slot)]
    return run


@njit(cache=True)
def _useless(s: Sequence, run: int) -> bool:
    """Whether nothing reads `run`, and its node runs elsewhere."""
    more = s.node[s.run[run].node].times > 1
    return s.run[run].end == run and more and not (s.fixed and s.run[run].before == NONE)


@njit(cache=True)
def _prune(dag: Dag, s: Sequence, start: int) -> None:
    """Drop `start`, and what was run for it alone."""
    stack = np.empty(len(s.changes), np.int64)
    stack[0], height = start, 1
    while height and not _full(s):
        height -= 1
        run = stack[height]
        node, slot = s.run[run].node, s.run[run].slot
        if node == NONE or (run != start and not _useless(s, run)):
            continue
        _take(dag, s, run)
        for read in _reads(dag, node):
            source = _latest(s, read, slot)
            if height < len(s.changes) and _useless(s, source):
                stack[height] = source
                height += 1


@njit(cache=True)
def _shift(dag: Dag, s: Sequence) -> None:
    """Move a run, over none that it reads or that reads it."""
    run = _some_run(s)
    node = s.run[run].node
    if s.fixed and s.run[run].before == NONE:
        return
    s.now[0].mark += 1
    mark, earlier = s.now[0].mark, _draw(s, 2) == 0
    s.node[node].mark = mark
    for other in _reads(dag, node) if earlier else _readers(dag, node):
        s.node[other].mark = mark
    at = run
    for _ in range(1 + _draw(s, 1 << _draw(s, 1 + int(log2(s.now[0].runs + 1.0))))):
        then = _next(s, at, -1 if earlier else 1)
        if then in (HEAD, TAIL) or s.node[s.run[then].node].mark == mark:
            break
        at = then
    if at != run:
        _put(dag, s, node, _next(s, at, -1) if earlier else at)
        _take(dag, s, run)


@njit(cache=True)
def _exchange(dag: Dag, s: Sequence, excess: int, most: float, repairs: int) -> bool:
    """Keep a value that is made again, and make up to `repairs` others again where that takes more
    memory above the budget than `excess`; False if none can be, or all runs took more than `most`.
    """
    run = _some_run(s)
    for _ in range(DRAWS):
        if s.node[s.run[run].node].times > 1:
            break
        run = _some_run(s)
    source, kept = s.run[run].before, s.run[run].node
    if source == NONE and not _useless(s, run):
        return True
    _prune(dag, s, run)
    for _ in range(repairs):
        if source == NONE or s.run[source].node != kept:
            return True
        over = s.run[source].end
        while over != source and s.memory[s.run[over].slot] <= s.budget:
            over = _next(s, over, -1)
        if s.now[0].excess <= excess or over == source:
            return True
        chosen, before = NONE, NONE
        for _ in range(CHOICE):
            node, reader = _across(dag, s, over)
            if node in (NONE, kept):
                continue
            # Not whole numbers, whose products could be too large.
            duration, size = dag.node[node].duration, float(dag.node[node].size)
            if s.now[0].duration + duration <= most and (
                chosen == NONE
                or duration * float(dag.node[chosen].size) < dag.node[chosen].duration * size
            ):
                chosen, before = node, reader
        if chosen == NONE or not _again(dag, s, chosen, before, _draw(s, 4) == 0):
            return False
        if s.now[0].duration > most:
            return False
    return True


@njit(cache=True)
def _over(s: Sequence) -> int:
    """A run above the budget, the first from some run on; HEAD if there is none after that."""
    slot, stop = _draw(s, s.run[TAIL].slot), s.run[TAIL].slot
    while slot < stop and s.memory[slot] <= s.budget:
        slot += 1
    return HEAD if slot == stop else s.slots[slot]


@njit(cache=True)
def _across(dag: Dag, s: Sequence, over: int) -> tuple[int, int]:
    """A value that is live while `over` runs, and is not read there, and the next run that reads
    it; (NONE, NONE) if a few draws found none."""
    slot = s.run[over].slot
    for _ in range(DRAWS):
        source = s.slots[slot - 1 - _draw(s, slot >> _draw(s, 3))]
        if source in (NONE, HEAD) or s.run[s.run[source].end].slot <= slot:
            continue
        node, soonest = s.run[source].node, TAIL
        for reader in _readers(dag, node):
            if reader == s.run[over].node:
                soonest = TAIL
                break
            run = _soonest(s, reader, slot)
            if run != NONE and s.run[run].slot < s.run[soonest].slot:
                soonest = run
        if soonest != TAIL:
            return node, soonest
    return NONE, NONE


@njit(cache=True)
def _again(dag: Dag, s: Sequence, node: int, before: int, deep: bool) -> bool:
    """Run `node` again before the run `before`, that reads it, with what it reads itself where that
    is not kept; False if that took too many runs."""
    most = 1 << _draw(s, 8) if deep else MOST_AGAIN
    if _draw(s, 4) == 0:
        source = _latest(s, node, s.run[before].slot)
        for _ in range(_draw(s, 1 << _draw(s, 8))):
            if _next(s, before, -1) in (source, HEAD):
                break
            before = _next(s, before, -1)
    stack = np.empty((len(s.changes), 2), np.int64)
    stack[0] = (node, before)
    height, runs = 1, 0
    s.now[0].mark += 1
    while height and not _full(s):
        height -= 1
        node, before = stack[height]
        source = _latest(s, node, s.run[before].slot)
        if _next(s, before, -1) == source or s.node[node].mark == s.now[0].mark:
            continue
        reads = _reads(dag, node)
        dead = size = 0
        for read in reads:
            if s.run[s.run[_latest(s, read, s.run[before].slot)].end].slot < s.run[before].slot:
                dead += 1
                size += dag.node[read].size
        again = runs + height + dead <= most and (deep or _draw(s, 2) == 0)
        if size > dag.node[node].size and not again:
            if deep:
                return False
            continue
        run = _put(dag, s, node, _next(s, before, -1))
        s.node[node].mark = s.now[0].mark
        runs += 1
        for read in reads:
            kept = s.run[_latest(s, read, s.run[run].slot)].end != run
            if again and not kept and s.node[read].mark != s.now[0].mark:
                stack[height] = (read, run)
                height += 1
        if _useless(s, source):
            _prune(dag, s, source)
    return True


@njit(cache=True)
def _some_again(dag: Dag, s: Sequence, over: int) -> bool:
    """Run a value again before one that reads it; half the time one that is live during the run
    `over`, if that is above the budget. False if that took too many runs."""
    node, before, deep = NONE, NONE, _draw(s, DEEP) == 0
    if s.run[over].node != NONE and s.memory[s.run[over].slot] > s.budget and _draw(s, 2) == 0:
        node, before = _across(dag, s, over)
        deep = _draw(s, 2) == 0
    if node == NONE:
        before = _some_run(s)
        reads = _reads(dag, s.run[before].node)
        if not len(reads):
            return True
        node = reads[_draw(s, len(reads))]
    return _again(dag, s, node, before, deep)


@njit(cache=True, nogil=True)
def anneal(dag: Dag, s: Sequence, start: Integers, moves: int, heat: Ends, price: Ends) -> Integers:
    """The shortest order found that fits; empty if none did.

    `heat` and `price` are first and last values: of the temperature in units of duration, and of
    a unit of excess. `s` is empty; with `s.fixed` the order of first runs stays. It stops when no
    time is spent on running nodes again.
    """
    for node in start:
        _insert(dag, s, node, _next(s, TAIL, -1))
    _spread(dag, s)
    best, shortest = np.empty(0, np.int64), np.int64(1) << 62
    least = dag.node["duration"].sum()
    temperature, cost, over = 0.0, 0.0, HEAD
    for move in range(moves + 1):
        if s.now[0].excess == 0 and s.now[0].duration < shortest:
            best, shortest = np.empty(s.now[0].runs, np.int64), s.now[0].duration
            best[:] = s.run["node"][s.slots[s.slots > TAIL]]
            if shortest == least:
                break
        if move == moves:
            break
        if move % WINDOW == 0:
            temperature = heat[0] * exp(log(heat[1] / heat[0]) * move / moves)
            cost = price[0] * exp(log(price[1] / price[0]) * move / moves)
        if move % LOOK == 0:
            over = _over(s) if s.now[0].excess > 0 else HEAD
        s.now[0].changes = 0
        excess, duration = s.now[0].excess, s.now[0].duration
        # Metropolis: the most that this move may make it worse.
        rise = -temperature * log((_draw(s, 1 << 30) + 1) / (1 << 30))
        kind, whole = _draw(s, 16), True
        if kind < 10:
            _shift(dag, s)
        elif kind < 12:
            repairs = 0 if kind == 10 and not s.fixed else 1 + _draw(s, REPAIRS)
            whole = _exchange(dag, s, excess, duration + rise, repairs)
        else:
            whole = _some_again(dag, s, over)
        worse = s.now[0].duration - duration + cost * (s.now[0].excess - excess)
        if not whole or worse > rise:
            _undo(dag, s)
    return best
