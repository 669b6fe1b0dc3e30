"""hwmap compiles trained networks (ONNX) into FPGA accelerators.

The verbs of the command line are functions: `inspect`, `quantize`, `run`, `decompose`,
`compile`, `simulate`, `verify`, `explore`. Nothing else is promised to users.
"""

from hwmap.api import (
    CompileResult,
    DecomposeResult,
    Exploration,
    QuantizeResult,
    RunResult,
    VerifyResult,
    compile,
    decompose,
    explore,
    inspect,
    quantize,
    run,
    simulate,
    verify,
)
from hwmap.board import Board, board_names, load_board
from hwmap.errors import HwmapError

__all__ = [
    "Board",
    "CompileResult",
    "DecomposeResult",
    "Exploration",
    "HwmapError",
    "QuantizeResult",
    "RunResult",
    "VerifyResult",
    "board_names",
    "compile",
    "decompose",
    "explore",
    "inspect",
    "load_board",
    "quantize",
    "run",
    "simulate",
    "verify",
]
