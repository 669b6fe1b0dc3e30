"""LUTs and flip-flops of the engine: a sum of blocks, each with a model (`hwmap/logic.py`).

Blocks that the models do not have yet are judged here from what they are made of: a LUT holds a
4 : 1 multiplexer of one bit, or 64 bits of memory (UG474, UG574).
"""

from functools import cache
from math import ceil, log2

from hwmap.dsp import DspSlice, packing
from hwmap.files.words import CHANNEL_BYTES
from hwmap.logic import Block, Logic
from hwmap.sequential.engine import Engine
from hwmap.sequential.geometry import TAPS
from hwmap.sequential.layout import MOST_PACKED, WORD_BYTES
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
    """The blocks with models: the array, requantizers, command FIFOs."""
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
    )


def _judged(engine: Engine) -> Logic:
    """What no model is there for."""
    word_bits = 8 * WORD_BYTES
    block, banks = engine.block, engine.banks
    stages = ceil(log2(banks) / 2) if banks > 1 else 0
    # Two halves of 32-bit sums: 6 bits of 32 words take 4 LUTs, 3 bits of 64 words too.
    memory = 2 * ceil(SUM_BITS / (6 if engine.stripe <= 32 else 3)) * 4 + SUM_BITS
    slices = ceil((SUM_BITS + 8 * CHANNEL_BYTES) * (block - engine.requant_lanes) / 3)
    # A lane selects a factor of 22 bits and a column for each multiplication, and adds or compares.
    lanes = engine.vector_lanes * (TAPS * 40 + SUM_BITS + 24)
    rotators = 2 * word_bits * banks * stages + word_bits * banks // 2
    weights = max(engine.pe * engine.simd, TAPS * engine.vector_lanes)
    table = engine.requant_lanes * 40
    # A byte of a pixel that is unpacked is one of five of the stream's: 2 LUTs for each bit.
    unpacking = banks * MOST_PACKED * 16
    pointers = 2 * 24 * MOST_ROWS // 64
    # From DRAM to the engine and the two walks: 7 bits of 64 words take 8 LUTs.
    fifos = 3 * ceil(8 * engine.bus_bytes / 7) * 8 * PROGRAM_FIFO_WORDS // 64
    luts = block * memory + slices + lanes + rotators + table + unpacking + pointers + fifos
    registers = 2 * 8 * weights + 2 * 8 * CHANNEL_BYTES * block + 3 * 8 * ROW_BYTES
    registers += engine.vector_lanes * (TAPS * 40 + 64) + 3 * word_bits * banks
    return Logic(luts, registers)


@cache
def engine_logic(engine: Engine, dsp_slice: DspSlice) -> Logic:
    """What an engine takes."""
    blocks = (block.logic for block in engine_blocks(engine, dsp_slice))
    shell = SHELL + SPILL_PORT if engine.spills else SHELL
    return sum(blocks, shell + WALK.times(2) + _judged(engine))
