"""What the solvers of every style share: choices, selections, addresses, and schedules that
recompute."""

from hwmap.solve.remat.rematerialize import Rematerialization, rematerialize

__all__ = ["Rematerialization", "rematerialize"]
