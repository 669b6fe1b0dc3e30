"""Integer graph + plan -> the program, the constants, and nothing about C++."""

from hwmap.stationary.design.build import build_design
from hwmap.stationary.design.types import Design

__all__ = ["Design", "build_design"]
