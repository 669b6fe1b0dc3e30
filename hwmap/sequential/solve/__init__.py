"""The engine, strips, order, residency and recomputations with the fewest cycles."""

from hwmap.sequential.solve.search import Limits, solve

__all__ = ["Limits", "solve"]
