"""The verbs of the command line as functions; `cli.py` prints what they return."""

from hwmap.api.accelerators import (
    PAGE,
    TIME_LIMIT_SECONDS,
    CompileResult,
    VerifyResult,
    compile,
    simulate,
    verify,
)
from hwmap.api.exploration import Exploration, compile_point, explore
from hwmap.api.networks import (
    CURVE_SECONDS,
    DecomposeResult,
    QuantizeResult,
    RunResult,
    decompose,
    inspect,
    quantize,
    run,
)

__all__ = [
    "CURVE_SECONDS",
    "PAGE",
    "TIME_LIMIT_SECONDS",
    "CompileResult",
    "DecomposeResult",
    "Exploration",
    "QuantizeResult",
    "RunResult",
    "VerifyResult",
    "compile",
    "compile_point",
    "decompose",
    "explore",
    "inspect",
    "quantize",
    "run",
    "simulate",
    "verify",
]
