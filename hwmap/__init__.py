"""hwmap compiles trained networks (ONNX) into FPGA accelerators.

The verbs of the command line are functions: `inspect`, `compile`, `simulate`, `verify`. Nothing
else is promised to users.
"""

from hwmap.api import CompileResult, VerifyResult, compile, inspect, simulate, verify
from hwmap.board import Board, board_names, load_board
from hwmap.errors import HwmapError

__all__ = [
    "Board",
    "CompileResult",
    "HwmapError",
    "VerifyResult",
    "board_names",
    "compile",
    "inspect",
    "load_board",
    "simulate",
    "verify",
]
