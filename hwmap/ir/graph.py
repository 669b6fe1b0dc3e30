"""The dataflow graph: ops in topological order, the tensors between them, and the constants."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from heapq import heapify, heappop, heappush
from typing import assert_never

import networkx as nx

from hwmap.errors import GraphError
from hwmap.ir.ops import (
    Add,
    Affine,
    AveragePool,
    Clip,
    Concat,
    Conv,
    ConvTranspose,
    FakeQuant,
    HardwareOp,
    Linear,
    LocalNorm,
    Lookup,
    MaxPool,
    Mul,
    Norm,
    Op,
    Pad,
    Reshape,
    Resize,
    Select,
    Softmax,
    TopK,
    constant_names,
)
from hwmap.ir.types import Constant, Shape, Tensor


@dataclass(frozen=True)
class Graph:
    """A network. `ops` are in topological order; `tensors` holds every activation by name.
    `free_batch`: the model it was read from takes any number of images at once."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    ops: tuple[Op, ...]
    tensors: Mapping[str, Tensor]
    constants: Mapping[str, Constant] = field(repr=False)
    free_batch: bool = False

    @cached_property
    def producers(self) -> Mapping[str, Op]:
        """The op that writes each tensor; graph inputs have none."""
        return {op.output: op for op in self.ops}

    @cached_property
    def readers(self) -> Mapping[str, tuple[Op, ...]]:
        """The ops that read each tensor, one entry per read: Add(x, x) reads x twice."""
        readers: dict[str, list[Op]] = {name: [] for name in self.tensors}
        for op in self.ops:
            for name in op.inputs:
                readers[name].append(op)
        return {name: tuple(ops) for name, ops in readers.items()}

    def sole_reader(self, tensor: str) -> Op | None:
        """The op that reads `tensor`, if it is the only reader and `tensor` is no graph output."""
        readers = self.readers[tensor]
        return readers[0] if len(readers) == 1 and tensor not in self.outputs else None

    def shape(self, tensor: str) -> Shape:
        """(channels, height, width) of `tensor`."""
        return self.tensors[tensor].shape

    def op(self, name: str) -> Op:
        """The op called `name`."""
        return self.by_name[name]

    @cached_property
    def by_name(self) -> Mapping[str, Op]:
        """Every op by its name."""
        return {op.name: op for op in self.ops}


def hardware_ops(graph: Graph) -> tuple[HardwareOp, ...]:
    """The ops of a graph that has been lowered to hardware ops only."""
    ops = tuple(op for op in graph.ops if isinstance(op, HardwareOp))
    if len(ops) != len(graph.ops):
        raise GraphError(f"graph '{graph.name}' still has ops that are not hardware ops")
    return ops


def output_shape(op: Op, graph: Graph) -> Shape | None:
    """Shape of the tensor that `op` writes, from the shapes it reads; None for a Reshape, whose
    output shape is its own."""
    channels, height, width = graph.shape(op.inputs[0])
    match op:
        case Conv():
            out, _, *kernel = graph.constants[op.weight].values.shape
            return (
                out,
                *_windows(height, width, _spans(kernel, op.dilations), op.strides, op.pads),
            )
        case ConvTranspose():
            out, _, *kernel = graph.constants[op.weight].values.shape
            spans = _spans(kernel, op.dilations)
            full = [
                (size - 1) * stride + span
                for size, stride, span in zip((height, width), op.strides, spans, strict=True)
            ]
            top, left, bottom, right = op.pads
            return (out, full[0] - top - bottom, full[1] - left - right)
        case Linear():
            return (graph.constants[op.weight].values.shape[0], 1, 1)
        case MaxPool():
            spans = _spans(op.kernel, op.dilations)
            return (channels, *_windows(height, width, spans, op.strides, op.pads))
        case AveragePool():
            return (channels, *_windows(height, width, op.kernel, op.strides, op.pads))
        case Pad(pads=(top, left, bottom, right)):
            return (channels + sum(op.channels), height + top + bottom, width + left + right)
        case Concat(axis=axis):
            shape = [channels, height, width]
            shape[axis] = sum(graph.shape(name)[axis] for name in op.inputs)
            return shape[0], shape[1], shape[2]
        case Select(index=index):
            out, rows, columns = graph.constants[index].values.shape
            return out, rows, columns
        case Resize():
            rows, columns = (len(graph.constants[name].values) for name in (op.rows, op.columns))
            return channels, rows, columns
        case Affine() | Clip() | Lookup() | Add() | Mul() | LocalNorm() | FakeQuant() | Softmax():
            return (channels, height, width)
        case Norm(axis=axis):
            return _shortened((channels, height, width), axis, 1)
        case TopK(axis=axis, count=count):
            return _shortened((channels, height, width), axis, count)
        case Reshape():
            return None
        case _:
            assert_never(op)


def _shortened(shape: Shape, axis: int, size: int) -> Shape:
    sizes = [*shape]
    sizes[axis] = size
    return sizes[0], sizes[1], sizes[2]


