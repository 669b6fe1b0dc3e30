"""Scales that are powers of two: what they scale is then shifted, not multiplied."""

from math import ceil, frexp, log2
from typing import Literal, get_args

import numpy as np

from hwmap.errors import BudgetError, ModelError
from hwmap.ir.given import given_format, is_given
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Weighted
from hwmap.ir.types import Quant

Scales = Literal["free", "power-of-two"]
SCALES: tuple[Scales, ...] = get_args(Scales)


def parse_scales(text: str | None) -> Scales | None:
    """One of `SCALES`; None as it is.

    Raises:
        BudgetError: it is none of them.
    """
    for name in SCALES:
        if text == name:
            return name
    if text is None:
        return None
    raise BudgetError(f"unknown scales '{text}'; expected one of {', '.join(SCALES)}")


def scales_of(source: Graph, wanted: Scales | None) -> Scales:
    """The scales of a float network, which may be as the model gives them: power-of-two if it
    gives all formats and every scale is one.

    Raises:
        ModelError: powers of two are wanted, and the model gives other scales; the first are named.
    """
    given = _given_scales(source)
    others = [name for name, quant in given.items() if not _by_shifts(quant)]
    if wanted == "power-of-two" and others:
        raise ModelError(
            f"the model gives {len(others)} scales that are not powers of two (of"
            f" {', '.join(repr(name) for name in others[:3])}{', ...' * (len(others) > 3)}); they"
            " stay as they are: leave --scales out"
        )
    return wanted or ("power-of-two" if is_given(source) and not others else "free")


def _given_scales(graph: Graph) -> dict[str, Quant]:
    formats = {name: given_format(graph, name) for name in graph.tensors}
    formats |= {
        op.weight: graph.constants[op.weight].quant for op in graph.ops if isinstance(op, Weighted)
    }
    return {name: quant for name, quant in formats.items() if quant is not None}


def _by_shifts(quant: Quant) -> bool:
    return all(frexp(scale)[0] == 0.5 for scale in np.asarray(quant.scale, np.float64).flat)


def power_above(scale: float) -> float:
    """The least power of two that is not below `scale`."""
    return 2.0 ** ceil(log2(scale))
