"""A graph whose tensors have layouts, and the sweeps of its ops."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from hwmap.ir.graph import Graph, hardware_ops
from hwmap.sequential.engine import Engine
from hwmap.sequential.geometry import Sweep
from hwmap.sequential.layout import WORD_BYTES, Layout, aligned, layouts_of, packed_pixels
from hwmap.sequential.plan import Moving
from hwmap.sequential.sweeps import sweeps_of


@dataclass(frozen=True)
class Network:
    """An `aligned` graph, and the layout of each of its tensors."""

    graph: Graph
    layouts: Mapping[str, Layout]

    def row_words(self, tensor: str) -> int:
        """Words of a row."""
        return self.graph.shape(tensor)[2] * self.layouts[tensor].words

    def row_beats(self, tensor: str, kind: Moving, engine: Engine) -> int:
        """Words of the bus in which a row comes in or goes out."""
        if kind == "load":
            pixels = packed_pixels(self.layouts[tensor], engine.bus_bytes, engine.banks)
            if pixels:
                return -(-self.graph.shape(tensor)[2] // pixels)
        return -(-self.row_words(tensor) * WORD_BYTES // engine.bus_bytes)

    @cached_property
    def sweeps(self) -> Mapping[str, tuple[Sweep, ...]]:
        """The sweeps of every op."""
        return {op.name: sweeps_of(op, self.graph, self.layouts) for op in hardware_ops(self.graph)}


def network_of(graph: Graph) -> Network:
    """The network of a graph of hardware ops, once it is aligned."""
    graph = aligned(graph)
    return Network(graph, layouts_of(graph))
