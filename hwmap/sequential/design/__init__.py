"""Integer graph + plan -> the program, the constants, and nothing about C++."""

from hwmap.sequential.design.build import build_design
from hwmap.sequential.design.types import Design

__all__ = ["Design", "build_design"]
