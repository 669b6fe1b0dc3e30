"""Foldings for tests: some legal ones of every op, drawn at random."""

from random import Random

from hwmap.ir.graph import Graph, hardware_ops
from hwmap.streaming.folding import Folding
from hwmap.streaming.solve.legal import legal_foldings

DRAM_BYTES = 8


def drawn_foldings(graph: Graph, seed: int, most_products: int = 64) -> dict[str, Folding]:
    """For every op of `graph` one of its foldings with few products per trip."""
    random = Random(seed)
    found = {}
    for op in hardware_ops(graph):
        legal = [
            folding
            for folding in legal_foldings(op, graph, DRAM_BYTES)
            if folding.pe * folding.simd * folding.pixels * folding.taps <= most_products
        ]
        found[op.name] = random.choice(legal)
    return found
