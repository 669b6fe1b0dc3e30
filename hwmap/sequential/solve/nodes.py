"""A network cut into strips of rows: what is to be scheduled."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import pairwise

from hwmap.ir.graph import Graph, hardware_ops
from hwmap.ir.ops import HardwareOp
from hwmap.ir.rows import rows_read
from hwmap.sequential.engine import Engine
from hwmap.sequential.geometry import Sweep
from hwmap.sequential.network import Network
from hwmap.sequential.plan import Kind, Moving
from hwmap.sequential.program import MOST_ROWS
from hwmap.sequential.program_time import RowSize, Timed, stream_size, sweep_size

Edges = frozenset[tuple[str, str]]
"""(tensor, op that reads it)."""


@dataclass(frozen=True)
class Node:
    """A strip: rows [first_row, last_row) of what op `name` makes, or of the tensor that a load, a
    store, a spill or a reload moves. It reads the nodes `reads`, takes `words` of the arena (0 for
    what leaves) and `cycles` of the engine. Phases run one after the other."""

    kind: Kind
    name: str
    first_row: int
    last_row: int
    reads: tuple[int, ...]
    words: int
    cycles: int
    phase: int = 0


@dataclass(frozen=True)
class Cut:
    """How a network is cut: the rows of a strip of each tensor, and the edges that go through
    DRAM."""

    heights: Mapping[str, int]
    spills: Edges = frozenset()


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

    def stream(self, kind: Moving, name: str, rows: int) -> int:
        """The cycles of rows of a tensor that come in or go out."""
        beats = self.network.row_beats(name, kind, self.engine)
        return self._cycles(stream_size(kind, rows, beats))

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


def phases_of(graph: Graph, spills: Edges) -> dict[str, int]:
    """The phase of every op: what reads a tensor through DRAM comes after all of it was made, and
    everything else as late as its readers want it."""
    phase: dict[str, int] = {}
    made = dict.fromkeys(graph.inputs, 0)
    ops = hardware_ops(graph)
    for op in ops:
        phase[op.name] = max(made[name] + ((name, op.name) in spills) for name in op.inputs)
        made[op.output] = phase[op.name]
    readers: dict[str, list[int]] = {}
    for op in reversed(ops):
        if op.output not in graph.outputs and op.output in readers:
            phase[op.name] = min(readers[op.output])
        for name in op.inputs:
            wanted = phase[op.name] - ((name, op.name) in spills)
            readers.setdefault(name, []).append(wanted)
    return phase


def nodes_of(network: Network, costs: Costs, cut: Cut) -> tuple[Node, ...]:
    """The strips of all tensors, in the order of the ops."""
    cutter = _Cutter(network, costs, cut)
    graph = network.graph
    for name in graph.inputs:
        cutter.add_input(name)
    for op in hardware_ops(graph):
        cutter.add_op(op)
    for name in graph.outputs:
        cutter.store(name)
    return tuple(cutter.nodes)


class _Cutter:
    """The strips so far: of every tensor, and of what comes back from DRAM in a phase, the node
    that has each of its rows."""

    def __init__(self, network: Network, costs: Costs, cut: Cut) -> None:
        self.network, self.graph, self.costs, self.cut = network, network.graph, costs, cut
        self.phases = phases_of(network.graph, cut.spills)
        self.nodes: list[Node] = []
        self.strips: dict[str, list[int]] = {}
        self.phase: dict[str, int] = {}
        self.spilled: dict[str, list[int]] = {}
        self.reloaded: dict[tuple[str, int], list[int]] = {}

    def _parts(self, name: str, limit: int = MOST_ROWS) -> list[range]:
        rows = self.graph.shape(name)[1]
        height = max(min(self.cut.heights[name], limit, rows), 1)
        # Even strips: the last one is not a sliver.
        height = -(-rows // -(-rows // height))
        return [range(start, min(start + height, rows)) for start in range(0, rows, height)]

    def _moved(
        self, kind: Moving, name: str, part: range, reads: tuple[int, ...], phase: int
    ) -> int:
        """Adds a strip that comes in or goes out."""
        row_words = self.network.row_words(name)
        cycles = self.costs.stream(kind, name, len(part))
        words = len(part) * row_words if kind in ("load", "reload") else 0
        self.nodes.append(Node(kind, name, part.start, part.stop, reads, words, cycles, phase))
        return len(self.nodes) - 1

    def add_input(self, name: str) -> None:
        """Adds the strips of an input."""
        parts = self._parts(name)
        self.phase[name] = 0
        self.strips[name] = [
            number
            for part in parts
            for number in [self._moved("load", name, part, (), 0)] * len(part)
        ]
        self._spill(name)

    def _spill(self, name: str) -> None:
        """Lets the strips of a tensor leave, if any reader wants them back."""
        if any(edge[0] == name for edge in self.cut.spills):
            found = self.spilled[name] = []
            for number in dict.fromkeys(self.strips[name]):
                rows = range(self.nodes[number].first_row, self.nodes[number].last_row)
                own = self._moved("spill", name, rows, (number,), self.phase[name])
                found += [own] * len(rows)

    def _reload(self, name: str, phase: int, rows: Set[int]) -> list[int]:
        """The strips of a tensor that come back in a phase, those with any of `rows`."""
        found = self.reloaded.setdefault((name, phase), [-1] * self.graph.shape(name)[1])
        for row in sorted(rows):
            if found[row] < 0:
                spill = self.nodes[self.spilled[name][row]]
                part = range(spill.first_row, spill.last_row)
                own = self._moved("reload", name, part, (self.spilled[name][row],), phase)
                found[part.start : part.stop] = [own] * len(part)
        return found

    def add_op(self, op: HardwareOp) -> None:
        """Adds the strips of an op."""
        name, phase = op.output, self.phases[op.name]
        words = self.network.row_words(name)
        found: list[int] = []
        self.phase[name] = phase
        for part in self._parts(name, most_rows(op, self.network)):
            reads: set[int] = set()
            for position, source in enumerate(op.inputs):
                rows = rows_read(op, self.graph, position, part)
                through_dram = (source, op.name) in self.cut.spills
                strips = self._reload(source, phase, rows) if through_dram else self.strips[source]
                reads |= {strips[row] for row in rows}
            cycles = self.costs.run(op.name, part)
            own = (tuple(sorted(reads)), len(part) * words, cycles, phase)
            self.nodes.append(Node("run", op.name, part.start, part.stop, *own))
            found += [len(self.nodes) - 1] * len(part)
        self.strips[name] = found
        self._spill(name)

    def store(self, name: str) -> None:
        """Adds what leaves for the output."""
        for read in dict.fromkeys(self.strips[name]):
            rows = range(self.nodes[read].first_row, self.nodes[read].last_row)
            self._moved("store", name, rows, (read,), self.phase[name])


def depth_first(nodes: Sequence[Node]) -> list[int]:
    """Every node once, phase after phase, each as late as its first reader wants it; inputs come in
    their order, and what goes to DRAM leaves at once."""
    order: list[int] = []
    done = [False] * len(nodes)
    loads = [number for number, node in enumerate(nodes) if node.kind == "load"]
    before = {after: (load,) for load, after in pairwise(loads)}
    leaving = {node.reads[0]: number for number, node in enumerate(nodes) if node.kind == "spill"}
    for last in _targets(nodes):
        stack = [last]
        while stack:
            number = stack[-1]
            wanted = (*before.get(number, ()), *nodes[number].reads)
            missing = next((read for read in wanted if not done[read]), None)
            if missing is not None:
                stack.append(missing)
                continue
            stack.pop()
            for own in (number, leaving.get(number)):
                if own is not None and not done[own]:
                    done[own] = True
                    order.append(own)
    return order


def _targets(nodes: Sequence[Node]) -> Iterator[int]:
    """What the nodes are run for: the outputs of every phase, strip by strip what later phases
    want, and at the end everything: a plan runs every op."""
    read_in: dict[int, set[int]] = {}
    rows: dict[str, int] = {}
    for node in nodes:
        rows[node.name] = max(rows.get(node.name, 0), node.last_row)
        for read in node.reads if node.kind != "spill" else ():
            read_in.setdefault(read, set()).add(node.phase)
    last = max(node.phase for node in nodes)
    for phase in range(last + 1):
        own = [number for number, node in enumerate(nodes) if node.phase == phase]
        yield from (number for number in own if nodes[number].kind == "store")
        if phase < last:
            ends = [
                number
                for number in own
                if nodes[number].kind == "run" and phase not in read_in.get(number, ())
            ]
            yield from sorted(ends, key=lambda n: (nodes[n].last_row / rows[nodes[n].name], -n))
    yield from range(len(nodes))
