"""What a decomposition is for."""

import re
from dataclasses import asdict, dataclass

from hwmap.errors import BudgetError


@dataclass(frozen=True)
class Goal:
    """What a decomposition is for, one of: a share (0 to 1) of the MACs, or of the weights, or a
    limit on the drop (see `hwmap.accuracy.Drop`)."""

    macs: float | None = None
    weights: float | None = None
    max_drop: float | None = None


def check_goal(goal: Goal) -> None:
    """Refuse a goal that is none.

    Raises:
        BudgetError: not exactly one limit is given, or it is out of range.
    """
    given = {name: value for name, value in asdict(goal).items() if value is not None}
    if len(given) != 1:
        raise BudgetError(
            f"{len(given)} goals; give one of --macs 60%, --weights 50% and --max-drop 1"
        )
    ((name, value),) = given.items()
    if name == "max_drop":
        check_drop(value)
    elif not 0 < value <= 1:
        raise BudgetError(
            f"{value:.6g} of the {'MACs' if name == 'macs' else name}; give a share above 0 and up"
            " to 1, or with a percent sign: 60%"
        )


def check_drop(max_drop: float) -> None:
    """Refuse a limit on the drop that is none.

    Raises:
        BudgetError: it is not from 0 to 100.
    """
    if not 0 <= max_drop <= 100:
        raise BudgetError(f"drop of {max_drop}; give points or percent from 0 to 100, like 0.5")


def parse_share(text: str | None) -> float | None:
    """A share, for example "60%" or "0.6".

    Raises:
        BudgetError: it is not one.
    """
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(%?)\s*", text)
    if match is None:
        raise BudgetError(f"share '{text}': expected, for example, 60% or 0.6")
    return float(match[1]) / (100 if match[2] else 1)
