"""Ways to cut a network into strips, and what each costs on many engines at once.

Large tensors are cut into strips of at most so many words, small ones stay whole: with many words
all are whole, with few the first layers run depth first, a few rows of each at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hwmap.ir.graph import Graph, hardware_ops
from hwmap.ir.types import Integers
from hwmap.sequential.engine import Engine
from hwmap.sequential.geometry import Sweep
from hwmap.sequential.layout import WORD_BYTES
from hwmap.sequential.network import Network
from hwmap.sequential.plan import Kind
from hwmap.sequential.program_time import constant_words, stream_size, sweep_size
from hwmap.sequential.solve.assemble import arena_items
from hwmap.sequential.solve.engines import Grid
from hwmap.sequential.solve.nodes import Costs, Cut, Node, depth_first, nodes_of, placeless
from hwmap.sequential.solve.parts import in_parts
from hwmap.sequential.solve.target import Room
from hwmap.solve.addresses import Item, live_peak, pack_low, top

STEP = 2.0 ** (-1 / 2)
"""From the words of a strip to those that are tried next."""
FACTORS = (0.0, 1.0, 4.0)
"""How many times as large as its constants a tensor is that is cut."""


@dataclass(frozen=True)
class Shape:
    """Strips, an order in which each runs once, where they lie, and the size of the arena."""

    cut: Cut
    nodes: tuple[Node, ...]
    order: tuple[int, ...]
    addresses: tuple[int, ...]
    arena_words: int


def shapes_of(network: Network, costs: Costs) -> list[Shape]:
    """From whole tensors to strips of one row. Of each number of words there are several: all large
    tensors are cut, or only those that are so many times as large as the constants that make them,
    which each of their strips wants again."""
    graph = network.graph
    rows = {name: network.row_words(name) for name in graph.tensors}
    sizes = {name: graph.shape(name)[1] * words for name, words in rows.items()}
    constants = dict.fromkeys(graph.tensors, 0.0)
    for name in network.sweeps:
        output = graph.op(name).output
        words = constant_words(network, name, 0, network.layouts[output].words, costs.engine)
        constants[output] = words * costs.engine.port_bytes / WORD_BYTES
    found: list[Shape] = []
    seen: set[tuple[int, ...]] = set()
    most = float(max(sizes.values()))
    while True:
        for factor in FACTORS:
            heights = {
                name: max(min(int(most) // row, graph.shape(name)[1]), 1)
                if sizes[name] >= factor * constants[name]
                else graph.shape(name)[1]
                for name, row in rows.items()
            }
            if tuple(heights.values()) not in seen:
                seen.add(tuple(heights.values()))
                found.append(packed(unpacked(network, costs, Cut(heights))))
        if most < min(rows.values()):
            return _smaller(found)
        most *= STEP


def with_spills(shapes: Sequence[Shape], network: Network, costs: Costs) -> list[Shape]:
    """The same strips, with tensors through DRAM that are cut: for all their readers, or for all
    but the first."""
    graph = network.graph
    found = []
    for far_only in (False, True):
        own = []
        for shape in shapes:
            large = [n for n, height in shape.cut.heights.items() if height < graph.shape(n)[1]]
            edges = [edge for name in large for edge in edges_of(graph, name)[far_only:]]
            if edges:
                cut = replace(shape.cut, spills=frozenset(edges))
                own.append(packed(unpacked(network, costs, cut)))
        found += _smaller(own)
    return found


def edges_of(graph: Graph, name: str) -> list[tuple[str, str]]:
    """A tensor with each op that reads it."""
    return [(name, op.name) for op in hardware_ops(graph) if name in op.inputs]


def _smaller(shapes: list[Shape]) -> list[Shape]:
    """Those with a smaller arena than all that have fewer strips."""
    found: list[Shape] = []
    for shape in sorted(shapes, key=lambda shape: (len(shape.nodes), shape.arena_words)):
        if not found or shape.arena_words < min(other.arena_words for other in found):
            found.append(shape)
    return found


def unpacked(network: Network, costs: Costs, cut: Cut) -> Shape:
    """Strips of a cut, depth first, without addresses: in the smallest arena there can be."""
    nodes = nodes_of(network, costs, cut)
    order = depth_first(nodes)
    return Shape(cut, nodes, tuple(order), (), live_peak(_items(nodes, order)))


def packed(shape: Shape) -> Shape:
    """The same with addresses."""
    items = _items(shape.nodes, shape.order)
    addresses = pack_low(items, 0, 0.0)
    return replace(shape, addresses=addresses, arena_words=top(items, addresses))


def _items(nodes: Sequence[Node], order: Sequence[int]) -> list[Item]:
    return [Item(nodes[n].words, start, end) for n, start, end in arena_items(nodes, order)]


def with_costs(shape: Shape, network: Network, engine: Engine) -> Shape:
    """The same shape on another engine."""
    return replace(shape, nodes=nodes_of(network, Costs(network, engine), shape.cut))


class Estimates:
    """About the cycles of shapes on every engine of a grid."""

    def __init__(self, network: Network, grid: Grid, room: Room) -> None:
        self.network, self.grid, self.room = network, grid, room
        self.known: dict[Sweep, Integers] = {}
        self.strips: dict[tuple[Kind, str, range], tuple[int, int, Integers]] = {}
        self.constants = {
            name: np.asarray(sum(grid.constant_words(sweep) for sweep in sweeps))
            for name, sweeps in network.sweeps.items()
        }
        # A block of constants, and the next one.
        self.least_room = np.maximum(2 * least_constants(network, grid), 1)

    def of(self, shape: Shape) -> Integers:
        """Overheads, trips, and the cycles in which the engine waits; -1 where it cannot fit.

        Constants that are wanted after step a arrive in the trips from a on, or are in their memory
        by then:  stalls >= bus words wanted after a - memory - trips from a on.
        """
        fixed, trips = self._cycles(shape)
        room = self._room(shape)
        ratio = self.grid.port // self.grid.bus_bytes
        again = _fetched_again(shape, self.constants, room)
        names = [shape.nodes[number].name for number in shape.order]
        first = {name: place for place, name in reversed(list(enumerate(names)))}
        stalls = np.zeros_like(room)
        wanted, computed = np.zeros_like(room), np.zeros_like(room)
        for place in reversed(range(len(names))):
            number = shape.order[place]
            computed = computed + trips[number]
            if shape.nodes[number].kind != "run":
                continue
            stalls = np.maximum(stalls, (wanted - room) * ratio - computed)
            wanted = wanted + again.get(place, 0)
            if first[names[place]] == place:
                wanted = wanted + self.constants[names[place]]
        return np.where(room < self.least_room, -1, fixed + computed + stalls)

    def _room(self, shape: Shape) -> Integers:
        """Port words that the arena of a shape leaves for constants."""
        found: dict[tuple[int, int], int] = {}
        for engine in self.grid.engines:
            sizes = engine.banks, engine.port_bytes
            if sizes not in found:
                found[sizes] = self.room(engine, shape.arena_words)
        return np.array([found[engine.banks, engine.port_bytes] for engine in self.grid.engines])

    def _cycles(self, shape: Shape) -> tuple[Integers, list[Integers]]:
        """The overheads of all strips, and the trips of each."""
        words = rows = 0
        trips: list[Integers] = []
        for node in shape.nodes:
            key = node.kind, node.name, range(node.first_row, node.last_row)
            if key not in self.strips:
                self.strips[key] = self._strip(*key)
            own = self.strips[key]
            words, rows = words + own[0], rows + own[1]
            trips.append(own[2])
        return words + rows * self.grid.overhead, trips

    def _strip(self, kind: Kind, name: str, wanted: range) -> tuple[int, int, Integers]:
        """Bus words of the rows of a strip, their number, and the trips."""
        bus, any_engine = self.grid.bus_bytes, self.grid.engines[0]
        trips = np.zeros(len(self.grid.engines), np.int64)
        if kind != "run":
            beats = self.grid.row_beats(self.network, name, kind)
            size = stream_size(kind, len(wanted), int(beats.min()))
            if size.spilled:
                return size.bus_words(bus) + size.shown_cycles, 1, trips
            return size.bus_words(bus), 1, trips + len(wanted) * beats
        words = rows = 0
        for sweep in self.network.sweeps[name]:
            part = placeless(sweep, wanted)
            if part is None:
                continue
            if part not in self.known:
                self.known[part] = self.grid.trips(part)
            words += sweep_size(part, any_engine).bus_words(bus)
            rows, trips = rows + 1, trips + self.known[part]
        return words, rows, trips


def _fetched_again(
    shape: Shape, constants: Mapping[str, Integers], room: Integers
) -> dict[int, Integers]:
    """By places in the order, about how many words are fetched again there: of what is open at once
    (wanted before and after) what finds no room."""
    runs: dict[str, list[int]] = {}
    before = ""
    for place, number in enumerate(shape.order):
        node = shape.nodes[number]
        if node.kind == "run" and node.name != before:
            runs.setdefault(node.name, []).append(place)
        before = node.name
    several = {name: own for name, own in runs.items() if len(own) > 1}
    events = sorted(
        [(own[0], name, 1) for name, own in several.items()]
        + [(own[-1] + 1, name, -1) for name, own in several.items()]
    )
    uses = sorted((place, name) for name, own in several.items() for place in own[1:])
    found: dict[int, Integers] = {}
    opened, at = np.zeros_like(room), 0
    for place, name in uses:
        while at < len(events) and events[at][0] <= place:
            opened = opened + events[at][2] * constants[events[at][1]]
            at += 1
        lacking = np.clip(1 - room / np.maximum(opened, 1), 0, 1)
        found[place] = (constants[name] * lacking).astype(np.int64)
    return found


def least_constants(network: Network, grid: Grid) -> Integers:
    """Port words of the most constants that have to be there at once, on every engine: a block of
    what is made in parts, and all of what is not."""
    found = np.zeros(len(grid.engines), np.int64)
    for name, sweeps in network.sweeps.items():
        words = network.layouts[network.graph.op(name).output].words
        cost = grid.block_words if in_parts(sweeps, words) else grid.constant_words
        found = np.maximum(found, sum(cost(sweep) for sweep in sweeps))
    return found
