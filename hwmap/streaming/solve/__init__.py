"""The choice of candidates, foldings and FIFOs."""

from hwmap.streaming.solve.solve import solve

__all__ = ["solve"]
