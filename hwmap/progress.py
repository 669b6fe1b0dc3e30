"""What long work says of itself while it runs."""

from collections.abc import Callable

Progress = Callable[[str], None]
"""It is told, in a few words, what is being done now."""


def quiet(_: str) -> None:
    """Say nothing."""
