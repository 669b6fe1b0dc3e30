"""The borders: what the host computes, what has an integer form, and what the engine runs."""

from collections.abc import Sequence
from typing import assert_never

from hwmap.errors import UnsupportedOperatorError
from hwmap.ir.graph import Graph, rewrite
from hwmap.ir.interpolate import blends
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
    HostOp,
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
)
from hwmap.ir.select import keeps_bytes, separated

TAIL_OPS = (HostOp, Reshape, Select, Concat, FakeQuant, Affine, Clip, Lookup, Add, Mul)
"""What the host computes at the end of a network."""


def host_ops(graph: Graph) -> tuple[Op, ...]:
    """The ops at the end of a network that the host computes: every Softmax, norm and TopK, and
    what follows; what the engine cannot do, if only light work follows (the decoding of a
    detector); and what only moves or joins values that nothing else on the accelerator reads: each
    part of a join keeps a scale of its own, so that scores beside boxes are not lost."""
    light: set[str] = set()
    for op in reversed(graph.ops):
        after = graph.readers[op.output]
        if isinstance(op, TAIL_OPS) and all(reader.name in light for reader in after):
            light.add(op.name)
    host: set[str] = set()
    written: set[str] = set()
    for op in graph.ops:
        alone = isinstance(op, HostOp) or (op.name in light and _missing(op, graph) is not None)
        if alone or written.intersection(op.inputs):
            host.add(op.name)
            written.add(op.output)
    for op in reversed(graph.ops):
        # A join that the model gives a scale is rounded to it on the accelerator.
        joins = isinstance(op, Concat) and graph.tensors[op.output].grid is None
        moves = joins or isinstance(op, Reshape | Select)
        if moves and all(reader.name in host for reader in graph.readers[op.output]):
            host.add(op.name)
    return tuple(op for op in graph.ops if op.name in host)


def _missing(op: Op, graph: Graph) -> str | None:
    """Why the engine does not run `op`, in a graph that may not be canonical yet; or None."""
    match op:
        case Select() if separated(op, graph) is None and not keeps_bytes(op, graph):
            return "moves values between channels, rows and columns"
        case Resize() if any(
            blends(graph.constants[name].values) is None for name in (op.rows, op.columns)
        ):
            return "mixes more than two neighbours"
        case Affine() if graph.constants[op.scale].values.ndim != 1:
            return "has constants for every pixel"
        case LocalNorm():
            return "LocalNorm has no integer form yet"
        case Select() | Resize() | Affine():
            return None
        case Conv() | ConvTranspose() | Linear() | Clip() | Lookup() | Add() | Mul() | Concat():
            return None
        case MaxPool() | AveragePool() | Pad() | Reshape() | FakeQuant():
            return None
        case Softmax() | Norm() | TopK():
            return None
        case _:
            assert_never(op)


def device_part(graph: Graph) -> Graph:
    """The part of a canonical graph that runs on the accelerator.

    Rewrite:
        graph output b = Softmax(a)    ->    graph output a; the host computes b

    Raises:
        UnsupportedOperatorError: a Softmax, norm or TopK is in the middle; all that follows it and
            is no light work is named, and where to cut the network.
    """
    host = host_ops(graph)
    on_host = {op.output for op in host}
    wanted = [name for name in graph.outputs if name not in on_host]
    wanted += [name for op in host for name in op.inputs if name not in on_host]
    wrong = [op for op in host if not isinstance(op, TAIL_OPS) and not _is_mean(op, graph)]
    if wrong:
        first = [op for op in host if isinstance(op, HostOp)]
        kinds = " and ".join(sorted({type(op).__name__ for op in first}))
        # What is moved on the host has the name of the step before.
        cut = ", ".join(f"'{name.removesuffix('/step:out')}'" for name in dict.fromkeys(wanted))
        raise UnsupportedOperatorError(
            f"{graph.name}: {_each(first, f'{kinds} must be last, the host computes it')}; found"
            f" {', '.join(repr(op.name) for op in wrong)} after it; cut the network after {cut}"
            " (onnx.utils.extract_model), and compute the rest on the host"
        )
    passed = [name for name in graph.outputs if name in graph.inputs]
    if passed:
        raise UnsupportedOperatorError(
            f"{graph.name}: output '{passed[0]}' is an input; remove it, it needs no accelerator"
        )
    if not host:
        return graph
    outputs = tuple(dict.fromkeys(name for name in wanted if name not in graph.inputs))
    return rewrite(graph, ops=[op for op in graph.ops if op not in host], outputs=outputs)


def _is_mean(op: Op, graph: Graph) -> bool:
    """Whether `op` sums the channels of each pixel, as the decoding of boxes from distributions
    does: light enough for the host."""
    if not isinstance(op, Conv):
        return False
    return graph.constants[op.weight].values.shape[0] == op.groups == 1 and (
        graph.constants[op.weight].values.shape[2:] == (1, 1)
    )


def host_part(graph: Graph) -> Graph | None:
    """The part of a canonical graph that the host computes, from the accelerator's outputs to the
    network's; None if there is none."""
    host = host_ops(graph)
    if not host:
        return None
    device = device_part(graph)
    inputs = tuple(dict.fromkeys((*device.outputs, *_direct_inputs(graph, host))))
    return rewrite(graph, ops=host, inputs=inputs)


def _direct_inputs(graph: Graph, host: Sequence[Op]) -> list[str]:
    return [name for op in host for name in op.inputs if name in graph.inputs]


def without_integer_form(graph: Graph) -> tuple[tuple[str, str], ...]:
    """The ops of a device part that have no integer form yet: name and reason."""
    return tuple(
        (op.name, _missing(op, graph) or f"{type(op).__name__} has no integer form yet")
        for op in graph.ops
        if not isinstance(op, HardwareOp)
    )


def not_on_hardware(graph: Graph) -> tuple[tuple[str, str], ...]:
    """The ops of a device part that the engine does not run yet: name and reason."""
    found = []
    for op in graph.ops:
        reason = _missing(op, graph)
        if reason is None and not isinstance(op, HardwareOp):
            reason = f"{type(op).__name__} is not on hardware yet"
        if reason is not None:
            shapes = f"{graph.shape(op.inputs[0])} to {graph.shape(op.output)}"
            found.append((op.name, f"{reason} ({shapes})"))
    return tuple(found)


def hardware_part(graph: Graph) -> Graph:
    """The device part of a canonical graph, all of it on hardware.

    Raises:
        UnsupportedOperatorError: ops that the engine does not have; all are named.
    """
    device = integer_part(graph)
    _refuse(graph, not_on_hardware(device))
    return device


def integer_part(graph: Graph) -> Graph:
    """The device part of a canonical graph, all of it with an integer form.

    Raises:
        UnsupportedOperatorError: ops without one; all are named.
    """
    device = device_part(graph)
    if not device.ops:
        raise UnsupportedOperatorError(
            f"{graph.name}: only moves values, which the host does; it needs no accelerator"
        )
    _refuse(graph, without_integer_form(device))
    return device


def _refuse(graph: Graph, wrong: Sequence[tuple[str, str]]) -> None:
    """Refuse a network with ops that are not on hardware: name and reason of each."""
    if wrong:
        raise UnsupportedOperatorError(
            f"{graph.name}: imports, but is not on hardware yet:"
            f" {'; '.join(f'node {name!r}: {reason}' for name, reason in wrong)}; cut it off"
            " (onnx.utils.extract_model) for the host, or train it as convolutions"
        )


def _each(ops: Sequence[Op], reason: str) -> str:
    return "; ".join(f"node '{op.name}': {reason}" for op in ops)
