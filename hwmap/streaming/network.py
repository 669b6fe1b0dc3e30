"""A graph and its foldings as a network of kernels and streams, without any trained value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import assert_never

from hwmap.errors import GraphError
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.ir.ops import (
    Add,
    AveragePool,
    Concat,
    Conv,
    ConvTranspose,
    HardwareOp,
    Lookup,
    MaxPool,
    Mul,
    Resize,
    Select,
    is_depthwise,
)
from hwmap.streaming import units
from hwmap.streaming.folding import Folding
from hwmap.streaming.layout import Layout
from hwmap.streaming.pick import Pick, picked_of
from hwmap.streaming.schedule import Schedule
from hwmap.streaming.timetable import schedule_of
from hwmap.streaming.units import Gearbox, Regroup, Unit, sources_of, targets_of
from hwmap.streaming.window import Window


@dataclass(frozen=True)
class Kernel:
    """One hardware block, for `op`, or (that is "") for the words of a tensor; `source` names what
    it comes from. `reads` and `writes` are numbers of streams, in the order of the unit's."""

    name: str
    op: str
    source: str
    unit: Unit
    reads: tuple[int, ...]
    writes: tuple[int, ...]

    @cached_property
    def schedule(self) -> Schedule:
        """When it reads and writes."""
        return schedule_of(self.unit)


@dataclass(frozen=True)
class Stream:
    """A FIFO for the words of `tensor` between two kernels (their numbers)."""

    name: str
    tensor: str
    layout: Layout
    writer: int
    reader: int


@dataclass(frozen=True)
class Network:
    """Kernels in topological order, and the streams between them."""

    kernels: tuple[Kernel, ...]
    streams: tuple[Stream, ...]

    @property
    def trips(self) -> int:
        """Those of the slowest kernel: the cycles per image."""
        return max(kernel.schedule.trips for kernel in self.kernels)


@dataclass(frozen=True)
class _End:
    """Words of a tensor that are there to be read: who writes them, and how they are laid out."""

    writer: int
    layout: Layout


class _Builder:
    """Kernels and streams, as they are found."""

    def __init__(self) -> None:
        self._kernels: list[tuple[str, str, Unit, list[int], list[int]]] = []
        self._streams: list[tuple[str, Layout, int, int]] = []

    def add(
        self, source: str, unit: Unit, tensors: Sequence[str], ends: Sequence[_End], op: str = ""
    ) -> int:
        """A kernel that reads what is at `ends`, of `tensors`."""
        number = len(self._kernels)
        reads = [len(self._streams) + place for place in range(len(ends))]
        self._kernels.append((op, source, unit, reads, []))
        for tensor, end, wanted in zip(tensors, ends, sources_of(unit), strict=True):
            assert end.layout == wanted, (source, end.layout, wanted)
            self._kernels[end.writer][4].append(len(self._streams))
            self._streams.append((tensor, end.layout, end.writer, number))
        return number

    def convert(self, tensor: str, end: _End, wanted: Layout) -> _End:
        """The words at `end` as `wanted`, through kernels that regroup them if need be."""
        for unit in conversions(end.layout, wanted):
            number = self.add(tensor, unit, (tensor,), (end,))
            end = _End(number, targets_of(unit)[0])
        return end

    def finished(self) -> Network:
        kernels = tuple(
            Kernel(f"{_kind(unit)}{number}", op, source, unit, tuple(reads), tuple(writes))
            for number, (op, source, unit, reads, writes) in enumerate(self._kernels)
        )
        streams = tuple(
            Stream(f"s{number}", tensor, layout, writer, reader)
            for number, (tensor, layout, writer, reader) in enumerate(self._streams)
        )
        return Network(kernels, streams)


def conversions(have: Layout, wanted: Layout) -> tuple[Unit, ...]:
    """The kernels from words to words of the same tensor: lanes and pixels change one after the
    other, in the order that takes fewer trips, then narrower words."""
    if have.pixels == wanted.pixels:
        return () if have == wanted else (Gearbox(have, wanted.lanes),)
    bigger, smaller = max(have.pixels, wanted.pixels), min(have.pixels, wanted.pixels)
    if bigger % smaller:
        single = Layout(have.shape, have.lanes)
        return (*conversions(have, single), *conversions(single, wanted))
    if have.lanes == wanted.lanes:
        return (Regroup(have, wanted.pixels),)
    between = replace(have, lanes=wanted.lanes), replace(have, pixels=wanted.pixels)
    best = min(between, key=lambda layout: (layout.words, layout.word_bytes))
    return (*conversions(have, best), *conversions(best, wanted))


def _kind(unit: Unit) -> str:
    """The name of a kernel, which its number follows."""
    match unit:
        case units.Matrix():
            return "conv"
        case units.Lanes(kind=kind):
            return kind if kind == "depthwise" else f"{kind}_pool"
        case units.Join(kind=kind):
            return kind
        case Pick(picked=picked):
            return "resize" if picked.factors else "select"
        case _:
            return type(unit).__name__.lower()


