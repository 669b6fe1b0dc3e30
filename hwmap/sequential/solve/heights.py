"""The heights of strips, tensor by tensor: fewer and taller strips where there is room for them."""

from collections.abc import Mapping
from typing import Literal

from hwmap.sequential.engine import Engine
from hwmap.sequential.network import Network
from hwmap.sequential.solve.engines import Grid
from hwmap.sequential.solve.nodes import Costs
from hwmap.sequential.solve.shapes import Estimates, Shape, packed, unpacked
from hwmap.sequential.solve.target import Room
from hwmap.solve.deadline import Deadline

MOST_NODES = 400_000
"""Strips that are looked at, in all ways to cut a network together."""

Change = Literal["double", "halve", "whole"]
CHANGES: tuple[Change, ...] = ("double", "halve", "whole")


def refined(
    shape: Shape, network: Network, room: Room, engine: Engine, deadline: Deadline
) -> Shape:
    """`shape` with other heights, as long as that takes fewer cycles on `engine`: a descent that
    changes all tensors of as many rows together, or one of them."""
    estimates, costs = Estimates(network, Grid([engine]), room), Costs(network, engine)

    def cycles_of(some: Shape) -> float:
        found = int(estimates.of(some)[0])
        return found if found >= 0 else float("inf")

    best, cycles, seen, improved = shape, cycles_of(shape), 0, True
    moves = [(names, change) for names in _groups(network) for change in CHANGES]
    while improved:
        improved = False
        for names, change in moves:
            while seen <= MOST_NODES and not deadline.over:
                heights = _changed(best.heights, names, change, network)
                if heights == best.heights:
                    break
                found = unpacked(network, costs, heights)
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


def _groups(network: Network) -> list[tuple[str, ...]]:
    """Tensors that are changed together: those of as many rows, and each alone."""
    tensors = network.graph.tensors
    rows: dict[int, list[str]] = {}
    for name in tensors:
        rows.setdefault(network.graph.shape(name)[1], []).append(name)
    return [*map(tuple, rows.values()), *((name,) for name in tensors)]


def _changed(
    heights: Mapping[str, int], names: tuple[str, ...], change: Change, network: Network
) -> dict[str, int]:
    found = dict(heights)
    for name in names:
        rows, height = network.graph.shape(name)[1], heights[name]
        wanted = {"double": 2 * height, "halve": height // 2, "whole": rows}[change]
        found[name] = max(min(wanted, rows), 1)
    return found
