"""The cycle of every event of a network of kernels, computed without stepping through cycles.

The contract of a kernel: a trip enters on the first cycle after the trip before it on which every
word that it reads is there (a word that is written on cycle c can be read from c + 1 on). It writes
`depth` cycles after it entered; while a FIFO that it writes has no room, the whole kernel stands
still, all stages (a place is free on the cycle after its word was read). Waiting for words holds
back nothing that is under way.

Each kernel has a clock of its own that stops while the kernel stands still. On it, trips enter and
write without regard to full FIFOs; `freeze` cycles at a local time turn it into cycles of the
design. A kernel goes on as long as the words and the room that it needs are known, and then the
next one does: the result does not depend on the order (Kahn), since reads and writes block.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from hwmap.ir.types import Array, Integers

Mask = NDArray[np.bool_]

# Columns of the state of a kernel.
TRIP, LOCAL, CANDIDATE, PASSED, FROZEN, TAIL, SETTLED, LATE, STARVED, BLOCKED = range(10)
STATE = 10
NOTHING = np.int64(1) << 60


@numba.njit(cache=True, nogil=True)
def run(
    images: int,
    trips: Integers,
    depths: Integers,
    first_port: Integers,
    port_stream: Integers,
    port_writes: Mask,
    port_events: Integers,
    events: Integers,
    stream_words: Integers,
    stream_depth: Integers,
    stream_first: Integers,
    written_at: Integers,
    read_at: Integers,
) -> tuple[bool, Array, Array, Array]:
    """Runs every kernel for `images` images; whether all came to their end, the state of every
    kernel, and the words written to and read from each stream.

    Kernel k has `trips` per image, and the ports first_port[k] to first_port[k + 1] - 1. A port
    reads or writes `stream_words` words of its stream per image, on the trips of the image in
    `events` from port_events on. The cycles of all words of a stream are filled in from
    stream_first on.
    """
    kernels, streams = len(trips), len(stream_words)
    state = np.zeros((kernels, STATE), np.int64)
    state[:, TRIP] = -1
    state[:, LOCAL] = -1
    # Writes under way, a ring for each kernel: local time, freeze, and whether ports take part.
    most = depths.max() + 2
    times = np.zeros((kernels, most), np.int64)
    freezes = np.zeros((kernels, most), np.int64)
    ports = len(port_stream)
    port_done = np.zeros(ports, np.int64)
    pending_trip = np.zeros((kernels, most), np.int64)
    counts = np.zeros((2, streams), np.int64)
    progress = True
    complete = np.zeros(kernels, np.bool_)
    while progress:
        progress = False
        for k in range(kernels):
            if complete[k]:
                continue
            low, high = first_port[k], first_port[k + 1]
            own = state[k]
            while True:
                # Settle the writes under way, oldest first.
                while own[SETTLED] < own[TAIL]:
                    slot = own[SETTLED] % most
                    trip = pending_trip[k, slot]
                    room = np.int64(0)
                    known = True
                    for port in range(low, high):
                        if not port_writes[port]:
                            continue
                        stream = port_stream[port]
                        word = counts[1, stream]
                        total = stream_words[stream]
                        if word >= images * total:
                            continue
                        event = (word // total) * trips[k] + events[
                            port_events[port] + word % total
                        ]
                        if event != trip:
                            continue
                        if word >= stream_depth[stream]:
                            other = word - stream_depth[stream]
                            if other >= counts[0, stream]:
                                known = False
                                break
                            room = max(room, read_at[stream_first[stream] + other] + 1)
                    if not known:
                        break
                    at = times[k, slot] + own[LATE]
                    freeze = max(room - at, 0)
                    own[LATE] += freeze
                    own[BLOCKED] += freeze
                    freezes[k, slot] = freeze
                    for port in range(low, high):
                        if not port_writes[port]:
                            continue
                        stream = port_stream[port]
                        word = counts[1, stream]
                        total = stream_words[stream]
                        if word >= images * total:
                            continue
                        event = (word // total) * trips[k] + events[
                            port_events[port] + word % total
                        ]
                        if event == trip:
                            written_at[stream_first[stream] + word] = at + freeze
                            counts[1, stream] += 1
                    own[SETTLED] += 1
                    progress = True
                # The next trip on which anything happens.
                trip = NOTHING
                for port in range(low, high):
                    total = stream_words[port_stream[port]]
                    done = port_done[port]
                    if done < images * total:
                        event = (done // total) * trips[k]
                        event += events[port_events[port] + done % total]
                        trip = min(trip, event)
                if trip == NOTHING:
                    complete[k] = own[SETTLED] == own[TAIL]
                    break
                local = max(own[LOCAL] + trip - own[TRIP], own[CANDIDATE])
                there = np.int64(0)
                known = True
                writes = False
                for port in range(low, high):
                    stream = port_stream[port]
                    total = stream_words[stream]
                    done = port_done[port]
                    if done >= images * total:
                        continue
                    event = (done // total) * trips[k] + events[port_events[port] + done % total]
                    if event != trip:
                        continue
                    if port_writes[port]:
                        writes = True
                    elif done >= counts[1, stream]:
                        known = False
                        break
                    else:
                        there = max(there, written_at[stream_first[stream] + done] + 1)
                if not known:
                    break
                # Pass the freezes on the way, up to the time on which the words are there.
                while True:
                    after = local + own[FROZEN]
                    target = local if after >= there else local + there - after
                    if own[PASSED] < own[TAIL] and times[k, own[PASSED] % most] <= target:
                        if own[PASSED] == own[SETTLED]:
                            known = False
                            break
                        local = max(local, times[k, own[PASSED] % most])
                        own[FROZEN] += freezes[k, own[PASSED] % most]
                        own[PASSED] += 1
                        continue
                    local = target
                    break
                own[CANDIDATE] = local
                if not known:
                    break
                own[STARVED] += local - (own[LOCAL] + trip - own[TRIP])
                own[TRIP] = trip
                own[LOCAL] = local
                progress = True
                for port in range(low, high):
                    stream = port_stream[port]
                    total = stream_words[stream]
                    done = port_done[port]
                    if done >= images * total:
                        continue
                    event = (done // total) * trips[k] + events[port_events[port] + done % total]
                    if event != trip:
                        continue
                    port_done[port] += 1
                    if not port_writes[port]:
                        read_at[stream_first[stream] + done] = local + own[FROZEN]
                        counts[0, stream] += 1
                if writes:
                    slot = own[TAIL] % most
                    times[k, slot] = local + depths[k]
                    pending_trip[k, slot] = trip
                    own[TAIL] += 1
    return bool(complete.all()), state, counts[1], counts[0]
