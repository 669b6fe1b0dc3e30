"""LUTs of what streaming kernels are made of; sizes are numbers or arrays of numbers.

Each function says what yosys counts for the block of that name in Verilog
(`tests/bench/verilog/streaming.v`, `python -m tests.bench luts`), with a register behind every
operation as an HLS tool would schedule it.
"""

from typing import Any

import numpy as np

LOADER = 36
"""What takes the words of a kernel from the chain of weights."""


def window(banks: Any, memory_words: Any, padded: Any) -> Any:
    """What drives a kernel with windows: images and trips, two paces, the loops, the addresses of
    `banks` row memories, padding, and the words of weights and channels."""
    address_bits = np.log2(np.maximum(memory_words, 2))
    return 100 + 12.5 * address_bits + 25 * padded + 8 * (banks - 1)


def rotation(banks: Any, bits: Any, padded: Any) -> Any:
    """The selection of `bits` from as many banks, turned by powers of two. A LUT has room for two
    turns, or for one and padding (UG474: six inputs)."""
    turns = np.ceil(np.log2(banks))
    alone = np.select([turns == 0, turns <= 2], [0, 1], turns - 0.5)
    beside = np.select([turns <= 1, turns == 2], [1, 2], turns - 0.5)
    return bits * np.where(padded, beside, alone)


def requantizer(sum_bits: Any, most_shift: Any) -> Any:
    """A requantizer (`hls/hwmap/requantize.hpp`)."""
    return 68 + 3.4 * sum_bits + 2.9 * most_shift


def gearbox(units_in: Any, units_out: Any, unit_bits: Any) -> Any:
    """A change of lanes: from words of `units_in` to words of `units_out`, each of `unit_bits`."""
    held = units_in + units_out
    narrows, widens = units_in % units_out == 0, units_out % units_in == 0
    crosses = units_out + np.minimum(units_in / 2, 2.6) * held
    units = np.select([narrows, widens], [2 * units_in - units_out, held], crosses)
    return 60 + unit_bits * units
