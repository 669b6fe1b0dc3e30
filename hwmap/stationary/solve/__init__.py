"""The engine, strips, order, residency and recomputations with the fewest cycles."""

from hwmap.stationary.solve.search import Limits, solve

__all__ = ["Limits", "solve"]
