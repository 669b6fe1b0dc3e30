"""A network cut into strips of rows: what is to be scheduled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from hwmap.ir.graph import hardware_ops
from hwmap.ir.ops import HardwareOp
from hwmap.ir.rows import rows_read
from hwmap.sequential.engine import Engine
from hwmap.sequential.geometry import Sweep
from hwmap.sequential.network import Network
from hwmap.sequential.plan import Kind
from hwmap.sequential.program import MOST_ROWS
from hwmap.sequential.program_time import RowSize, Timed, stream_size, sweep_size


@dataclass(frozen=True)
class Node:
    """A strip: rows [first_row, last_row) of what load, op or store `name` makes. It reads the
    nodes `reads`, takes `words` of the arena (0 for a store) and `cycles` of the engine."""

    kind: Kind
    name: str
    first_row: int
    last_row: int
    reads: tuple[int, ...]
    words: int
    cycles: int


def placeless(sweep: Sweep, rows: range) -> Sweep | None:
    """The part of a sweep that makes `rows`, without where it lies: equal ones cost the same."""
    part = sweep.rows.within(rows)
    if part is None:
        return None
    return replace(sweep, rows=replace(part, first=0, pad=0, size=1))


class Costs:
    """The cycles of strips on one engine; equal ones are counted once."""

    def __init__(self, network: Network, engine: Engine) -> None:
        self.network, self.engine = network, engine
        self.known: dict[Sweep, int] = {}
        self.runs: dict[tuple[str, range], int] = {}

    def run(self, name: str, rows: range) -> int:
        """The cycles of rows of an op."""
        if (name, rows) not in self.runs:
            self.runs[name, rows] = self._run(name, rows)
        return self.runs[name, rows]

    def _run(self, name: str, rows: range) -> int:
        cycles = 0
        for sweep in self.network.sweeps[name]:
            part = placeless(sweep, rows)
            if part is not None:
                if part not in self.known:
                    self.known[part] = self._cycles(sweep_size(part, self.engine))
                cycles += self.known[part]
        return cycles

    def stream(self, rows: int, row_words: int, *, load: bool) -> int:
        """The cycles of rows that come in or go out."""
        return self._cycles(stream_size(rows, row_words, self.engine.bus_bytes, load=load))

    def _cycles(self, size: RowSize) -> int:
        return Timed(size, ()).cycles(self.engine)


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
            nodes.append(Node("load", name, part.start, part.stop, (), len(part) * words, cycles))
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
            nodes.append(Node("run", op.name, part.start, part.stop, *own, cycles))
    for name in graph.outputs:
        words = network.row_words(name)
        for read in dict.fromkeys(strips[name]):
            rows = nodes[read].first_row, nodes[read].last_row
            cycles = costs.stream(rows[1] - rows[0], words, load=False)
            nodes.append(Node("store", name, *rows, (read,), 0, cycles))
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
