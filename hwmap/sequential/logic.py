"""LUTs and flip-flops of the engine: a sum of blocks, each with a model (`hwmap/logic.py`).

The widths of registers are known when a network has been quantized; a plan is made before, and
takes the widest that a network can want.
"""

from functools import cache

from hwmap.dsp import DspSlice, packing
from hwmap.files.words import CHANNEL_BYTES
from hwmap.ir.requantize import MAX_SHIFT
from hwmap.logic import Block, Logic
from hwmap.sequential.engine import Engine

SUM_BITS = 32
ADDRESS_BITS = 20
COUNT_BITS = 12
COMMAND_BITS = 110
LOOPS = 4
"""Loops that fetch constants beside what they do: resident constants, load, compute, store."""

STEP_TABLE = Logic(700, 0)
"""The table of steps: about 700 bits of a row are not the same in all; a LUT each, for up to 64."""

SHELL = Logic(2500, 3500)
"""AXI adapters (a burst master, two streams, one for registers) and the control of three processes.
A judgement: no synthesis report is behind it."""


def engine_blocks(
    engine: Engine, dsp_slice: DspSlice, least_weight: int = -127
) -> tuple[Block, ...]:
    """The blocks of an engine for weights from `least_weight` on, but for the table of steps and
    the shell."""
    lanes, bus, results = engine.arena_lanes, engine.bus_bytes, engine.requant_lanes
    packed = packing(dsp_slice, least_weight)
    array = {
        "pe": engine.pe,
        "simd": engine.simd,
        "terms": min(packed.terms, engine.simd),
        "shift_bits": packed.shift_bits,
    }
    slices = engine.weight_word_bytes // engine.vector_lanes
    parts = max(engine.weight_word_bytes, CHANNEL_BYTES * results) // bus
    block = max(engine.pe, engine.vector_lanes)
    sums = {"sum_bits": SUM_BITS}
    return (
        Block("matrix", array | sums),
        Block("lane", {"slices": slices, **sums}, engine.vector_lanes),
        Block("requantizer", {**sums, "most_shift": MAX_SHIFT}, results),
        Block("block_register", {"block": block, **sums}),
        Block("read_rotator", {"lanes": lanes}),
        Block("write_rotator", {"lanes": lanes, "count": results}),
        # The input's bytes, and the output's.
        Block("write_rotator", {"lanes": lanes, "count": bus}, 2),
        Block("walker", {"count_bits": COUNT_BITS, "address_bits": ADDRESS_BITS}),
        Block("fifo", {"bits": COMMAND_BITS}),
        Block("fetcher", {"address_bits": ADDRESS_BITS, "parts": parts}, LOOPS),
    )


@cache
def engine_logic(engine: Engine, dsp_slice: DspSlice, least_weight: int = -127) -> Logic:
    """What an engine takes."""
    blocks = (block.logic for block in engine_blocks(engine, dsp_slice, least_weight))
    return sum(blocks, STEP_TABLE + SHELL)
