"""The border between the accelerator and the host."""

from hwmap.errors import UnsupportedOperatorError
from hwmap.ir.graph import Graph, rewrite
from hwmap.ir.ops import HardwareOp, Softmax


def hardware_part(graph: Graph) -> Graph:
    """The part of a canonical graph that runs on the accelerator.

    Rewrite:
        graph output b = Softmax(a)    ->    graph output a; the host computes b

    Raises:
        UnsupportedOperatorError: ops that the accelerator does not have; all are named.
    """
    host = [
        op
        for op in graph.ops
        if isinstance(op, Softmax) and op.output in graph.outputs and not graph.readers[op.output]
    ]
    wrong = [op for op in graph.ops if not isinstance(op, HardwareOp) and op not in host]
    if wrong:
        reasons = [
            f"node '{op.name}': {type(op).__name__} from {graph.shape(op.inputs[0])} to"
            f" {graph.shape(op.output)} does not run on the accelerator"
            for op in wrong
        ]
        raise UnsupportedOperatorError(
            f"{graph.name}: {'; '.join(reasons)} (Softmax must be last; Flatten and Reshape must"
            " stand first, last or before a linear layer)"
        )
    passed = [name for name in graph.outputs if name in graph.inputs]
    if passed:
        raise UnsupportedOperatorError(
            f"{graph.name}: output '{passed[0]}' is an input; remove it, it needs no accelerator"
        )
    before = {op.output: op.inputs[0] for op in host}
    outputs = tuple(dict.fromkeys(before.get(name, name) for name in graph.outputs))
    if outputs == graph.outputs:
        return graph
    return rewrite(graph, ops=[op for op in graph.ops if op not in host], outputs=outputs)
