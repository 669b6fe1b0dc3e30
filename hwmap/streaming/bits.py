"""How wide sums can be, from the shape of an op alone: what a plan counts with, before there are
integer weights."""

from typing import assert_never

import numpy as np

from hwmap.ir.graph import Graph
from hwmap.ir.interpolate import fixed_point
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
from hwmap.ir.requantize import ADD_BITS

MOST_PRODUCT = 127 * 128
MOST_CENTRED = 255


def sum_bits_of(op: HardwareOp, graph: Graph) -> int:
    """Bits of every sum of `op` with its bias, which is taken for no larger than the sum."""
    match op:
        case Conv() | ConvTranspose():
            terms = graph.constants[op.weight].values[0].size
            return int(2 * terms * MOST_PRODUCT).bit_length() + 1
        case AveragePool(kernel=(rows, columns)):
            return (rows * columns * MOST_CENTRED).bit_length() + 1
        case Add():
            return ADD_BITS + 9
        case Mul():
            return (MOST_CENTRED**2).bit_length() + 1
        case Concat():
            return 10
        case Resize(rows=rows, columns=columns):
            factors = (graph.constants[name].values for name in (rows, columns))
            blends = [int(np.abs(fixed_point(values)).sum(1).max()) for values in factors]
            return max(MOST_CENTRED * blend for blend in blends).bit_length() + 1
        case MaxPool() | Select() | Lookup():
            return 8
        case _:
            assert_never(op)
