"""The memories of the engine: from words to widths and depths."""

from hwmap.blocks import Memory
from hwmap.sequential.engine import Engine
from hwmap.sequential.layout import WORD_BYTES

PROGRAM_FIFO_WORDS = 64
"""Depth of the FIFOs from DRAM: longer than a burst's setup, so that a burst never pauses."""

WORD_BITS = 8 * WORD_BYTES


def memories(engine: Engine, arena_words: int, constant_words: int) -> tuple[Memory, ...]:
    """All memories of an engine: the arena (a bank per word that it reads at once) and constants (a
    bank per 8 bytes of the port).

    What LUTs hold (sums, a table, pointers, FIFOs) is counted with the logic.
    """
    rows = arena_rows(engine, arena_words)
    port_banks = engine.port_bytes // WORD_BYTES
    return (
        Memory("arena", engine.banks, WORD_BITS, rows),
        Memory("constants", port_banks, WORD_BITS, constant_words),
    )


def arena_rows(engine: Engine, arena_words: int) -> int:
    """Rows of words that hold the arena: one more at either end, because a read may begin before
    the first word that it wants, and end after the last."""
    return -(-arena_words // engine.banks) + 2
