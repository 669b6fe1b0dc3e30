"""Chains -> the rewritten graph."""

from collections.abc import Iterable

from hwmap.ir.graph import Graph, rewrite
from hwmap.ir.ops import Op
from hwmap.ir.types import Constant, Tensor
from hwmap.ir.verify import verify


def apply_parts(graph: Graph, parts: Iterable[Graph]) -> Graph:
    """Replace each op that a part is named after by the ops of that part.

    Rewrite:
        y = Conv(x)    ->    t = Conv(x), y = Conv(t)   (one to four convolutions)

    Ops without a part stay. No later stage knows that a chain came from a decomposition.
    """
    by_op = {part.name: part for part in parts}
    ops: list[Op] = []
    tensors: dict[str, Tensor] = {}
    constants: dict[str, Constant] = {}
    for op in graph.ops:
        part = by_op.get(op.name)
        if part is None:
            ops.append(op)
            continue
        ops.extend(part.ops)
        tensors |= part.tensors
        constants |= part.constants
    rewritten = rewrite(graph, ops=ops, tensors=tensors.values(), constants=constants)
    return verify(rewritten, "decomposition")
