"""Solvers: plans, selections, and schedules that recompute."""

from hwmap.solve.remat.rematerialize import Rematerialization, rematerialize
from hwmap.solve.strips import StripGraph, strip_graph

__all__ = ["Rematerialization", "StripGraph", "rematerialize", "strip_graph"]
