"""A kernel per op, all at once: everything of this style."""

from hwmap.streaming import (
    check,
    design,
    hls,
    plan,
    profile,
    result,
    rungs,
    simulate,
    solve,
    summary,
    vectors,
)

__all__ = [
    "check",
    "design",
    "hls",
    "plan",
    "profile",
    "result",
    "rungs",
    "simulate",
    "solve",
    "summary",
    "vectors",
]
