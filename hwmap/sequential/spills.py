"""Where in DRAM the rows of tensors wait."""

from collections.abc import Mapping

from hwmap.sequential.network import Network
from hwmap.sequential.plan import Plan


def spill_places(plan: Plan, network: Network) -> tuple[Mapping[str, int], int]:
    """The first word of the bus of every tensor that a plan spills, and the words of all: one
    tensor behind the other, each row from a word of its own on."""
    places: dict[str, int] = {}
    end = 0
    for step in plan.steps:
        if step.kind == "spill" and step.name not in places:
            places[step.name] = end
            row = network.row_beats(step.name, "spill", plan.engine)
            end += network.graph.shape(step.name)[1] * row
    return places, end


def spilled_bytes(plan: Plan, network: Network) -> int:
    """Bytes that go to DRAM and come back for an image."""
    words = sum(
        (step.last_row - step.first_row) * network.row_beats(step.name, step.kind, plan.engine)
        for step in plan.steps
        if step.kind == "spill" or step.kind == "reload"
    )
    return words * plan.engine.bus_bytes
