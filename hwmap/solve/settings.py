"""What a plan must respect."""

from dataclasses import dataclass

from hwmap.board import Board, Budget
from hwmap.quantize.scales import Scales


@dataclass(frozen=True)
class Settings:
    """Kept beside a design, so that its plan can be checked again. `max_drop` is the user's limit
    (see `hwmap.accuracy.Drop`), `max_loss` what it means for a plan; `scales` are those
    that the network is quantized with. With `whole_memory` an engine takes all of the budget's, and
    a port for spills, for networks to come."""

    board: Board
    budget: Budget
    max_drop: float
    max_loss: float
    scales: Scales = "free"
    whole_memory: bool = False

    @property
    def by_shifts(self) -> bool:
        """Whether all scales are powers of two, so that what they scale can be shifted."""
        return self.scales == "power-of-two"
