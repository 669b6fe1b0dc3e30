"""LUTs and flip-flops of the engine: a sum of blocks, each with a model (`hwmap/logic.py`).

Blocks that the models do not have yet are judged here from what they are made of: a LUT holds a
4 : 1 multiplexer of one bit, or 64 bits of memory (UG474, UG574).
"""

from functools import cache
from math import ceil

from hwmap.dsp import DspSlice, packing
from hwmap.files.words import CHANNEL_BYTES
from hwmap.logic import Block, Logic
from hwmap.sequential.engine import Engine
from hwmap.sequential.geometry import TAPS
from hwmap.sequential.layout import WORD_BYTES
from hwmap.sequential.memory import PROGRAM_FIFO_WORDS
from hwmap.sequential.program import MOST_ROWS, ROW_BYTES

SUM_BITS = 32
MOST_SHIFT = 47
COMMAND_BITS = 110
WALK = Logic(1500, 1200)
"""A walk of addresses, its pointers' memory beside: a dozen counters and adders of 12 to 24 bits.
A judgement."""
SHELL = Logic(3500, 4500)
"""AXI adapters (a burst master and its buffer, two streams, one for registers), the parsing of rows
in three processes, and the control of four. A judgement: no synthesis report is behind it."""
SPILL_PORT = Logic(1500, 1500)
"""Another burst master, with a buffer for either direction: 256 words of 8 bytes take 320 LUTs in
memories of 7 bits by 64 words. A judgement."""


def engine_blocks(engine: Engine, dsp_slice: DspSlice) -> tuple[Block, ...]:
    """The blocks with models: all but what `_judged` adds."""
    packed = packing(dsp_slice, engine.least_weight)
    array = {
        "pe": engine.pe,
        "simd": engine.simd,
        "terms": min(packed.terms, engine.simd),
        "shift_bits": packed.shift_bits,
        "sum_bits": SUM_BITS,
    }
    return (
        Block("matrix", array),
        Block(
            "requantizer", {"sum_bits": SUM_BITS, "most_shift": MOST_SHIFT}, engine.requant_lanes
        ),
        Block("fifo", {"bits": COMMAND_BITS}, 2),
        Block("sums", {"words": engine.stripe}, engine.block),
        Block("selection", {"channels": engine.block, "results": engine.requant_lanes}),
        Block("lane", {"taps": TAPS}, engine.vector_lanes),
        # What is read and written in a trip, and what comes from the input.
        Block("rotator", {"banks": engine.banks}, 3),
        Block("unpacker", {"banks": engine.banks, "bus_bytes": engine.bus_bytes}),
    )


def _judged(engine: Engine) -> Logic:
    """What no model is there for."""
    word_bits = 8 * WORD_BYTES
    block, banks = engine.block, engine.banks
    # What leaves for the bus is one of all banks, what comes from DRAM goes to any of them.
    beat_bits = 8 * engine.bus_bytes
    moved = (1 + engine.spills) * beat_bits * ceil(banks / 4) + engine.spills * word_bits * banks
    padding = word_bits * banks // 2
    weights = max(engine.pe * engine.simd, TAPS * engine.vector_lanes)
    table = engine.requant_lanes * 40
    pointers = 2 * 24 * MOST_ROWS // 64
    # From DRAM to the engine and the two walks: 7 bits of 64 words take 8 LUTs.
    fifos = 3 * ceil(8 * engine.bus_bytes / 7) * 8 * PROGRAM_FIFO_WORDS // 64
    luts = moved + padding + table + pointers + fifos
    registers = 2 * 8 * weights + 2 * 8 * CHANNEL_BYTES * block + 3 * 8 * ROW_BYTES
    registers += 2 * word_bits * banks
    return Logic(luts, registers)


@cache
def engine_logic(engine: Engine, dsp_slice: DspSlice) -> Logic:
    """What an engine takes."""
    blocks = (block.logic for block in engine_blocks(engine, dsp_slice))
    shell = SHELL + SPILL_PORT if engine.spills else SHELL
    return sum(blocks, shell + WALK.times(2) + _judged(engine))
