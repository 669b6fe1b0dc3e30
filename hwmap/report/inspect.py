"""What an ONNX file holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from hwmap.errors import UnsupportedOperatorError
from hwmap.frontend.reader import ModelFile
from hwmap.ir.graph import Graph, macs, peak_elements, total_macs
from hwmap.ir.ops import Affine, learned_names
from hwmap.passes import canonicalize, device_part
from hwmap.passes.hardware import host_ops, not_on_hardware
from hwmap.style import CurveRow


@dataclass(frozen=True)
class OpReport:
    """An op of the accelerator's part; `shape` is that of its output (channels, height, width)."""

    name: str
    kind: str
    shape: tuple[int, int, int]
    macs: int
    activation_bits: int


@dataclass(frozen=True)
class NodeReason:
    """A node, and why it is not supported or not on hardware."""

    node: str
    reason: str


@dataclass(frozen=True)
class InspectReport:
    """What an ONNX file holds. MACs and parameters are those of the file; the ops, sizes of
    activations and what is on hardware those of its canonical form. Where nodes are not supported,
    there is no more than these (None, or empty)."""

    name: str
    operators: Mapping[str, int]
    inputs: Mapping[str, tuple[int, ...]]
    outputs: Mapping[str, tuple[int, ...]]
    macs: int | None
    parameters: int | None
    activation_bits: int | None
    peak_activation_bytes: int | None
    ops: tuple[OpReport, ...]
    on_host: tuple[str, ...]
    not_on_hardware: tuple[NodeReason, ...]
    unsupported: tuple[NodeReason, ...]


@dataclass(frozen=True)
class MemoryReport(InspectReport):
    """The same, with the curve of memory and extra cycles."""

    memory_curve: tuple[CurveRow, ...]


def with_curve(report: InspectReport, curve: Iterable[CurveRow]) -> MemoryReport:
    """`report` with the points of `curve`."""
    return MemoryReport(**vars(report), memory_curve=tuple(curve))


def inspect_report(model: ModelFile) -> InspectReport:
    """The report of a file that was read."""
    report = InspectReport(
        name=model.name,
        operators=model.operators,
        inputs={},
        outputs={},
        macs=None,
        parameters=None,
        activation_bits=None,
        peak_activation_bytes=None,
        ops=(),
        on_host=(),
        not_on_hardware=(),
        unsupported=tuple(NodeReason(*problem) for problem in model.problems),
    )
    if model.graph is None:
        return report
    graph = model.graph
    whole = canonicalize(graph)
    report = replace(
        report,
        inputs={name: host_shape(graph, name) for name in graph.inputs},
        outputs={name: host_shape(graph, name) for name in graph.outputs},
        macs=total_macs(graph),
        parameters=parameters(graph),
        on_host=tuple(op.name for op in host_ops(whole)),
    )
    try:
        device = device_part(whole)
    except UnsupportedOperatorError as error:
        return replace(report, unsupported=(NodeReason(model.name, str(error)),))
    return replace(
        report,
        activation_bits=8 * sum(tensor.elements for tensor in device.tensors.values()),
        peak_activation_bytes=peak_elements(device),
        not_on_hardware=tuple(NodeReason(*item) for item in not_on_hardware(device)),
        ops=tuple(
            OpReport(
                name=op.name,
                kind=type(op).__name__,
                shape=device.shape(op.output),
                macs=macs(op, device),
                activation_bits=8 * device.tensors[op.output].elements,
            )
            for op in device.ops
        ),
    )


def host_shape(graph: Graph, name: str) -> tuple[int, ...]:
    """The shape of an input or output in the ONNX file."""
    return graph.tensors[name].host_shape or (1, *graph.shape(name))


def parameters(graph: Graph) -> int:
    """Learned numbers of a graph as it was read: weights, biases, factors. A convolution without a
    bias was given one of zeros, and a single number is one, however many channels it is for."""
    total = 0
    for op in graph.ops:
        for name in learned_names(op):
            values = graph.constants[name].values
            neutral = isinstance(op, Affine) and name == op.scale and bool((values == 1).all())
            if neutral or (values.ndim == 1 and not values.any()):
                continue
            total += values.size
    return total
