"""An evaluator of schedules that shares nothing with the search."""

from collections.abc import Sequence


def replayed(graph: dict, sequence: Sequence[int]) -> tuple[int, int]:
    """Peak and duration of a schedule of all nodes."""
    assert set(sequence) == set(range(len(graph["sizes"])))
    return max(memories(graph, sequence)), sum(graph["durations"][v] for v in sequence)


def memories(graph: dict, sequence: Sequence[int]) -> list[int]:
    """What is live during each run, by keeping what is read later before it is made again."""
    reads: dict[int, set[int]] = {v: set() for v in range(len(graph["sizes"]))}
    for u, v in graph["edges"]:
        reads[v].add(u)
    found, live = [], set()
    for index, node in enumerate(sequence):
        assert reads[node] <= live
        live |= {node}
        found.append(sum(graph["sizes"][v] for v in live))
        live = {v for v in live if read_again(v, sequence, index + 1, reads)}
    return found


def read_again(value: int, sequence: Sequence[int], start: int, reads: dict[int, set[int]]) -> bool:
    """Whether a run from `start` on reads `value` before it is made again."""
    for index in range(start, len(sequence)):
        if value in reads[sequence[index]]:
            return True
        if sequence[index] == value:
            return False
    return False
