"""How a network is cut, tensor by tensor: fewer and taller strips where there is room for them, and
which tensors go through DRAM."""

from typing import Literal

from hwmap.sequential.engine import Engine
from hwmap.sequential.network import Network
from hwmap.sequential.solve.engines import Grid
from hwmap.sequential.solve.nodes import Costs, Cut, Edges
from hwmap.sequential.solve.shapes import Estimates, Shape, edges_of, packed, unpacked
from hwmap.sequential.solve.target import Room
from hwmap.solve.deadline import Deadline

MOST_NODES = 400_000
"""Strips that are looked at, in all ways to cut a network together."""

Change = Literal["double", "halve", "whole", "keep", "spill", "spill far"]
CHANGES: tuple[Change, ...] = ("double", "halve", "whole")
SPILLS: tuple[Change, ...] = ("keep", "spill", "spill far")
"""For no reader of a tensor, for all, for all but the first."""


def refined(
    shape: Shape, network: Network, room: Room, engine: Engine, deadline: Deadline
) -> Shape:
    """`shape` cut in another way, as long as that takes fewer cycles on `engine`: a descent that
    changes all tensors of as many rows together, or one of them. Where nothing goes through DRAM,
    nothing will."""
    estimates, costs = Estimates(network, Grid([engine]), room), Costs(network, engine)

    def cycles_of(some: Shape) -> float:
        found = int(estimates.of(some)[0])
        return found if found >= 0 else float("inf")

    best, cycles, seen, improved = shape, cycles_of(shape), 0, True
    changes = (*SPILLS, *CHANGES) if shape.cut.spills else CHANGES
    moves = [(names, change) for names in _groups(network) for change in changes]
    tried = {_key(shape.cut)}
    while improved:
        improved = False
        for names, change in moves:
            while seen <= MOST_NODES and not deadline.over:
                cut = _changed(best.cut, names, change, network)
                if _key(cut) in tried:
                    break
                tried.add(_key(cut))
                found = unpacked(network, costs, cut)
                seen += len(found.nodes)
                # A packed arena is no smaller than what lives in it.
                if cycles_of(found) >= cycles:
                    break
                found = packed(found)
                now = cycles_of(found)
                if now >= cycles:
                    break
                best, cycles, improved = found, now, True
    return best


def _key(cut: Cut) -> tuple[tuple[int, ...], Edges]:
    return tuple(cut.heights.values()), cut.spills


def _groups(network: Network) -> list[tuple[str, ...]]:
    """Tensors that are changed together: those of as many rows, and each alone."""
    tensors = network.graph.tensors
    rows: dict[int, list[str]] = {}
    for name in tensors:
        rows.setdefault(network.graph.shape(name)[1], []).append(name)
    return [*map(tuple, rows.values()), *((name,) for name in tensors)]


def _changed(cut: Cut, names: tuple[str, ...], change: Change, network: Network) -> Cut:
    heights, spills = dict(cut.heights), set(cut.spills)
    for name in names:
        rows, height = network.graph.shape(name)[1], heights[name]
        if change in SPILLS:
            edges = edges_of(network.graph, name)
            spills -= set(edges)
            spills |= set({"keep": [], "spill": edges, "spill far": edges[1:]}[change])
            continue
        wanted = {"double": 2 * height, "halve": height // 2, "whole": rows}[change]
        heights[name] = max(min(wanted, rows), 1)
    return Cut(heights, frozenset(spills))
