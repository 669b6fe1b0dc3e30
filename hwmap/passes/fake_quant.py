"""The grids of a QDQ model become a property of its tensors."""

from dataclasses import replace

from hwmap.ir.graph import Graph, rewrite
from hwmap.ir.ops import NO_PADS, AveragePool, FakeQuant, Op, copies_values
from hwmap.ir.types import Quant, Tensor
from hwmap.passes.hardware import host_ops


def absorb_fake_quant(graph: Graph) -> Graph:
    """Give the tensor before each FakeQuant its grid.

    Rewrite:
        b = Conv(a); c = FakeQuant(b)    ->    c = Conv(a), and c has a grid
        c = FakeQuant(a graph input a)   ->    a has a grid
        b = Select(a); c = FakeQuant(b)  ->    a and b have one: moving and rounding commute

    A FakeQuant of a tensor that others read as well, or that has another grid already, becomes an
    average over 1 x 1 windows, which rescales. Those that the host does stay.
    """
    host = {op.name for op in host_ops(graph)}
    if all(op.name in host for op in graph.ops if isinstance(op, FakeQuant)):
        return graph
    grids: dict[str, Quant] = {}
    names: dict[str, str] = {}
    ops: list[Op] = []
    writers: dict[str, int] = {}

    def add(op: Op) -> None:
        writers[op.output] = len(ops)
        ops.append(op)

    for old in graph.ops:
        op = replace(old, inputs=tuple(names.get(name, name) for name in old.inputs))
        source = op.inputs[0]
        if not isinstance(op, FakeQuant) or op.name in host:
            if copies_values(op) and source in grids:
                grids[op.output] = grids[source]
            add(op)
            continue
        alone = graph.sole_reader(old.inputs[0]) is old and source not in grids
        inner = op.output not in graph.outputs
        before = ops[writers[source]] if source in writers else None
        moved = _moved_from(old, graph)
        if moved and not any(names.get(name, name) in grids for name in moved):
            for name in moved[1:]:
                grids[names.get(name, name)] = op.quant
            if inner:
                grids[source], names[op.output] = op.quant, source
            else:
                assert before is not None
                ops[writers[source]] = replace(before, output=op.output)
                writers[op.output] = writers[source]
                grids[op.output] = op.quant
        elif inner and (grids.get(source) == op.quant or (alone and before is None)):
            grids[source], names[op.output] = op.quant, source
        elif alone and before is not None and not copies_values(before):
            ops[writers[source]] = replace(before, output=op.output)
            writers[op.output] = writers[source]
            grids[op.output] = op.quant
        else:
            grids[op.output] = op.quant
            add(AveragePool(op.name, (source,), op.output, (1, 1), (1, 1), NO_PADS))
    tensors = [_with_grid(graph.tensors[name], grid) for name, grid in grids.items()]
    return rewrite(graph, ops=ops, tensors=tensors)


def _moved_from(op: Op, graph: Graph) -> list[str]:
    """The tensors from the input of `op` up to what computes its values, if nobody else reads them
    and it is ops that copy values in between; else none."""
    path = [op.inputs[0]]
    reader = op
    while graph.sole_reader(path[-1]) is reader:
        writer = graph.producers.get(path[-1])
        if writer is None or not copies_values(writer):
            return path if len(path) > 1 else []
        reader = writer
        path.append(writer.inputs[0])
    return []


def _with_grid(tensor: Tensor, grid: Quant) -> Tensor:
    return replace(tensor, grid=grid)
