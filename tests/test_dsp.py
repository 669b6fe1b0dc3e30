"""How two weights share a DSP slice: what fits its operand, and the sum of a cascade."""

import pytest

from hwmap.dsp import MULTIPLIER_BITS, Packing, packing


@pytest.mark.parametrize(
    ("dsp_slice", "least", "expected"),
    [
        ("DSP48E1", -127, Packing(25, 17, 4)),
        ("DSP48E2", -127, Packing(27, 18, 8)),
        ("DSP48E2", -128, Packing(27, 18, 7)),
        # -128 * 2^17 - 128 needs 26 bits: there is room for a shift of 16 only.
        ("DSP48E1", -128, Packing(25, 16, 1)),
    ],
)
def test_as_many_terms_as_the_slice_holds(dsp_slice, least: int, expected: Packing):
    found = packing(dsp_slice, least)

    assert found == expected
    word = least * 2**found.shift_bits + least
    assert word >= -(2 ** (MULTIPLIER_BITS[dsp_slice] - 1))
    assert found.terms * least * -128 < 2 ** (found.shift_bits - 1)
