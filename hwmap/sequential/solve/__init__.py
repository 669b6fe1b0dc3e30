"""The engine, strips, order, residency and recomputations with the fewest cycles."""

from hwmap.sequential.solve.search import solve, solve_for
from hwmap.sequential.solve.target import Target

__all__ = ["Target", "solve", "solve_for"]