def build_network(graph: Graph, foldings: Mapping[str, Folding]) -> Network:
    """The network of kernels that runs `graph` with these foldings, by the name of the op."""
    builder = _Builder()
    ops = {op.name: unit_of(op, graph, foldings[op.name]) for op in hardware_ops(graph)}
    ends: dict[str, list[_End]] = {}

    def produce(tensor: str, number: int, layout: Layout) -> None:
        uses = len(graph.readers[tensor]) + (tensor in graph.outputs)
        if uses > 1:
            end = _End(number, layout)
            number = builder.add(tensor, units.Fork(layout, uses), (tensor,), (end,))
        ends[tensor] = [_End(number, layout)] * uses

    for tensor in graph.inputs:
        reader = graph.readers[tensor][0]
        wanted = sources_of(ops[reader.name])[reader.inputs.index(tensor)]
        produce(tensor, builder.add(tensor, units.Source(wanted), (), ()), wanted)
    for op in hardware_ops(graph):
        unit = ops[op.name]
        found = tuple(
            builder.convert(tensor, ends[tensor].pop(), wanted)
            for tensor, wanted in zip(op.inputs, sources_of(unit), strict=False)
        )
        tensors = op.inputs
        if isinstance(unit, units.Matrix) and unit.feed is not None:
            feed = builder.add(op.name, unit.feed, (), ())
            found, tensors = (*found, _End(feed, unit.feed.target)), (*tensors, f"{op.name}.weight")
        produce(op.output, builder.add(op.name, unit, tensors, found, op.name), targets_of(unit)[0])
    for tensor in graph.outputs:
        end = ends[tensor].pop()
        builder.add(tensor, units.Sink(end.layout), (tensor,), (end,))
    return builder.finished()


def unit_of(op: HardwareOp, graph: Graph, folding: Folding) -> Unit:
    """The kernel of an op with a folding."""
    target = Layout(graph.shape(op.output), folding.pe, folding.pixels)
    match op:
        case Conv():
            return _convolution(op, graph, folding, target)
        case MaxPool(kernel=kernel, pads=pads):
            window = _lane_window(op, graph, folding, kernel, pads)
            return units.Lanes("max", window, target)
        case AveragePool(kernel=kernel, pads=pads):
            if is_global(op, graph):
                return units.Reduce(Layout(graph.shape(op.inputs[0]), folding.pe))
            window = _lane_window(op, graph, folding, kernel, pads)
            return units.Lanes("average", window, target)
        case Add():
            return units.Join("add", target)
        case Mul():
            left, right = map(graph.shape, op.inputs)
            return units.Join("mul", target) if left == right else units.Scale(target)
        case Lookup():
            return units.Table(target)
        case Concat(axis=axis):
            layouts = tuple(
                Layout(graph.shape(name), folding.pe, folding.pixels) for name in op.inputs
            )
            return units.Concat(layouts, target, axis)
        case Select() | Resize():
            source = Layout(graph.shape(op.inputs[0]), folding.pe)
            picked = picked_of(op, graph)
            if picked is None:
                return units.Relabel(source, target)
            return Pick(source, target, picked, folding.taps)
        case ConvTranspose():
            raise GraphError(f"op '{op.name}' is two kernels: see sub_pixel.py")
        case _:
            assert_never(op)


def is_global(op: AveragePool, graph: Graph) -> bool:
    """Whether an average is that of the whole map."""
    return graph.shape(op.inputs[0])[1:] == op.kernel and not any(op.pads)


def _convolution(op: Conv, graph: Graph, folding: Folding, target: Layout) -> Unit:
    out, per_group, *_ = graph.constants[op.weight].values.shape
    channels = graph.shape(op.inputs[0])[0]
    kernel = graph.constants[op.weight].values.shape[2:]
    if is_depthwise(op, channels, out):
        window = _lane_window(op, graph, folding, (kernel[0], kernel[1]), op.pads)
        return units.Lanes("depthwise", window, target, folding.weights, folding.constants)
    passes = -(-(out // op.groups) // folding.pe)
    window = _window(
        op,
        graph,
        folding,
        (kernel[0], kernel[1]),
        op.pads,
        lanes=folding.simd,
        passes=(passes * op.groups, passes, -(-per_group // folding.simd)),
    )
    return units.Matrix(window, target, folding.multiplier, folding.weights, folding.constants)


def _lane_window(
    op: Conv | MaxPool | AveragePool,
    graph: Graph,
    folding: Folding,
    kernel: tuple[int, int],
    pads: tuple[int, int, int, int],
) -> Window:
    channels = graph.shape(op.inputs[0])[0]
    passes = -(-channels // folding.pe)
    return _window(op, graph, folding, kernel, pads, lanes=folding.pe, passes=(passes, 1, 1))


def _window(
    op: Conv | MaxPool | AveragePool,
    graph: Graph,
    folding: Folding,
    kernel: tuple[int, int],
    pads: tuple[int, int, int, int],
    *,
    lanes: int,
    passes: tuple[int, int, int],
) -> Window:
    _, rows, columns = graph.shape(op.output)
    dilations = (1, 1) if isinstance(op, AveragePool) else op.dilations
    return Window(
        source=Layout(
            graph.shape(op.inputs[0]), lanes, bank_count(folding, op.strides[1], dilations[1])
        ),
        rows_out=rows,
        columns_out=columns,
        kernel=kernel,
        strides=op.strides,
        dilations=dilations,
        pad_rows=pads[0],
        pad_columns=pads[1],
        pixels=folding.pixels,
        taps=folding.taps,
        passes=passes[0],
        passes_per_group=passes[1],
        group_words=passes[2],
        tap_rows=folding.rows,
    )


def bank_count(folding: Folding, stride: int, dilation: int) -> int:
    """The banks of a row memory, and so the pixels of the words that arrive: one if a trip reads
    one column, else enough for all columns from the first to the last, a multiple of the columns
    between two trips' windows, which then lie on the banks in the same way."""
    span = (folding.pixels - 1) * stride + (folding.taps - 1) * dilation + 1
    if span == 1:
        return 1
    step = stride * folding.pixels
    return -(-span // step) * step
