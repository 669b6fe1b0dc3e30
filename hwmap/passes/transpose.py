"""Moves of an input's values: done first, and where only axes change places, by nobody. The host
has the axes in the model's order, the accelerator's memory in (height, width, channels)."""

from dataclasses import replace
from itertools import permutations
from math import prod

import numpy as np
from numpy.typing import NDArray

from hwmap.ir.graph import Graph, rewrite
from hwmap.ir.ops import Affine, Clip, FakeQuant, Lookup, Op, Pad, Reshape, Select, per_channel
from hwmap.ir.select import separated_index
from hwmap.ir.types import Array, Constant, Shape, Tensor

Axes = tuple[int, int, int]


def hoist_moves(graph: Graph) -> Graph:
    """Move the values of an input first, and compute with them after that.

    Rewrite:
        b = f(input a); c = Select(b)    ->    t = Select(a); c = f(t)

    For a Select or Reshape that alone reads b, and a Clip, Lookup, FakeQuant, Affine, or a Pad
    that only axes are changed after. Behind other ops they stay, where they can be fused; but an
    Affine with constants for every pixel is sunk there too: they may be per channel after the move.
    """
    for after in graph.ops:
        before = graph.producers.get(after.inputs[0])
        if before is None or graph.sole_reader(before.output) is not after:
            continue
        per_pixel = isinstance(before, Affine) and graph.constants[before.scale].values.ndim > 1
        if not per_pixel and not _only_maps_input(graph, before):
            continue
        index = _index(after, graph)
        swapped = None if index is None else _swapped(graph, before, after, index)
        if swapped is not None:
            return swapped
    return graph


def _only_maps_input(graph: Graph, op: Op) -> bool:
    """Whether `op` and all before it only map the values of an input that nobody else reads."""
    while isinstance(op, Clip | Lookup | FakeQuant | Affine | Pad):
        source = op.inputs[0]
        if source in graph.inputs:
            return True
        if graph.sole_reader(source) is not op:
            return False
        op = graph.producers[source]
    return False


def _index(op: Op, graph: Graph) -> NDArray[np.int64] | None:
    """Which value of its input each value of a Select or Reshape is."""
    if isinstance(op, Select):
        return graph.constants[op.index].values.astype(np.int64)
    if isinstance(op, Reshape):
        return np.arange(graph.tensors[op.output].elements).reshape(graph.shape(op.output))
    return None


def _swapped(graph: Graph, before: Op, after: Op, index: NDArray[np.int64]) -> Graph | None:
    """`graph` with `after` ahead of `before`; None where that cannot be."""
    moved = f"{before.output}/moved"
    select: Op = replace(after, inputs=before.inputs, output=moved)
    shape = graph.shape(after.output)
    constants: dict[str, Constant] = {}
    mapped: Op
    match before:
        case Affine():
            both = (before.scale, before.shift)
            names = f"{before.scale}>{after.name}", f"{before.shift}>{after.name}"
            arrays = (_all(graph, before, name).reshape(-1)[index] for name in both)
            constants = dict(zip(names, map(Constant, per_channel(*arrays)), strict=True))
            mapped = replace(before, scale=names[0], shift=names[1])
        case Pad():
            source = graph.shape(before.inputs[0])
            axes = order_of_axes(index, graph.shape(before.output))
            top, left, bottom, right = before.pads
            pads = (before.channels, (top, bottom), (left, right))
            if axes is None or not isinstance(select, Select):
                return None
            channels, rows, columns = (pads[axis] for axis in axes)
            if any(channels) and before.value:
                return None
            inner = np.arange(np.prod(source), dtype=np.int32).reshape(source).transpose(axes)
            name = f"{after.name}.first"
            constants[name] = Constant(np.ascontiguousarray(inner))
            select = replace(select, index=name)
            sides = (rows[0], columns[0], rows[1], columns[1])
            mapped = replace(before, pads=sides, channels=channels)
            shape = (inner.shape[0], inner.shape[1], inner.shape[2])
        case _:
            mapped = before
    mapped = replace(mapped, inputs=(moved,), output=after.output)
    pair = {before.name: select, after.name: mapped}
    ops = [pair.get(op.name, op) for op in graph.ops]
    return rewrite(graph, ops=ops, tensors=[Tensor(moved, shape)], constants=constants)


