"""Simulated annealing over schedules: move a run, run a node again, drop a run, or drop one and run
other nodes again in its place.

Putting a run in, or taking one out, touches only the runs whose memory changes; nothing is
evaluated anew, and each undoes the other exactly. What is minimised is duration + price * (memory
above the budget, summed over the runs); the temperature falls, the price rises. All compiled code
is in this one file: numba keeps it on disk, and sees a change of this file, not of one it imports.
"""

from math import exp, log, log2

import numpy as np
from numba import njit

from hwmap.solve.remat.types import (
    CHANGES,
    DURATION,
    EXCESS,
    FREE,
    HEAD,
    MANY,
    MARK,
    NONE,
    RUNS,
    TAIL,
    Dag,
    Integers,
    Sequence,
)

GAP = 1 << 32
"""Distance between labels that were just given."""
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
"""Moves for which one run above the budget is aimed at; draws for a value that is live there."""


@njit(cache=True)
def _draw(s: Sequence, count: int) -> int:
    """A number in [0, count) (xorshift64*; Vigna, arXiv 1402.6246)."""
    x = s.random[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    s.random[0] = x
    return int((x * np.uint64(2685821657736338717)) >> np.uint64(33)) % count


@njit(cache=True)
def _latest(s: Sequence, node: int, label: int) -> int:
    """The last run of `node` before `label`, or NONE."""
    run = s.last[node]
    while run != NONE and s.label[run] >= label:
        run = s.before[run]
    return run


@njit(cache=True)
def _last_reader(dag: Dag, s: Sequence, run: int, label: int) -> int:
    """The last run before `label` that reads the value of `run`; without any, `run`."""
    found, node = run, s.node[run]
    for reader in dag.readers[dag.readers_from[node] : dag.readers_from[node + 1]]:
        other = _latest(s, reader, label)
        if other != NONE and s.label[other] > s.label[found]:
            found = other
    return found


@njit(cache=True)
def _add_between(s: Sequence, start: int, stop: int, size: int) -> None:
    """Add `size` to the memory of the runs after `start` and before `stop`."""
    change, run = 0, s.following[start]
    while run != stop:
        memory = s.memory[run]
        s.memory[run] += size
        change += max(memory + size - s.budget, 0) - max(memory - s.budget, 0)
        run = s.following[run]
    s.totals[EXCESS] += change


@njit(cache=True)
def _live_after(dag: Dag, s: Sequence, run: int) -> int:
    """The memory of the values that are live after `run` too."""
    if run == HEAD:
        return 0
    node, memory = s.node[run], s.memory[run]
    if s.end[run] == run:
        memory -= dag.sizes[node]
    for read in dag.reads[dag.reads_from[node] : dag.reads_from[node + 1]]:
        if s.end[_latest(s, read, s.label[run])] == run:
            memory -= dag.sizes[read]
    return memory


@njit(cache=True)
def _join(s: Sequence, node: int, before: int, after: int) -> None:
    """Make two runs of `node` neighbours; NONE before the first and after the last."""
    if before == NONE:
        s.first[node] = after
    else:
        s.after[before] = after
    if after == NONE:
        s.last[node] = before
    else:
        s.before[after] = before


@njit(cache=True)
def _link(s: Sequence, node: int, at: int) -> int:
    """A new run of `node` right after the run `at`, in the order and among the node's runs."""
    if s.label[s.following[at]] - s.label[at] < 2:
        run, label = HEAD, 0
        while run != NONE:
            s.label[run] = label
            label += GAP
            run = s.following[run]
    s.totals[FREE] -= 1
    run, then = s.free[s.totals[FREE]], s.following[at]
    s.node[run], s.previous[run], s.following[run] = node, at, then
    s.following[at], s.previous[then] = run, run
    if then == TAIL:
        s.label[TAIL] = s.label[at] + 2 * GAP
    s.label[run] = (s.label[at] + s.label[then]) // 2
    before = _latest(s, node, s.label[run])
    after = s.first[node] if before == NONE else s.after[before]
    _join(s, node, before, run)
    _join(s, node, run, after)
    s.times[node] += 1
    if s.times[node] == 2:
        s.place[node] = s.totals[MANY]
        s.many[s.totals[MANY]] = node
        s.totals[MANY] += 1
    return run


@njit(cache=True)
def _unlink(s: Sequence, run: int) -> None:
    node = s.node[run]
    s.following[s.previous[run]] = s.following[run]
    s.previous[s.following[run]] = s.previous[run]
    _join(s, node, s.before[run], s.after[run])
    s.times[node] -= 1
    if s.times[node] == 1:
        s.totals[MANY] -= 1
        moved = s.many[s.totals[MANY]]
        s.many[s.place[node]] = moved
        s.place[moved] = s.place[node]
    s.node[run] = NONE
    s.free[s.totals[FREE]] = run
    s.totals[FREE] += 1


@njit(cache=True)
def _insert(dag: Dag, s: Sequence, node: int, at: int) -> int:
    """Run `node` right after the run `at`; the number of the new run. What it reads was made
    before; it takes over the readers that come after it."""
    memory = _live_after(dag, s, at)
    run = _link(s, node, at)
    label, before = s.label[run], s.before[run]
    if before != NONE and s.label[s.end[before]] > label:
        s.end[run] = s.end[before]
        s.end[before] = _last_reader(dag, s, before, label)
        _add_between(s, s.end[before], run, -dag.sizes[node])
    else:
        s.end[run] = run
        memory += dag.sizes[node]
    for read in dag.reads[dag.reads_from[node] : dag.reads_from[node + 1]]:
        source = _latest(s, read, label)
        if s.label[s.end[source]] < label:
            _add_between(s, s.end[source], run, dag.sizes[read])
            s.end[source] = run
            memory += dag.sizes[read]
    s.memory[run] = memory
    s.totals[EXCESS] += max(memory - s.budget, 0)
    s.totals[DURATION] += dag.durations[node]
    s.totals[RUNS] += 1
    return run


@njit(cache=True)
def _remove(dag: Dag, s: Sequence, run: int) -> None:
    """Take `run` out. The run of its node before it serves its readers, if it has any."""
    node, label = s.node[run], s.label[run]
    for read in dag.reads[dag.reads_from[node] : dag.reads_from[node + 1]]:
        source = _latest(s, read, label)
        if s.end[source] == run:
            s.end[source] = _last_reader(dag, s, source, label)
            _add_between(s, s.end[source], run, -dag.sizes[read])
    if s.end[run] != run:
        before = s.before[run]
        _add_between(s, s.end[before], run, dag.sizes[node])
        s.end[before] = s.end[run]
    _unlink(s, run)
    s.totals[EXCESS] -= max(s.memory[run] - s.budget, 0)
    s.totals[DURATION] -= dag.durations[node]
    s.totals[RUNS] -= 1


@njit(cache=True)
def _put(dag: Dag, s: Sequence, node: int, at: int) -> int:
    run = _insert(dag, s, node, at)
    s.changes[s.totals[CHANGES]] = (1, node, run)
    s.totals[CHANGES] += 1
    return run


@njit(cache=True)
def _take(dag: Dag, s: Sequence, run: int) -> None:
    s.changes[s.totals[CHANGES]] = (0, s.node[run], s.previous[run])
    s.totals[CHANGES] += 1
    _remove(dag, s, run)


@njit(cache=True)
def _undo(dag: Dag, s: Sequence) -> None:
    """Run numbers are given out last in, first out, so that those in `changes` stay true."""
    for index in range(s.totals[CHANGES] - 1, -1, -1):
        put, node, run = s.changes[index]
        if put:
            _remove(dag, s, run)
        else:
            _insert(dag, s, node, run)


@njit(cache=True)
def _full(s: Sequence) -> bool:
    return s.totals[CHANGES] > len(s.changes) - 4 or s.totals[FREE] < 4


@njit(cache=True)
def _some_run(s: Sequence, node: int) -> int:
    run = s.last[node]
    for _ in range(_draw(s, s.times[node])):
        run = s.before[run]
    return run


@njit(cache=True)
def _useless(s: Sequence, run: int) -> bool:
    """Whether nothing reads `run`, and its node runs elsewhere."""
    more = s.times[s.node[run]] > 1
    return s.end[run] == run and more and not (s.fixed and s.before[run] == NONE)


@njit(cache=True)
def _prune(dag: Dag, s: Sequence, start: int) -> None:
    """Drop `start`, and what was run for it alone."""
    stack = np.empty(len(s.changes), np.int64)
    stack[0], height = start, 1
    while height and not _full(s):
        height -= 1
        run = stack[height]
        node, label = s.node[run], s.label[run]
        if node == NONE or (run != start and not _useless(s, run)):
            continue
        _take(dag, s, run)
        for read in dag.reads[dag.reads_from[node] : dag.reads_from[node + 1]]:
            source = _latest(s, read, label)
            if height < len(s.changes) and _useless(s, source):
                stack[height] = source
                height += 1


@njit(cache=True)
def _shift(dag: Dag, s: Sequence) -> None:
    """Move a run, over none that it reads or that reads it."""
    node = _draw(s, len(dag.sizes))
    run = _some_run(s, node)
    if s.fixed and s.before[run] == NONE:
        return
    s.totals[MARK] += 1
    mark, earlier = s.totals[MARK], _draw(s, 2) == 0
    s.mark[node] = mark
    if earlier:
        s.mark[dag.reads[dag.reads_from[node] : dag.reads_from[node + 1]]] = mark
    else:
        s.mark[dag.readers[dag.readers_from[node] : dag.readers_from[node + 1]]] = mark
    at, links = run, s.previous if earlier else s.following
    for _ in range(1 + _draw(s, 1 << _draw(s, 1 + int(log2(s.totals[RUNS] + 1.0))))):
        then = links[at]
        if then in (HEAD, TAIL) or s.mark[s.node[then]] == mark:
            break
        at = then
    if at != run:
        _put(dag, s, node, s.previous[at] if earlier else at)
        _take(dag, s, run)


@njit(cache=True)
def _drop(dag: Dag, s: Sequence) -> None:
    """Drop a run of a node that runs more than once."""
    if s.totals[MANY]:
        run = _some_run(s, s.many[_draw(s, s.totals[MANY])])
        if s.before[run] != NONE or _useless(s, run):
            _prune(dag, s, run)


@njit(cache=True)
def _exchange(dag: Dag, s: Sequence, excess: int, most: float) -> bool:
    """Keep a value that is made again, and make others again where that takes more memory above the
    budget than `excess`; False if none can be, or if all runs took longer than `most`."""
    run = _some_run(s, s.many[_draw(s, s.totals[MANY])]) if s.totals[MANY] else HEAD
    source, kept = s.before[run], s.node[run]
    if source == NONE:
        return True
    _prune(dag, s, run)
    for _ in range(1 + _draw(s, REPAIRS)):
        if s.node[source] != kept:
            return True
        over = s.end[source]
        while over != source and s.memory[over] <= s.budget:
            over = s.previous[over]
        if s.totals[EXCESS] <= excess or over == source:
            return True
        chosen, before = NONE, NONE
        for _ in range(CHOICE):
            node, reader = _across(dag, s, over)
            if node in (NONE, kept):
                continue
            duration, size = dag.durations[node], dag.sizes[node]
            if s.totals[DURATION] + duration <= most and (
                chosen == NONE or duration * dag.sizes[chosen] < dag.durations[chosen] * size
            ):
                chosen, before = node, reader
        if chosen == NONE or not _again(dag, s, chosen, before, _draw(s, 4) == 0):
            return False
        if s.totals[DURATION] > most:
            return False
    return True


@njit(cache=True)
def _over(s: Sequence) -> int:
    """A run above the budget, the first from some run on; NONE if there is none after that."""
    run, skip = s.following[HEAD], _draw(s, s.totals[RUNS])
    while run != TAIL and (skip > 0 or s.memory[run] <= s.budget):
        run, skip = s.following[run], skip - 1
    return NONE if run == TAIL else run


@njit(cache=True)
def _across(dag: Dag, s: Sequence, over: int) -> tuple[int, int]:
    """A value that is live while `over` runs, and is not read there, and the next run that reads
    it; (NONE, NONE) if a few draws found none."""
    label = s.label[over]
    for _ in range(DRAWS):
        node = _draw(s, len(dag.sizes))
        source, soonest = _latest(s, node, label), TAIL
        if source == NONE or s.label[s.end[source]] <= label:
            continue
        for reader in dag.readers[dag.readers_from[node] : dag.readers_from[node + 1]]:
            if reader == s.node[over]:
                soonest = TAIL
                break
            run = s.last[reader]
            while run != NONE and s.label[run] > label:
                soonest = run if s.label[run] < s.label[soonest] else soonest
                run = s.before[run]
        if soonest != TAIL:
            return node, soonest
    return NONE, NONE


@njit(cache=True)
def _again(dag: Dag, s: Sequence, node: int, before: int, deep: bool) -> bool:
    """Run `node` again before the run `before`, that reads it, with what it reads itself where that
    is not kept; False if that took too many runs."""
    most = 1 << _draw(s, 8) if deep else MOST_AGAIN
    if _draw(s, 4) == 0:
        source = _latest(s, node, s.label[before])
        for _ in range(_draw(s, 1 << _draw(s, 8))):
            if s.previous[before] in (source, HEAD):
                break
            before = s.previous[before]
    stack = np.empty((len(s.changes), 2), np.int64)
    stack[0] = (node, before)
    height, runs = 1, 0
    s.totals[MARK] += 1
    while height and not _full(s):
        height -= 1
        node, before = stack[height]
        source = _latest(s, node, s.label[before])
        if s.previous[before] == source or s.mark[node] == s.totals[MARK]:
            continue
        reads = dag.reads[dag.reads_from[node] : dag.reads_from[node + 1]]
        dead = size = 0
        for read in reads:
            if s.label[s.end[_latest(s, read, s.label[before])]] < s.label[before]:
                dead += 1
                size += dag.sizes[read]
        again = runs + height + dead <= most and (deep or _draw(s, 2) == 0)
        if size > dag.sizes[node] and not again:
            if deep:
                return False
            continue
        run = _put(dag, s, node, s.previous[before])
        s.mark[node] = s.totals[MARK]
        runs += 1
        for read in reads:
            kept = s.end[_latest(s, read, s.label[run])] != run
            if again and not kept and s.mark[read] != s.totals[MARK]:
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
    if over != NONE and s.node[over] != NONE and s.memory[over] > s.budget and _draw(s, 2) == 0:
        node, before = _across(dag, s, over)
        deep = _draw(s, 2) == 0
    if node == NONE:
        reader = _draw(s, len(dag.sizes))
        reads = dag.reads[dag.reads_from[reader] : dag.reads_from[reader + 1]]
        if not len(reads):
            return True
        node, before = reads[_draw(s, len(reads))], _some_run(s, reader)
    return _again(dag, s, node, before, deep)


@njit(cache=True)
def _nodes(s: Sequence) -> Integers:
    """The nodes in the order of their runs."""
    order = np.empty(s.totals[RUNS], np.int64)
    run = s.following[HEAD]
    for index in range(len(order)):
        order[index] = s.node[run]
        run = s.following[run]
    return order


@njit(cache=True, nogil=True)
def anneal(
    dag: Dag,
    s: Sequence,
    start: Integers,
    moves: int,
    heat: tuple[float, float],
    price: tuple[float, float],
) -> Integers:
    """The shortest order found that fits; empty if none did.

    `heat` and `price` are first and last values: of the temperature in units of duration, and of
    a unit of memory above the budget during one run. `s` is empty; with `s.fixed` the order of
    first runs stays. It stops when no node runs twice.
    """
    s.following[HEAD], s.previous[TAIL], s.label[TAIL] = TAIL, HEAD, GAP
    s.totals[FREE] = len(s.free)
    for node in start:
        _insert(dag, s, node, s.previous[TAIL])
    best, shortest = np.empty(0, np.int64), np.int64(1) << 62
    least = dag.durations.sum()
    temperature, cost, over = 0.0, 0.0, NONE
    for move in range(moves + 1):
        if s.totals[EXCESS] == 0 and s.totals[DURATION] < shortest:
            best, shortest = _nodes(s), s.totals[DURATION]
            if shortest == least:
                break
        if move == moves:
            break
        if move % WINDOW == 0:
            temperature = heat[0] * exp(log(heat[1] / heat[0]) * move / moves)
            cost = price[0] * exp(log(price[1] / price[0]) * move / moves)
        if move % LOOK == 0:
            over = _over(s) if s.totals[EXCESS] > 0 else NONE
        s.totals[CHANGES] = 0
        excess, duration = s.totals[EXCESS], s.totals[DURATION]
        # Metropolis: the most that this move may make it worse.
        rise = -temperature * log((_draw(s, 1 << 30) + 1) / (1 << 30))
        kind, whole = _draw(s, 16), True
        if kind < 10:
            _shift(dag, s)
        elif kind == 10 and not s.fixed:
            _drop(dag, s)
        elif kind < 12:
            whole = _exchange(dag, s, excess, duration + rise)
        else:
            whole = _some_again(dag, s, over)
        worse = s.totals[DURATION] - duration + cost * (s.totals[EXCESS] - excess)
        if not whole or worse > rise:
            _undo(dag, s)
    return best
