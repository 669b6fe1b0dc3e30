"""Solvers: plans, selections, and schedules that recompute."""

from hwmap.solve.remat.rematerialize import Rematerialization, rematerialize

__all__ = ["Rematerialization", "rematerialize"]
