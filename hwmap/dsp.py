"""DSP slices: what one multiplies, and how two products share it."""

from dataclasses import dataclass
from typing import Literal

DspSlice = Literal["DSP48E1", "DSP48E2"]

MULTIPLIER_BITS: dict[DspSlice, int] = {"DSP48E1": 25, "DSP48E2": 27}
"""Of the wide operand; the other has 18 bits (UG479, 7 series; UG579, UltraScale)."""

MOST_SHIFT = 18
"""Two weights of 8 bits could stand 19 bits apart on a DSP48E2, and a cascade hold 16 terms, not
8. It takes no fewer LUTs (`python -m tests.bench luts`: the operands are delayed for longer), and
the pipeline is 8 cycles deeper."""

LEAST_INT8 = -128


@dataclass(frozen=True)
class Packing:
    """Two weights in one operand of `operand_bits`, `shift_bits` apart; `terms` products of such a
    word add up along a cascade of slices before the sum is split into two
    (`hls/hwmap/multiply.hpp`)."""

    operand_bits: int
    shift_bits: int
    terms: int


def packing(dsp_slice: DspSlice, least_weight: int) -> Packing:
    """How weights in [least_weight, -least_weight] (or up to 127) are packed, and multiplied with
    int8.

    The word w1 * 2^shift + w0 must fit the operand, and the sum of w0 * x the low `shift` bits. A
    weight of -128 costs a term (DSP48E2), or all but one (DSP48E1, whose operand then has room for
    a shift of 16 only).
    """
    operand = MULTIPLIER_BITS[dsp_slice]
    largest = -least_weight
    shift = MOST_SHIFT
    while largest * (2**shift + 1) > 2 ** (operand - 1):
        shift -= 1
    return Packing(operand, shift, (2 ** (shift - 1) - 1) // (largest * -LEAST_INT8))
