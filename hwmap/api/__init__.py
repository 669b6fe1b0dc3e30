"""The verbs of the command line as functions; `cli.py` prints what they return."""

from hwmap.api.accelerators import (
    TIME_LIMIT_SECONDS,
    CompileResult,
    VerifyResult,
    compile,
    simulate,
    verify,
)
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
    "TIME_LIMIT_SECONDS",
    "CompileResult",
    "DecomposeResult",
    "QuantizeResult",
    "RunResult",
    "VerifyResult",
    "compile",
    "decompose",
    "inspect",
    "quantize",
    "run",
    "simulate",
    "verify",
]
