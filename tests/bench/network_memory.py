"""Networks in less memory: whole tensors and strips of rows, with addresses.

Memory is that of activations (int8); extra cycles are more than whole tensors take without a limit,
the overhead of every strip counted. Weights are taken to be on chip. Whole tensors cannot get
smaller than the largest op; strips can, since few rows of each tensor live at a time. "none":
nothing found, for whole tensors mostly because one op alone takes more; `rows` of a strip's output,
`steps`: runs of all strips, of which so many run `again`.
"""

from collections.abc import Iterator
from pathlib import Path

from hwmap.inference import load_network
from hwmap.ir.graph import Graph, peak_elements
from hwmap.passes import hardware_part
from hwmap.sequential.curve import Point, memory_curve, rows_text
from tests.bench.topologies import TOPOLOGIES
from tests.networks import SHARED

SHARES = (0.75, 0.5, 0.25, 0.17)
GOALS = {"ResNet-18": 0.45, "U-Net": 0.55}
"""Shares that are looked at besides."""
SECONDS = 4.0


def run() -> Iterator[dict[str, object]]:
    """A row per network and budget."""
    for name, graph in _networks():
        shares = tuple(sorted({*SHARES, *([GOALS[name]] if name in GOALS else [])}, reverse=True))
        for budget in memory_curve(graph, shares=shares, seconds=SECONDS):
            strips = budget.strips
            yield {
                "network": name,
                "whole tensors, bytes": f"{peak_elements(graph):,}",
                "budget": f"{budget.share:.0%}",
                "whole tensors": _extra(budget.whole),
                "strips": _extra(strips),
                "rows": rows_text(strips) if strips else "",
                "steps": strips.runs if strips else "",
                "again": strips.again if strips else "",
            }


def _networks() -> Iterator[tuple[str, Graph]]:
    for name, build in TOPOLOGIES.items():
        yield name, build()
    folder: Path = SHARED / "models"
    for path in sorted(folder.glob("*.onnx")):
        yield path.stem, hardware_part(load_network(path).whole)


def _extra(point: Point | None) -> str:
    return "none" if point is None else f"{100 * point.extra:.2f} %"
