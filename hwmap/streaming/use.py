"""What a whole network of kernels takes of a board."""

from collections.abc import Sequence

from hwmap.board import BRAM18_BYTES, URAM_BYTES, Board
from hwmap.ir.given import least_weight
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.streaming.bits import sum_bits_of
from hwmap.streaming.cost import Cost, Target, fifo_cost, unit_cost
from hwmap.streaming.network import Network

SHELL = Cost(0, 1500, 100, 2, 0, 2000)
"""Adapters of AXI: a burst master with its FIFO, and registers (judgement)."""


def target_of(graph: Graph, board: Board, *, by_shifts: bool) -> Target:
    """What the costs of a network on a board depend on."""
    return Target(board.dsp_slice, least_weight(graph), board.bus_bytes, by_shifts)


def network_cost(network: Network, depths: Sequence[int], graph: Graph, target: Target) -> Cost:
    """Kernels, FIFOs and the shell."""
    return sum(parts_cost(network, depths, graph, target), SHELL)


def parts_cost(
    network: Network, depths: Sequence[int], graph: Graph, target: Target
) -> tuple[Cost, ...]:
    """What each kernel takes, with the FIFOs that it reads."""
    bits = {op.name: sum_bits_of(op, graph) for op in hardware_ops(graph)}
    found = []
    for kernel in network.kernels:
        fifos = (
            fifo_cost(network.streams[stream].layout, depths[stream], target)
            for stream in kernel.reads
        )
        found.append(sum(fifos, unit_cost(kernel.unit, bits.get(kernel.op, 8), target)))
    return tuple(found)


def memory_bytes(cost: Cost) -> int:
    """On-chip memory in blocks: LUTs that are memory are counted as LUTs."""
    return cost.bram18 * BRAM18_BYTES + cost.uram * URAM_BYTES
