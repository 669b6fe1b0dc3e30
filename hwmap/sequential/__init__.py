"""The sequential style: one engine, and a program of steps that it runs one after the other."""

from hwmap.sequential import (
    check,
    curve,
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
    "curve",
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
