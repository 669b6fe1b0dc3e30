"""A network cut into strips of rows: what is to be scheduled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from hwmap.ir.graph import Graph, hardware_ops
from hwmap.ir.ops import HardwareOp
from hwmap.ir.rows import rows_read
from hwmap.sequential.engine import Engine, SweepCost
from hwmap.sequential.geometry import Sweep
from hwmap.sequential.layout import WORD_BYTES, layouts_of
from hwmap.sequential.plan import Kind
from hwmap.sequential.program import MOST_ROWS, row_bus_words
from hwmap.sequential.program_time import sweep_size
from hwmap.sequential.sweeps import Layouts, sweeps_of


@dataclass(frozen=True)
class Node:
    """A strip: rows [first_row, last_row) of what load, op or store `name` makes. It reads the
    nodes `reads`, takes `words` of the arena (0 for a store) and `cycles` of the engine, in `trips`
    of which it can fetch."""

    kind: Kind
    name: str
    first_row: int
    last_row: int
    reads: tuple[int, ...]
    words: int
    cycles: int
    trips: int


@dataclass(frozen=True)
class Network:
    """A graph whose tensors have layouts."""

    graph: Graph
    layouts: Layouts

    def row_words(self, tensor: str) -> int:
        """Words of a row."""
        return self.graph.shape(tensor)[2] * self.layouts[tensor].words

    @cached_property
    def sweeps(self) -> Mapping[str, tuple[Sweep, ...]]:
        """The sweeps of every op."""
        return {op.name: sweeps_of(op, self.graph, self.layouts) for op in hardware_ops(self.graph)}

    def constant_words(self, name: str, engine: Engine) -> int:
        """Port words of the constants of an op."""
        return sum(SweepCost(sweep, engine).constant_words for sweep in self.sweeps[name])


def network_of(graph: Graph) -> Network:
    """The network of an `aligned` graph."""
    return Network(graph, layouts_of(graph))


class Costs:
    """What strips take on one engine; equal ones are counted once."""

    def __init__(self, network: Network, engine: Engine) -> None:
        self.network, self.engine = network, engine
        self.known: dict[Sweep, tuple[int, int]] = {}

    def run(self, name: str, rows: range) -> tuple[int, int]:
        """(cycles, trips) of rows of an op."""
        cycles = trips = 0
        for sweep in self.network.sweeps[name]:
            part = sweep.rows.within(rows)
            if part is not None:
                # Where it lies is no matter.
                key = replace(sweep, rows=replace(part, first=0, pad=0, size=1))
                if key not in self.known:
                    size = sweep_size(key, self.engine)
                    words = row_bus_words(
                        size.source_rows, size.target_rows, 0, self.engine.bus_bytes
                    )
                    self.known[key] = words + self.engine.overhead_cycles + size.trips, size.trips
                own = self.known[key]
                cycles, trips = cycles + own[0], trips + own[1]
        return cycles, trips

    def stream(self, rows: int, row_words: int, *, load: bool) -> tuple[int, int]:
        """(cycles, trips) of rows that come in or go out."""
        trips = rows * -(-row_words * WORD_BYTES // self.engine.bus_bytes)
        words = row_bus_words(0 if load else rows, rows if load else 0, 0, self.engine.bus_bytes)
        return words + self.engine.overhead_cycles + trips, trips


def most_rows(op: HardwareOp, network: Network) -> int:
    """The rows of an op's output that one step can make: the walks hold so many pointers."""
    found = MOST_ROWS
    for sweep in network.sweeps[op.name]:
        reach = (sweep.rows.taps - 1) * sweep.rows.tap_step + 1
        rows = (MOST_ROWS - reach) // max(sweep.rows.stride, 1) + 1
        if len(sweep.sources) > 1:
            rows = MOST_ROWS - 1 if sweep.fixed else MOST_ROWS // 2
        found = min(found, rows * sweep.rows.step)
    return max(found, 1)


def nodes_of(network: Network, costs: Costs, heights: Mapping[str, int]) -> tuple[Node, ...]:
    """The strips of all tensors, in the order of the ops; `heights` are rows of a strip."""
    graph = network.graph
    nodes: list[Node] = []
    strips: dict[str, list[int]] = {}
    limits = {op.output: most_rows(op, network) for op in hardware_ops(graph)}

    def cut(name: str) -> list[range]:
        rows = graph.shape(name)[1]
        height = max(min(heights[name], limits.get(name, MOST_ROWS), rows), 1)
        # Even strips: the last one is not a sliver.
        height = -(-rows // -(-rows // height))
        parts = [range(start, min(start + height, rows)) for start in range(0, rows, height)]
        strips[name] = [len(nodes) + number for number, part in enumerate(parts) for _ in part]
        return parts

    for name in graph.inputs:
        words = network.row_words(name)
        for part in cut(name):
            cycles = costs.stream(len(part), words, load=True)
            nodes.append(Node("load", name, part.start, part.stop, (), len(part) * words, *cycles))
    for op in hardware_ops(graph):
        words = network.row_words(op.output)
        for part in cut(op.output):
            reads = {
                strips[source][row]
                for position, source in enumerate(op.inputs)
                for row in rows_read(op, graph, position, part)
            }
            cycles = costs.run(op.name, part)
            own = (tuple(sorted(reads)), len(part) * words)
            nodes.append(Node("run", op.name, part.start, part.stop, *own, *cycles))
    for name in graph.outputs:
        words = network.row_words(name)
        for read in dict.fromkeys(strips[name]):
            rows = nodes[read].first_row, nodes[read].last_row
            cycles = costs.stream(rows[1] - rows[0], words, load=False)
            nodes.append(Node("store", name, *rows, (read,), 0, *cycles))
    return tuple(nodes)


def depth_first(nodes: Sequence[Node]) -> list[int]:
    """Every node once, each as late as its first reader wants it; inputs come in their order."""
    order: list[int] = []
    done = [False] * len(nodes)
    loads = [number for number, node in enumerate(nodes) if node.kind == "load"]
    before = {after: (load,) for load, after in pairwise(loads)}
    stores = [number for number, node in enumerate(nodes) if node.kind == "store"]
    # What nothing reads is run too, at the end: a plan runs every op.
    for last in (*stores, *range(len(nodes))):
        stack = [last]
        while stack:
            node = stack[-1]
            wanted = (*before.get(node, ()), *nodes[node].reads)
            missing = next((read for read in wanted if not done[read]), None)
            if missing is not None:
                stack.append(missing)
                continue
            stack.pop()
            if not done[node]:
                done[node] = True
                order.append(node)
    return order
