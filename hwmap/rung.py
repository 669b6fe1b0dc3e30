"""A rung of the ladder of proof: one comparison of a result with the one before it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rung:
    """What it says, and whether it holds. A rung that only measures has `holds` None: quantization
    and decomposition change values, and by how much is a result, not a fault."""

    name: str
    holds: bool | None
    detail: str
