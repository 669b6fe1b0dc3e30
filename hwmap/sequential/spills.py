"""Where in DRAM the rows of tensors wait."""

from collections.abc import Mapping

from hwmap.sequential.network import Network
from hwmap.sequential.plan import Plan
from hwmap.sequential.program_time import row_beats


def spill_places(plan: Plan, network: Network) -> tuple[Mapping[str, int], int]:
    """The first word of the bus of every tensor that a plan spills, and the words of all: one
    tensor behind the other, each row from a word of its own on."""
    places: dict[str, int] = {}
    end = 0
    for step in plan.steps:
        if step.kind == "spill" and step.name not in places:
            places[step.name] = end
            row = row_beats(network.row_words(step.name), plan.engine.bus_bytes)
            end += network.graph.shape(step.name)[1] * row
    return places, end
