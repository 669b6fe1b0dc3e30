"""The curve memory -> extra cycles of a network: whole tensors, and strips of rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hwmap.ir.graph import Graph
from hwmap.progress import Progress, quiet
from hwmap.sequential.engine import Engine
from hwmap.sequential.layout import WORD_BYTES
from hwmap.sequential.network import network_of
from hwmap.sequential.solve.assemble import arena_items
from hwmap.sequential.solve.cuts import refined
from hwmap.sequential.solve.nodes import Costs, Cut, Node, nodes_of
from hwmap.sequential.solve.shapes import shapes_of
from hwmap.solve.addresses import Item, live_peak
from hwmap.solve.deadline import Deadline
from hwmap.solve.remat.rematerialize import rematerialize

ENGINE = Engine(
    pe=32, simd=64, vector_lanes=32, requant_lanes=32, port_bytes=256, bus_bytes=16, stripe=64
)
"""Cycles are those of this engine, which is like those that a KV260 gets; constants are on chip."""

PLENTY = 1 << 40
"""Words of constants that always find room."""

SHARES = (1.0, 0.75, 0.5, 0.35, 0.25, 0.17, 0.12, 0.08)
"""Budgets, as parts of the peak of whole tensors in order."""

HEIGHTS = (32, 16, 8, 4, 2, 1)
"""Rows of a strip."""
TRIED = 3
"""Heights tried for a budget, from the tallest strips that can fit; more if none of them does."""


@dataclass(frozen=True)
class Point:
    """A schedule: the size of its arena, its cycles, how much more that is than whole tensors take
    without a limit (as a part), its runs and how many are not the first of their node, the rows of
    the lowest and of the tallest strip, and whether no schedule of these strips has fewer cycles.
    """

    memory_bytes: int
    cycles: int
    extra: float
    runs: int
    again: int
    heights: tuple[int, int]
    optimal: bool


@dataclass(frozen=True)
class CurveRow:
    """What was found within `budget_bytes` (`share` of the peak of whole tensors in order). Whole
    tensors never take less than `whole_needs_bytes`, those of the largest op; strips of one row
    `strips_need_bytes` (None: all tensors have one row)."""

    budget_bytes: int
    share: float
    whole_needs_bytes: int
    strips_need_bytes: int | None
    whole: Point | None
    strips: Point | None


def memory_curve(
    graph: Graph,
    *,
    shares: tuple[float, ...] = SHARES,
    seconds: float,
    progress: Progress = quiet,
) -> Iterator[CurveRow]:
    """The points of `graph` (hardware ops), from much memory to little, as they are found;
    `seconds` is the time limit of one search."""
    curve = _Curve(graph, seconds)
    peak = curve.peak
    for share in shares:
        budget = int(share * peak)
        progress(f"schedules in {budget:,} bytes")
        whole = curve.point(budget, None)
        strips = curve.best_strips(budget)
        yield CurveRow(budget, share, curve.needs[None], curve.needs.get(1), whole, strips)


class _Curve:
    """The strips of a network, and the last schedule for each height, to begin the next with."""

    def __init__(self, graph: Graph, seconds: float) -> None:
        network = network_of(graph)
        graph = network.graph
        costs = Costs(network, ENGINE)
        self.tallest = tallest = max(graph.shape(name)[1] for name in graph.tensors)
        heights = [None, *(height for height in HEIGHTS if height < tallest)]
        self.strips: dict[int | None, tuple[Node, ...]] = {
            height: nodes_of(network, costs, Cut(dict.fromkeys(graph.tensors, height or tallest)))
            for height in heights
        }
        self.needs = {height: _footprint(nodes) for height, nodes in self.strips.items()}
        whole = self.strips[None]
        live = arena_items(whole, range(len(whole)))
        self.peak = live_peak([Item(_bytes(whole[n]), start, end) for n, start, end in live])
        self.starts: dict[int | None, tuple[int, ...]] = dict.fromkeys(heights, ())
        self.least = sum(node.cycles for node in whole)
        self.seconds = seconds
        self.network, self.shapes = network, shapes_of(network, costs)

    def point(self, budget: int, height: int | None) -> Point | None:
        strips = self.strips[height]
        if self.needs[height] > budget:
            return None
        found = rematerialize(
            edges=[(read, number) for number, node in enumerate(strips) for read in node.reads],
            sizes=[_bytes(node) for node in strips],
            durations=[node.cycles for node in strips],
            budget=budget,
            time_limit=self.seconds,
            addresses=True,
            start=self.starts[height],
        )
        if not found.sequence:
            return None
        self.starts[height] = found.sequence
        runs = len(found.sequence)
        return Point(
            memory_bytes=found.peak,
            cycles=found.duration,
            extra=found.duration / self.least - 1,
            runs=runs,
            again=runs - len(strips),
            heights=(height or self.tallest, height or self.tallest),
            optimal=found.status == "optimal",
        )

    def best_strips(self, budget: int) -> Point | None:
        """The best of heights for each tensor, where strips run once, and of a few that all tensors
        have, where some may run again. Lower strips have more steps, so that they are tried only
        while those alone do not cost more."""
        best = self._refined(budget)
        fitting = [height for height in self.strips if height and self.needs[height] <= budget]
        for tried, height in enumerate(fitting):
            alone = sum(node.cycles for node in self.strips[height])
            if best is not None and (tried >= TRIED or alone >= best.cycles):
                break
            found = self.point(budget, height)
            if found is not None and (best is None or found.cycles < best.cycles):
                best = found
        return best

    def _refined(self, budget: int) -> Point | None:
        fitting = [shape for shape in self.shapes if shape.arena_words * WORD_BYTES <= budget]
        if not fitting:
            return None

        def room(engine: Engine, arena_words: int) -> int:
            return PLENTY if arena_words * WORD_BYTES <= budget else -1

        start = min(fitting, key=lambda shape: sum(node.cycles for node in shape.nodes))
        found = refined(start, self.network, room, ENGINE, Deadline(self.seconds))
        cycles = sum(node.cycles for node in found.nodes)
        rows = [node.last_row - node.first_row for node in found.nodes if node.kind == "run"]
        return Point(
            memory_bytes=found.arena_words * WORD_BYTES,
            cycles=cycles,
            extra=cycles / self.least - 1,
            runs=len(found.nodes),
            again=0,
            heights=(min(rows), max(rows)),
            optimal=cycles == self.least,
        )


def _bytes(node: Node) -> int:
    return node.words * WORD_BYTES


def _footprint(nodes: tuple[Node, ...]) -> int:
    """The bytes that the largest node takes alone, with the strips that it reads."""
    return max(_bytes(node) + sum(_bytes(nodes[read]) for read in node.reads) for node in nodes)


TITLE = "memory of activations -> cycles more than whole tensors without a limit"
CAPTION = (
    "rows: of a strip's output; steps: runs of all strips, of which so many run again; needs: bytes"
    " that one step alone takes; nothing waits in DRAM here, as it may where a network is compiled"
)
COLUMNS = ("bytes", "of the peak", "whole tensors", "strips", "rows", "steps", "again")


def curve_rows(curve: Iterable[CurveRow]) -> list[tuple[str, ...]]:
    """The curve for people, with the columns `COLUMNS`."""
    return [
        (
            f"{row.budget_bytes:,}",
            f"{row.share:.0%}",
            _extra(row.whole, row.whole_needs_bytes, row.budget_bytes),
            _extra(row.strips, row.strips_need_bytes, row.budget_bytes),
            *(
                ("", "", "")
                if row.strips is None
                else (rows_text(row.strips), f"{row.strips.runs:,}", f"{row.strips.again:,}")
            ),
        )
        for row in curve
    ]


def rows_text(point: Point) -> str:
    """The heights of strips."""
    lowest, tallest = point.heights
    return f"{lowest:,}" if lowest == tallest else f"{lowest:,} to {tallest:,}"


def _extra(point: Point | None, needs: int | None, budget: int) -> str:
    if needs is None:
        return "one row"
    if needs > budget:
        return f"needs {needs:,}"
    return "none found" if point is None else f"{point.extra:.2%}"
