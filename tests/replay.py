"""An evaluator of schedules that shares nothing with the search."""

from collections.abc import Sequence


def replayed(graph: dict, sequence: Sequence[int]) -> tuple[int, int]:
    """Peak and duration, by keeping at each run what is read later before it is made again."""
    reads: dict[int, set[int]] = {v: set() for v in range(len(graph["sizes"]))}
    for u, v in graph["edges"]:
        reads[v].add(u)
    assert set(sequence) == set(reads)
    peak, live = 0, set()
    for index, node in enumerate(sequence):
        assert reads[node] <= live
        live |= {node}
        peak = max(peak, sum(graph["sizes"][v] for v in live))
        live = {v for v in live if read_again(v, sequence, index + 1, reads)}
    return peak, sum(graph["durations"][v] for v in sequence)


def read_again(value: int, sequence: Sequence[int], start: int, reads: dict[int, set[int]]) -> bool:
    """Whether a run from `start` on reads `value` before it is made again."""
    for index in range(start, len(sequence)):
        if value in reads[sequence[index]]:
            return True
        if sequence[index] == value:
            return False
    return False
