"""What 8 bits cannot resolve: said before it costs accuracy."""

import logging
from collections.abc import Mapping

from hwmap.ir.graph import Graph
from hwmap.ir.ops import Concat
from hwmap.quantize.calibrate import Range

log = logging.getLogger(__name__)

WIDEST_JOIN = 2**5
"""Ranges that differ by more share no scale: the smaller one would have fewer than 8 levels."""
FEWEST_LEVELS = 16
"""An input of fewer levels tells a network little."""
LEVELS = 255
LEAST = 1e-30


def warn_unresolved(graph: Graph, ranges: Mapping[str, Range]) -> None:
    """Warn of inputs that hold few of the 256 levels, since 0 is one of them and they lie far from
    it; and of joins (Concat), which have one scale, of parts with very different ranges.

    `graph` is the accelerator's float network, `ranges` those of its tensors.
    """
    for name in graph.inputs:
        low, high = ranges[name]
        levels = LEVELS * (high - low) / max(_reach(ranges[name]), LEAST)
        if graph.tensors[name].grid is None and 0 < levels < FEWEST_LEVELS:
            log.warning(
                "input '%s' holds %.6g to %.6g, of which int8 with 0 resolves %d levels; subtract"
                " the offset before the network",
                name,
                low,
                high,
                levels,
            )
    for op in graph.ops:
        if isinstance(op, Concat):
            reaches = {name: _reach(ranges[name]) for name in op.inputs}
            small, large = min(reaches, key=lambda n: reaches[n]), max(reaches.values())
            if 0 < reaches[small] * WIDEST_JOIN < large:
                log.warning(
                    "op '%s' joins ranges of %.3g and %.3g in one scale, so that '%s' has %d levels"
                    " left; scale it up before the join, or make the parts outputs of their own",
                    op.name,
                    large,
                    reaches[small],
                    small,
                    LEVELS * reaches[small] / large,
                )


def _reach(measured: Range) -> float:
    """The width of a range and 0."""
    return max(measured[1], 0.0) - min(measured[0], 0.0)
