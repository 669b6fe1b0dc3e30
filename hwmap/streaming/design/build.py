"""Integer graph + foldings + depths -> the design of a streaming accelerator."""

from collections.abc import Sequence

from hwmap.board import Board
from hwmap.dsp import LEAST_INT8, packing
from hwmap.ir.given import least_weight
from hwmap.ir.graph import Graph, hardware_ops, total_macs
from hwmap.streaming.design.constants import constants_of
from hwmap.streaming.design.types import Design
from hwmap.streaming.folding import Folding
from hwmap.streaming.network import build_network
from hwmap.streaming.recompute import Recomputed, streamed


def build_design(
    graph: Graph,
    foldings: Sequence[Folding],
    depths: Sequence[int],
    board: Board,
    *,
    recomputed: Sequence[Recomputed] = (),
    by_shifts: bool = False,
) -> Design:
    """The design that runs the integer `graph`; `by_shifts`: all its scales are powers of two."""
    macs = total_macs(graph)
    graph = streamed(graph, recomputed)
    network = build_network(graph, {folding.op: folding for folding in foldings})
    hardware = {op.name: op for op in hardware_ops(graph)}
    found = {
        number: constants_of(hardware[kernel.op], graph, kernel.unit, by_shifts=by_shifts)
        for number, kernel in enumerate(network.kernels)
        if kernel.op
    }
    return Design(
        name=graph.name,
        board=board.name,
        part=board.part,
        clock_mhz=board.clock_mhz,
        network=network,
        depths=tuple(depths),
        constants={number: value for number, value in found.items() if value is not None},
        packing=packing(board.dsp_slice, least_weight(graph)),
        pixel_packing=packing(board.dsp_slice, LEAST_INT8),
        recomputed=tuple(recomputed),
        by_shifts=by_shifts,
        inputs=tuple(graph.tensors[name] for name in graph.inputs),
        outputs=tuple(graph.tensors[name] for name in graph.outputs),
        macs=macs,
    )
