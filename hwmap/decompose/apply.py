"""Choices -> the rewritten graph."""

from collections.abc import Iterable

from hwmap.decompose.candidates import Candidate
from hwmap.ir.graph import Graph, rewrite
from hwmap.ir.ops import Op
from hwmap.ir.types import Constant, Tensor
from hwmap.ir.verify import verify


def apply_candidates(graph: Graph, chosen: Iterable[Candidate]) -> Graph:
    """Replace each op by its candidate's chain.

    Rewrite:
        y = Conv(x)    ->    t = Conv(x), y = Conv(t)   (two to four convolutions)

    Ops without a candidate stay. No later stage knows that a chain came from a decomposition.
    """
    by_op = {candidate.op: candidate for candidate in chosen}
    ops: list[Op] = []
    tensors: dict[str, Tensor] = {}
    constants: dict[str, Constant] = {}
    for op in graph.ops:
        candidate = by_op.get(op.name)
        if candidate is None:
            ops.append(op)
            continue
        ops.extend(candidate.graph.ops)
        tensors |= candidate.graph.tensors
        constants |= candidate.graph.constants
    rewritten = rewrite(graph, ops=ops, tensors=tensors.values(), constants=constants)
    return verify(rewritten, "decomposition")
