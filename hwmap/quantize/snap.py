"""Scales that the requantizer meets exactly.

The engine multiplies by m * 2**-s with an m of few bits. Rounding a ratio of scales to that form
costs up to 2**-18 of it, which moves a value to the next level now and then, and through a deep
network such moves grow. But the scales are ours to choose: a change of 2**-18 of a scale loses
nothing, so each is moved to where the ratio has that form. (Those of a QDQ model stay.)
"""

from collections.abc import Iterable, Mapping
from typing import assert_never

import numpy as np

from hwmap.ir.graph import Graph
from hwmap.ir.ops import (
    Add,
    AveragePool,
    Concat,
    Conv,
    ConvTranspose,
    HardwareOp,
    Lookup,
    MaxPool,
    Mul,
    Resize,
    Select,
)
from hwmap.ir.requantize import add_shift, multiplier_and_shift, window_sizes


def snapped(ratio: float) -> float:
    """The nearest ratio that the requantizer has."""
    multiplier, shift = multiplier_and_shift(ratio)
    return multiplier * 2.0**-shift


def snap_scales(
    graph: Graph,
    ops: Iterable[HardwareOp],
    scales: Mapping[str, float],
    roots: Mapping[str, str],
    fixed: Iterable[str],
) -> dict[str, float]:
    """`scales` (by tensor), moved so that Add, Mul, Concat and AveragePool rescale exactly.

    Tensors of the same root have one scale; those in `fixed` keep theirs. Convolutions are not
    looked at: their weights have scales of their own (see `lower`).
    """
    found = {roots[name]: scale for name, scale in scales.items()}
    locked = {roots[name] for name in fixed}
    for op in ops:
        sources, target = [roots[name] for name in op.inputs], roots[op.output]
        match op:
            case AveragePool():
                sizes = window_sizes(op, graph)
                if sizes.size > 1:
                    continue
                size = int(sizes[0, 0])
                ratio = found[sources[0]] / size / found[target]
                _move(found, locked, target, found[sources[0]] / size / snapped(ratio))
            case Mul():
                product = found[sources[0]] * found[sources[1]]
                _move(found, locked, target, product / snapped(product / found[target]))
            case Add():
                first = max(sources, key=lambda name: (name in locked, found[name]))
                shift = add_shift([found[name] / found[target] for name in sources])
                whole = round(found[first] / found[target] * 2.0**shift)
                _move(found, locked, target, found[first] / whole * 2.0**shift)
                for name in sources:
                    whole = max(round(found[name] / found[target] * 2.0**shift), 1)
                    _move(found, locked, name, found[target] * whole * 2.0**-shift)
            case Concat():
                first = max(sources, key=lambda name: (name in locked, found[name]))
                ratio = snapped(found[first] / found[target])
                _move(found, locked, target, found[first] / ratio)
                for name in sources:
                    ratio = snapped(found[name] / found[target])
                    _move(found, locked, name, found[target] * ratio)
            case Conv() | ConvTranspose() | Lookup() | MaxPool() | Select() | Resize():
                continue
            case _:
                assert_never(op)
        locked |= {*sources, target}
    return {name: found[roots[name]] for name in scales}


def _move(found: dict[str, float], locked: set[str], name: str, scale: float) -> None:
    """Give `name` the scale, as float32, unless it is locked."""
    if name not in locked and np.isfinite(scale) and scale > 0:
        found[name] = float(np.float32(scale))
        locked.add(name)
