"""Where in DRAM the rows of tensors wait."""

from collections.abc import Mapping

from hwmap.sequential.network import Network
from hwmap.sequential.plan import THROUGH_DRAM, Plan
from hwmap.sequential.program_time import row_beats


def spill_places(plan: Plan, network: Network) -> tuple[Mapping[str, int], int]:
    """The first word of the bus of every tensor that a plan spills, and the words of all: one
    tensor behind the other, each row from a word of its own on."""
    places: dict[str, int] = {}
    end = 0
    for step in plan.steps:
        if step.kind == "spill" and step.name not in places:
            places[step.name] = end
            end += network.graph.shape(step.name)[1] * _beats(step.name, plan, network)
    return places, end


def spilled_bytes(plan: Plan, network: Network) -> int:
    """Bytes that go to DRAM and come back for an image."""
    words = sum(
        (step.last_row - step.first_row) * _beats(step.name, plan, network)
        for step in plan.steps
        if step.kind in THROUGH_DRAM
    )
    return words * plan.engine.bus_bytes


def _beats(tensor: str, plan: Plan, network: Network) -> int:
    """Words of the bus of a row."""
    return row_beats(network.row_words(tensor), plan.engine.bus_bytes)
