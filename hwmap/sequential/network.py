"""A graph whose tensors have layouts, and the sweeps of its ops."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from hwmap.ir.graph import Graph, hardware_ops
from hwmap.sequential.geometry import Sweep
from hwmap.sequential.layout import Layout, aligned, layouts_of
from hwmap.sequential.sweeps import sweeps_of


@dataclass(frozen=True)
class Network:
    """An `aligned` graph, and the layout of each of its tensors."""

    graph: Graph
    layouts: Mapping[str, Layout]

    def row_words(self, tensor: str) -> int:
        """Words of a row."""
        return self.graph.shape(tensor)[2] * self.layouts[tensor].words

    @cached_property
    def sweeps(self) -> Mapping[str, tuple[Sweep, ...]]:
        """The sweeps of every op."""
        return {op.name: sweeps_of(op, self.graph, self.layouts) for op in hardware_ops(self.graph)}


def network_of(graph: Graph) -> Network:
    """The network of a graph of hardware ops, once it is aligned."""
    graph = aligned(graph)
    return Network(graph, layouts_of(graph))
