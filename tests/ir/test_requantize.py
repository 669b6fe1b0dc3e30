"""One definition of rounding, in Python and in C++."""

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwmap.errors import ModelError
from hwmap.ir.requantize import MAX_SHIFT, multiplier_and_shift, rescale

HLS = Path(__file__).resolve().parents[2] / "hls"

accumulators = st.integers(-(2**31), 2**31 - 1)
multipliers = st.integers(0, 2**17 - 1)
shifts = st.integers(0, MAX_SHIFT)


@given(accumulators, multipliers, shifts)
def test_rescale_rounds_halves_to_even_exactly(accumulator: int, multiplier: int, shift: int):
    exact = Fraction(accumulator * multiplier, 2**shift)

    result = rescale(np.array([accumulator]), np.array([multiplier]), np.array([shift]))

    assert result[0] == round(exact)


@given(st.floats(2**-30, 2**17 - 2))
def test_a_ratio_is_met_to_sixteen_bits(ratio: float):
    multiplier, shift = multiplier_and_shift(ratio)

    assert 2**16 <= multiplier < 2**17 or shift == MAX_SHIFT
    assert abs(multiplier * 2.0**-shift / ratio - 1) <= 2**-17


def test_a_ratio_of_zero_gives_zero():
    assert multiplier_and_shift(0.0) == (0, 0)


def test_a_ratio_too_large_for_the_requantizer_is_refused():
    with pytest.raises(ModelError, match="does not fit the requantizer; expected less than 131072"):
        multiplier_and_shift(2.0**17)


PROGRAM = """
#include <cstdio>
#include "hwmap/requantize.hpp"
int main() {
  long a, m, s, z, l, h;
  while (std::scanf("%ld %ld %ld %ld %ld %ld", &a, &m, &s, &z, &l, &h) == 6)
    std::printf("%d\\n", hwmap::Requantize<32, 47>(a, m, s, z, l, h));
}
"""


def test_python_and_cpp_requantize_alike(tmp_path: Path):
    rng = np.random.default_rng(0)
    count = 20_000
    scale = 2.0 ** rng.uniform(0, 31, count)
    accumulator = np.clip(rng.uniform(-1, 1, count) * scale, -(2**31), 2**31 - 1).astype(np.int64)
    accumulator[-4:] = [-(2**31), 2**31 - 1, 0, -1]
    multiplier = rng.integers(0, 2**17, count)
    shift = rng.integers(0, MAX_SHIFT + 1, count)
    # Ties: a small accumulator, halved a few times.
    accumulator[: count // 4] = rng.integers(-500, 500, count // 4)
    multiplier[: count // 4] = rng.integers(0, 4, count // 4)
    shift[: count // 4] = rng.integers(0, 4, count // 4)
    zero = rng.integers(-128, 128, count)
    low = rng.integers(-128, 0, count)
    high = rng.integers(0, 128, count)
    source = tmp_path / "main.cpp"
    source.write_text(PROGRAM, "utf-8")
    binary = tmp_path / "main"
    compiler = ["g++", "-std=c++14", "-Wno-unknown-pragmas", f"-I{HLS}", str(source)]
    subprocess.run([*compiler, "-o", str(binary)], check=True)
    rows = np.stack([accumulator, multiplier, shift, zero, low, high], axis=1)
    text = "\n".join(" ".join(map(str, row)) for row in rows)

    printed = subprocess.run([binary], input=text, capture_output=True, text=True, check=True)

    expected = np.clip(rescale(accumulator, multiplier, shift) + zero, low, high)
    assert np.array_equal(np.array(printed.stdout.split(), np.int64), expected)
