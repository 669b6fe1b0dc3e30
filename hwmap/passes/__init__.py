"""The passes, each Graph -> Graph, in the order they run."""

from collections.abc import Callable

from hwmap.ir.graph import Graph
from hwmap.ir.verify import verify
from hwmap.passes.affine import fold_affine, fold_affine_ahead, lower_affine
from hwmap.passes.clip import clip_first, fuse_clip, lower_clip
from hwmap.passes.fake_quant import absorb_fake_quant
from hwmap.passes.hardware import device_part, hardware_part, host_part, integer_part
from hwmap.passes.linear import lower_linear
from hwmap.passes.pad import lower_pad, merge_pad
from hwmap.passes.reshape import lower_reshape, remove_noop_reshape, remove_outer_reshape
from hwmap.passes.resize import split_resize
from hwmap.passes.select import lower_select
from hwmap.passes.transpose import absorb_order, hoist_moves

__all__ = [
    "PASSES",
    "canonicalize",
    "device_part",
    "hardware_part",
    "host_part",
    "integer_part",
    "repeat",
]

PASSES = (
    remove_noop_reshape,
    lower_linear,
    hoist_moves,
    absorb_order,
    remove_noop_reshape,
    remove_outer_reshape,
    merge_pad,
    lower_pad,
    fold_affine,
    fold_affine_ahead,
    lower_affine,
    clip_first,
    fuse_clip,
    lower_clip,
    split_resize,
    lower_reshape,
    lower_select,
    remove_noop_reshape,
    absorb_fake_quant,
)


def canonicalize(graph: Graph) -> Graph:
    """`graph` in canonical form: integer ops, what has no integer form yet, and at the end what the
    host computes."""
    for run in PASSES:
        graph = verify(repeat(run, graph), run.__name__)
    return graph


def repeat(run: Callable[[Graph], Graph], graph: Graph) -> Graph:
    """`run` until it changes nothing: a pass makes one rewrite at a time."""
    while (after := run(graph)) is not graph:
        graph = after
    return graph
