"""What a plan must respect."""

from dataclasses import dataclass

from hwmap.board import Board, Budget


@dataclass(frozen=True)
class Settings:
    """Kept beside a design, so that its plan can be checked again. `max_drop` is the user's limit
    (see `hwmap.accuracy.Drop`), `max_loss` what it means for a plan."""

    board: Board
    budget: Budget
    max_drop: float
    max_loss: float
