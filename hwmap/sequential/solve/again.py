"""Strips that run again, so that a smaller arena is enough: the schedule search on a shape."""

from dataclasses import dataclass, replace
from itertools import pairwise

from hwmap.errors import InfeasibleError
from hwmap.sequential.solve.shapes import Shape
from hwmap.solve.remat.rematerialize import rematerialize


@dataclass(frozen=True)
class _Graph:
    """The nodes of a shape as the search takes them. Inputs come in order, and outputs leave in
    order: a store reads the one before it, and between two loads there is a node without a size
    that reads the first and is read by the second."""

    reads: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...]
    durations: tuple[int, ...]


def _graph(shape: Shape) -> _Graph:
    nodes = shape.nodes
    reads = [list(node.reads) for node in nodes]
    sizes = [node.words for node in nodes]
    durations = [node.cycles for node in nodes]
    total = sum(durations)
    loads = [number for number in shape.order if nodes[number].kind == "load"]
    stores = [number for number in shape.order if nodes[number].kind == "store"]
    for before, after in pairwise(stores):
        reads[after].append(before)
    for before, after in pairwise(loads):
        reads[after].append(len(reads))
        reads.append([before])
        sizes.append(0)
        durations.append(0)
    spills = [number for number in shape.order if nodes[number].kind == "spill"]
    for number in (*loads, *spills):
        # An input comes once, and rows leave once: again, it costs more than anything else.
        durations[number] += total
    return _Graph(tuple(map(tuple, reads)), tuple(sizes), tuple(durations))


def run_again(shape: Shape, arena_words: int, seconds: float) -> Shape | None:
    """A shape whose order fits an arena of so many words, with few cycles more; None if none was
    found."""
    graph, count = _graph(shape), len(shape.nodes)
    between = {graph.reads[token][0]: token for token in range(count, len(graph.reads))}
    start = [
        run for number in shape.order for run in (number, between.get(number)) if run is not None
    ]
    try:
        found = rematerialize(
            edges=[(read, number) for number, own in enumerate(graph.reads) for read in own],
            sizes=graph.sizes,
            durations=graph.durations,
            budget=arena_words,
            time_limit=seconds,
            addresses=True,
            start=start,
        )
    except InfeasibleError:
        return None
    repeats = ("run", "reload")
    once = {number for number, node in enumerate(shape.nodes) if node.kind not in repeats}
    runs = [run for run in found.sequence if run < count]
    if not runs or any(runs.count(number) > 1 for number in once):
        return None
    addresses = tuple(
        address
        for run, address in zip(found.sequence, found.addresses, strict=True)
        if run < count and shape.nodes[run].kind not in ("store", "spill")
    )
    return replace(shape, order=tuple(runs), addresses=addresses, arena_words=found.peak)
