"""Integer graph + plan -> design."""

from hwmap.streaming.design.build import build_design
from hwmap.streaming.design.types import Constants, Design

__all__ = ["Constants", "Design", "build_design"]