def _all(graph: Graph, op: Affine, name: str) -> Array:
    """A constant of an Affine, for every pixel."""
    values = graph.constants[name].values
    values = values[:, None, None] if values.ndim == 1 else values
    return np.broadcast_to(values, graph.shape(op.output))


def order_of_axes(index: NDArray[np.int64], shape: tuple[int, int, int]) -> Axes | None:
    """The axes with index = positions.transpose(axes), for the positions of a tensor of `shape`."""
    positions = np.arange(np.prod(shape)).reshape(shape)
    for first, second, third in permutations(range(3)):
        if np.array_equal(positions.transpose(first, second, third), index):
            return first, second, third
    return None


def absorb_order(graph: Graph) -> Graph:
    """Take an input in the order of axes that a reader moves its values to: the host says in which
    order it has them, and nothing is moved.

    Rewrite:
        b = Select(input a) with other axes; c = Conv(b)    ->    c = Conv(a), a has the shape of b

    A Select that does more does the rest (a channel order that is turned as well), and whoever
    reads the values as they were moves them back.
    """
    for name in graph.inputs:
        tensor = graph.tensors[name]
        found = (_wanted_order(op, graph, name) for op in graph.readers[name])
        axes = next((order for order in found if order is not None), None)
        if axes is not None and name not in graph.outputs and not tensor.host_axes:
            return _reordered(graph, tensor, axes)
    return graph


def _wanted_order(op: Op, graph: Graph, name: str) -> Axes | None:
    """The order of the axes of an input in which a Select of it keeps channels, rows and columns
    apart; None where the input's own does, or none."""
    if not isinstance(op, Select):
        return None
    shape, index = graph.shape(name), graph.constants[op.index].values
    for first, second, third in permutations(range(3)):
        axes = first, second, third
        places, turned = _places(shape, axes)
        if separated_index(places[index], (turned[0], turned[1], turned[2])) is not None:
            return None if axes == (0, 1, 2) else axes
    return None


def _places(shape: Shape, axes: Axes) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """Where each value of a tensor of `shape` is when its axes are in the order `axes`, and the
    shape that it then has."""
    turned = np.arange(prod(shape)).reshape(shape).transpose(axes)
    return np.argsort(turned.reshape(-1)), turned.shape


def _reordered(graph: Graph, tensor: Tensor, axes: Axes) -> Graph:
    """`graph` with an input in the order `axes`."""
    places, shape = _places(tensor.shape, axes)
    back = np.argsort((0, *(axis + 1 for axis in axes)))
    turned = replace(
        tensor, shape=(shape[0], shape[1], shape[2]), host_axes=tuple(int(axis) for axis in back)
    )
    constants: dict[str, Constant] = {}
    ops: list[Op] = []
    restored = f"{tensor.name}/restored"
    for op in graph.ops:
        if tensor.name in op.inputs and isinstance(op, Select):
            index = f"{op.name}.index/turned"
            constants[index] = Constant(places[graph.constants[op.index].values].astype(np.int32))
            op = replace(op, index=index)
        elif tensor.name in op.inputs:
            if f"{restored}.index" not in constants:
                whole = places.reshape(tensor.shape).astype(np.int32)
                constants[f"{restored}.index"] = Constant(whole)
                ops.append(Select(restored, (tensor.name,), restored, f"{restored}.index"))
            inputs = tuple(restored if name == tensor.name else name for name in op.inputs)
            op = replace(op, inputs=inputs)
        ops.append(op)
    tensors = {**graph.tensors, tensor.name: turned}
    if f"{restored}.index" in constants:
        tensors[restored] = replace(tensor, name=restored, given=None, host_shape=(), half=False)
    return rewrite(replace(graph, tensors=tensors), ops=ops, constants=constants)
