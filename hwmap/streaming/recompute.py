"""Tensors that are computed a second time, so that a smaller one can wait in their place.

A skip connection holds its tensor in a FIFO for as long as the other way takes. Rematerialization
in space: an earlier tensor waits there, and the ops between are run again, at the other end. (With
a decomposition the tensor of few channels between two factors is such an earlier one.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hwmap.errors import GraphError
from hwmap.ir.graph import Graph, hardware_ops, rewrite
from hwmap.ir.ops import HardwareOp
from hwmap.ir.types import Tensor
from hwmap.streaming.sub_pixel import sub_pixel


@dataclass(frozen=True)
class Recomputed:
    """What op `reader` reads as `tensor` is computed for it alone, from `source`."""

    reader: str
    tensor: str
    source: str


def streamed(graph: Graph, recomputed: Sequence[Recomputed]) -> Graph:
    """`graph`, float or integer, as kernels run it: without transposed convolutions, and with the
    ops that are there twice.

    Raises:
        GraphError: a tensor cannot be computed from that source alone.
    """
    graph = sub_pixel(graph)
    for item in recomputed:
        graph = _with_again(graph, item)
    return graph


def second_name(name: str, item: Recomputed) -> str:
    """Of an op, or a tensor, that is there for the second time."""
    return f"{name}@{item.tensor}@{item.reader}"


def second_tensors(graph: Graph, recomputed: Sequence[Recomputed]) -> frozenset[str]:
    """The tensors of `streamed` that are there for the second time."""
    once, twice = sub_pixel(graph), streamed(graph, recomputed)
    return frozenset(twice.tensors) - frozenset(once.tensors)


def _with_again(graph: Graph, item: Recomputed) -> Graph:
    ops = {op.name: op for op in hardware_ops(graph)}
    reader = ops.get(item.reader)
    if reader is None or item.tensor not in reader.inputs:
        raise GraphError(f"op '{item.reader}' does not read '{item.tensor}'")
    if not has_other_use(graph, item.tensor, item.reader):
        raise GraphError(f"only op '{item.reader}' reads '{item.tensor}'")
    between = dict(sources(graph, item.tensor)).get(item.source)
    if between is None:
        raise GraphError(f"'{item.tensor}' cannot be computed from '{item.source}' alone")

    def again(name: str) -> str:
        return second_name(name, item)

    inside = {op.output for op in between}
    copies: list[HardwareOp] = []
    tensors: list[Tensor] = []
    for op in between:
        inputs = tuple(again(name) if name in inside else name for name in op.inputs)
        copies.append(replace(op, name=again(op.name), inputs=inputs, output=again(op.output)))
        tensors.append(replace(graph.tensors[op.output], name=again(op.output)))
    taken = {*ops, *graph.tensors} & {name for op in copies for name in (op.name, op.output)}
    if taken:
        raise GraphError(f"the network has a '{min(taken)}' of its own")
    changed = replace(
        reader,
        inputs=tuple(again(name) if name == item.tensor else name for name in reader.inputs),
    )
    ordered: list[HardwareOp] = []
    for op in hardware_ops(graph):
        ordered += [*copies, changed] if op is reader else [op]
    return rewrite(graph, ops=ordered, tensors=tensors)


def has_other_use(graph: Graph, tensor: str, reader: str) -> bool:
    """Whether a tensor is there for more than that reader."""
    return tensor in graph.outputs or any(op.name != reader for op in graph.readers[tensor])


def sources(graph: Graph, tensor: str) -> Iterator[tuple[str, tuple[HardwareOp, ...]]]:
    """The earlier tensors from each of which alone `tensor` can be computed, the nearest first,
    with the ops between in their order."""
    ops = hardware_ops(graph)
    place = {op.output: number for number, op in enumerate(ops)}
    between: list[HardwareOp] = []
    waiting = {tensor}
    while waiting:
        last = max(waiting, key=lambda name: place.get(name, -1))
        if last not in place:
            return
        op = ops[place[last]]
        between.insert(0, op)
        waiting = (waiting - {last}) | set(op.inputs)
        if len(waiting) == 1:
            yield next(iter(waiting)), tuple(between)
