"""A network cut into strips of rows, as a graph for the schedule search."""

from collections.abc import Iterator
from dataclasses import dataclass

from hwmap.errors import GraphError
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.ir.rows import rows_read
from hwmap.ir.types import Shape
from hwmap.sequential.engine import Engine, OpShape, shape_of, sweep_cost
from hwmap.sequential.geometry import Sweep


@dataclass(frozen=True)
class StripGraph:
    """What `rematerialize` takes: a node per strip, of an input, an op or an output. `names` are
    those of tensors with their rows, `sizes` in bytes (0 for what leaves the chip), `durations` in
    cycles."""

    names: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    sizes: tuple[int, ...]
    durations: tuple[int, ...]

    @property
    def footprint(self) -> int:
        """The bytes that the largest node takes alone, with the strips that it reads."""
        needs = list(self.sizes)
        for read, node in self.edges:
            needs[node] += self.sizes[read]
        return max(needs)


def strip_graph(graph: Graph, engine: Engine, height: int | None = None) -> StripGraph:
    """`graph` (hardware ops) in strips of `height` rows, 1 or more; None: whole tensors.

    A strip costs its share of the trips of every sweep that writes rows of it, and the overhead of
    each. Weights are taken to be on chip: no strip waits for DRAM, and inputs and outputs pass at a
    bus word per cycle.

    Raises:
        GraphError: `height` is below 1, or an op is no hardware op.
    """
    if height is not None and height < 1:
        raise GraphError(f"strips of {height} rows; expected 1 or more")
    names: list[str] = []
    edges: list[tuple[int, int]] = []
    sizes: list[int] = []
    durations: list[int] = []
    strips: dict[str, list[int]] = {}
    heights = {name: height or graph.shape(name)[1] for name in graph.tensors}

    def add(name: str, rows: range, size: int, cycles: int, reads: Iterator[int]) -> None:
        edges.extend((node, len(names)) for node in dict.fromkeys(reads))
        names.append(f"{name}[{rows.start}:{rows.stop}]")
        sizes.append(size)
        durations.append(cycles)

    def stream_cycles(size: int) -> int:
        return -(-size // engine.bus_bytes) + engine.step_overhead_cycles

    def cut(name: str) -> list[tuple[range, int]]:
        channels, rows, columns = graph.shape(name)
        starts = range(0, rows, heights[name])
        ranges = [range(start, min(start + heights[name], rows)) for start in starts]
        strips[name] = list(range(len(names), len(names) + len(ranges)))
        return [(part, channels * len(part) * columns) for part in ranges]

    for name in graph.inputs:
        for rows, size in cut(name):
            add(name, rows, size, stream_cycles(size), iter(()))
    for op in hardware_ops(graph):
        shape = shape_of(op, graph)
        for rows, size in cut(op.output):
            cycles = sum(
                _sweep_cycles(sweep, shape, graph.shape(op.output), rows, engine)
                for sweep in shape.sweeps
            )
            reads = (
                strips[name][row // heights[name]]
                for position, name in enumerate(op.inputs)
                for row in sorted(rows_read(op, graph, position, rows))
            )
            add(op.output, rows, size, cycles, reads)
    for name in graph.outputs:
        for node in strips[name]:
            add(f"{names[node]} out", range(0), 0, stream_cycles(sizes[node]), iter((node,)))
    return StripGraph(tuple(names), tuple(edges), tuple(sizes), tuple(durations))


def _sweep_cycles(sweep: Sweep, whole: OpShape, shape: Shape, rows: range, engine: Engine) -> int:
    """The cycles of `sweep`, one of an op whose output has `shape`, for `rows` of it."""
    channels, _, columns = shape
    target, row_bytes = sweep.destination, columns * channels
    first, step = target.first_byte // row_bytes, max(target.row_bytes // row_bytes, 1)
    written = sum(row in range(first, first + target.rows * step, step) for row in rows)
    if not written:
        return 0
    trips = sweep_cost(sweep, whole, engine).trips
    return -(-trips * written // target.rows) + engine.step_overhead_cycles
