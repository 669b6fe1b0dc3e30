"""LUTs and flip-flops of what streaming kernels are made of; sizes are numbers or arrays of them.

Each function says what yosys counts for the block of that name in Verilog
(`tests/bench/verilog/streaming.v`, `python -m tests.bench luts`), with a register behind every
operation as an HLS tool would schedule it.
"""

from typing import Any, NamedTuple

import numpy as np


class Gates(NamedTuple):
    """Numbers or arrays of numbers."""

    lut: Any
    ff: Any


def loader(weight_bytes: Any, results: Any) -> Gates:
    """What takes the words of a kernel from the chain of weights: it holds the numbers, a word of
    weights, and the constants of as many results."""
    return Gates(36, 338 + 8 * weight_bytes + 64 * results)


def window(banks: Any, memory_words: Any, padded: Any) -> Gates:
    """What drives a kernel with windows: images and trips, two paces, the loops, the addresses of
    `banks` row memories, padding, and the words of weights and channels."""
    address_bits = np.log2(np.maximum(memory_words, 2))
    luts = 100 + 12.5 * address_bits + 25 * padded + 8 * (banks - 1)
    return Gates(luts, 0.95 * luts)


def rotation(banks: Any, bits: Any, padded: Any) -> Gates:
    """The selection of `bits` from as many banks, turned by powers of two. A LUT has room for two
    turns, or for one and padding (UG474: six inputs); there is a register between two such layers,
    but one only behind more turns."""
    turns = np.ceil(np.log2(banks))
    alone = np.select([turns == 0, turns <= 2], [0, 1], turns - 0.5)
    beside = np.select([turns <= 1, turns == 2], [1, 2], turns - 0.5)
    layers = np.where(padded, beside, alone)
    return Gates(bits * layers, bits * np.where(turns > 2, 1, layers))


def requantizer(sum_bits: Any, most_shift: Any) -> Gates:
    """A requantizer (`hls/hwmap/requantize.hpp`): its product is of one slice, or of two."""
    return Gates(
        68 + 3.4 * sum_bits + 2.9 * most_shift, np.where(np.asarray(sum_bits) <= 25, 45, 110)
    )


def shifter(sum_bits: Any, most_shift: Any) -> Gates:
    """The same without a multiplication: scales are powers of two."""
    return Gates(22 + 4.9 * sum_bits + 1.75 * most_shift, 49 + sum_bits)


def shifted_sum(places: Any) -> Gates:
    """The sum of two values, each shifted by up to so many places."""
    return Gates(58 + 5.9 * places, 59 + 4.25 * places)


def gearbox(units_in: Any, units_out: Any, unit_bits: Any) -> Gates:
    """A change of lanes: from words of `units_in` to words of `units_out`, each of `unit_bits`. It
    holds units of both, and, but for a word that is taken apart, the word that is written."""
    held = units_in + units_out
    narrows, widens = units_in % units_out == 0, units_out % units_in == 0
    crosses = units_out + np.minimum(units_in / 2, 2.6) * held
    units = np.select([narrows, widens], [2 * units_in - units_out, held], crosses)
    registers = held + np.where(narrows, 0, units_out)
    return Gates(60 + unit_bits * units, 40 + unit_bits * registers)