def _spans(kernel: Iterable[int], dilations: tuple[int, int]) -> list[int]:
    return [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]


def _windows(
    height: int,
    width: int,
    spans: Iterable[int],
    strides: tuple[int, int],
    pads: tuple[int, int, int, int],
) -> tuple[int, int]:
    span_h, span_w = spans
    top, left, bottom, right = pads
    return (
        (height + top + bottom - span_h) // strides[0] + 1,
        (width + left + right - span_w) // strides[1] + 1,
    )


def macs(op: Op, graph: Graph) -> int:
    """Multiply-accumulates of `op` for one image: those of convolutions and linear layers."""
    match op:
        case Conv():
            weight = graph.constants[op.weight].values
            _, height, width = graph.shape(op.output)
            return int(weight.size) * height * width
        case ConvTranspose():
            weight = graph.constants[op.weight].values
            _, height, width = graph.shape(op.inputs[0])
            return int(weight.size) * height * width
        case Linear():
            return int(graph.constants[op.weight].values.size)
        case Affine() | Clip() | Lookup() | Add() | Mul() | Concat() | MaxPool() | AveragePool():
            return 0
        case Pad() | Select() | Resize() | LocalNorm() | Reshape() | FakeQuant():
            return 0
        case Softmax() | Norm() | TopK():
            return 0
        case _:
            assert_never(op)


def total_macs(graph: Graph) -> int:
    """The multiply-accumulates of all ops for one image."""
    return sum(macs(op, graph) for op in graph.ops)


def peak_elements(graph: Graph) -> int:
    """The most values of activations that are there at once when the ops run in their order."""
    last = {name: index for index, op in enumerate(graph.ops) for name in op.inputs}
    last |= dict.fromkeys(graph.outputs, len(graph.ops))
    live = set(graph.inputs)
    peak = 0
    for index, op in enumerate(graph.ops):
        live.add(op.output)
        peak = max(peak, sum(graph.tensors[name].elements for name in live))
        live = {name for name in live if last.get(name, -1) > index}
    return peak


def rewrite(
    graph: Graph,
    *,
    ops: Iterable[Op],
    tensors: Iterable[Tensor] = (),
    constants: Mapping[str, Constant] | None = None,
    inputs: tuple[str, ...] | None = None,
    outputs: tuple[str, ...] | None = None,
) -> Graph:
    """`graph` with other ops: they are sorted, and tensors and constants that nothing uses are
    dropped. `tensors` and `constants` are added to, or replace, those of `graph`."""
    new_inputs = graph.inputs if inputs is None else inputs
    new_outputs = graph.outputs if outputs is None else outputs
    ordered = _sorted(list(ops), new_inputs)
    all_tensors = {**graph.tensors, **{tensor.name: tensor for tensor in tensors}}
    all_constants = {**graph.constants, **(constants or {})}
    used = {*new_inputs, *new_outputs, *(op.output for op in ordered)}
    kept = {name for op in ordered for name in constant_names(op)}
    return replace(
        graph,
        inputs=new_inputs,
        outputs=new_outputs,
        ops=ordered,
        tensors={name: tensor for name, tensor in all_tensors.items() if name in used},
        constants={name: value for name, value in all_constants.items() if name in kept},
    )


def _sorted(ops: list[Op], inputs: tuple[str, ...]) -> tuple[Op, ...]:
    """`ops` in topological order; ops that are ready keep the order they came in."""
    waits: dict[str, list[int]] = {}
    missing = []
    known = set(inputs)
    for index, op in enumerate(ops):
        unknown = set(op.inputs) - known
        missing.append(len(unknown))
        for name in unknown:
            waits.setdefault(name, []).append(index)
    ready = [index for index, count in enumerate(missing) if count == 0]
    heapify(ready)
    done: list[Op] = []
    while ready:
        op = ops[heappop(ready)]
        done.append(op)
        for index in waits.get(op.output, ()):
            missing[index] -= 1
            if missing[index] == 0:
                heappush(ready, index)
    if len(done) != len(ops):
        stuck = [op.name for op, count in zip(ops, missing, strict=True) if count]
        raise GraphError(f"ops {stuck} wait for tensors that nothing writes")
    return tuple(done)


def to_networkx(graph: Graph) -> "nx.MultiDiGraph[str]":
    """The ops as nodes, the tensors they pass as edges (`tensor`, `position` among the reader's
    inputs). Add(x, x) keeps two edges."""
    view: nx.MultiDiGraph[str] = nx.MultiDiGraph(name=graph.name)
    view.add_nodes_from((op.name, {"op": op}) for op in graph.ops)
    for op in graph.ops:
        for position, tensor in enumerate(op.inputs):
            if tensor in graph.producers:
                source = graph.producers[tensor].name
                view.add_edge(source, op.name, tensor=tensor, position=position)
    return view
