"""The curve memory -> extra cycles of a network: whole tensors, and strips of rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hwmap.ir.graph import Graph, peak_elements
from hwmap.progress import Progress, quiet
from hwmap.sequential.engine import Engine
from hwmap.sequential.strips import StripGraph, strip_graph
from hwmap.solve.remat.rematerialize import rematerialize

ENGINE = Engine(pe=32, simd=16, vector_lanes=32, requant_lanes=8, bus_bytes=8)
"""Cycles are those of this engine; what matters here is their ratio, and that hardly changes."""

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
    a strip (None: whole tensors), and whether no schedule of these strips has fewer cycles."""

    memory_bytes: int
    cycles: int
    extra: float
    runs: int
    again: int
    height: int | None
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
    peak = peak_elements(graph)
    for share in shares:
        budget = int(share * peak)
        progress(f"schedules in {budget:,} bytes")
        whole = curve.point(budget, None)
        strips = curve.best_strips(budget)
        yield CurveRow(budget, share, curve.needs[None], curve.needs.get(1), whole, strips)


class _Curve:
    """The strips of a network, and the last schedule for each height, to begin the next with."""

    def __init__(self, graph: Graph, seconds: float) -> None:
        tallest = max(graph.shape(name)[1] for name in graph.tensors)
        heights = [None, *(height for height in HEIGHTS if height < tallest)]
        self.strips: dict[int | None, StripGraph] = {
            height: strip_graph(graph, ENGINE, height) for height in heights
        }
        self.needs = {height: strips.footprint for height, strips in self.strips.items()}
        self.starts: dict[int | None, tuple[int, ...]] = dict.fromkeys(heights, ())
        self.least = sum(self.strips[None].durations)
        self.seconds = seconds

    def point(self, budget: int, height: int | None) -> Point | None:
        strips = self.strips[height]
        if self.needs[height] > budget:
            return None
        found = rematerialize(
            edges=strips.edges,
            sizes=strips.sizes,
            durations=strips.durations,
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
            again=runs - len(strips.names),
            height=height,
            optimal=found.status == "optimal",
        )

    def best_strips(self, budget: int) -> Point | None:
        """The best of a few heights. Lower strips have more steps, so that they are tried only
        while those alone do not cost more."""
        best: Point | None = None
        fitting = [height for height in self.strips if height and self.needs[height] <= budget]
        for tried, height in enumerate(fitting):
            alone = sum(self.strips[height].durations)
            if best is not None and (tried >= TRIED or alone >= best.cycles):
                break
            found = self.point(budget, height)
            if found is not None and (best is None or found.cycles < best.cycles):
                best = found
        return best


TITLE = "memory of activations -> cycles more than whole tensors without a limit"
CAPTION = (
    "rows: of a strip's output; steps: runs of all strips, of which so many run again; needs: bytes"
    " that one step alone takes"
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
                else (f"{row.strips.height:,}", f"{row.strips.runs:,}", f"{row.strips.again:,}")
            ),
        )
        for row in curve
    ]


def _extra(point: Point | None, needs: int | None, budget: int) -> str:
    if needs is None:
        return "one row"
    if needs > budget:
        return f"needs {needs:,}"
    return "none found" if point is None else f"{point.extra:.2%}"
