"""The passes, each Graph -> Graph, in the order they run."""

from collections.abc import Callable

from hwmap.ir.graph import Graph
from hwmap.ir.verify import verify
from hwmap.passes.affine import fold_affine, lower_affine
from hwmap.passes.clip import fuse_clip, lower_clip
from hwmap.passes.hardware import hardware_part
from hwmap.passes.linear import lower_linear
from hwmap.passes.reshape import remove_noop_reshape, remove_outer_reshape

__all__ = ["PASSES", "canonicalize", "hardware_part", "repeat"]

PASSES = (
    remove_noop_reshape,
    lower_linear,
    remove_outer_reshape,
    fold_affine,
    lower_affine,
    fuse_clip,
    lower_clip,
)


def canonicalize(graph: Graph) -> Graph:
    """`graph` in canonical form: hardware ops only, but for a Softmax that the host computes.

    Raises:
        UnsupportedOperatorError: an op that the hardware does not have is left; all are named.
    """
    for run in PASSES:
        graph = verify(repeat(run, graph), run.__name__)
    hardware_part(graph)
    return graph


def repeat(run: Callable[[Graph], Graph], graph: Graph) -> Graph:
    """`run` until it changes nothing: a pass makes one rewrite at a time."""
    while (after := run(graph)) is not graph:
        graph = after
    return graph
