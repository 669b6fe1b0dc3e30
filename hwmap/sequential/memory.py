"""The memories of the engine: from bytes and words to widths and depths."""

from hwmap.blocks import Memory
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Lookup
from hwmap.sequential.engine import FETCH_FIFO_WORDS, Engine

TABLE_ENTRIES = 256


def engine_memories(
    engine: Engine, *, arena_bytes: int, weight_words: int, channel_words: int, tables: int
) -> tuple[Memory, ...]:
    """The memories of an engine: the arena (a memory per lane), constants (a memory per bus word
    of a word), the FIFO from DRAM, and the tables of its lookups (a copy per result lane)."""
    lanes, bus = engine.arena_lanes, engine.bus_bytes
    return (
        Memory("arena", lanes, 8, arena_rows(arena_bytes, engine)),
        Memory("weights", engine.weight_word_bytes // bus, 8 * bus, weight_words),
        Memory("channels", engine.channel_word_bytes // bus, 8 * bus, channel_words),
        Memory("fetch FIFO", 1, 8 * bus, FETCH_FIFO_WORDS),
        Memory("tables", engine.requant_lanes, 8, TABLE_ENTRIES * tables),
    )


def count_tables(graph: Graph) -> int:
    """The tables that the lookups of a graph need."""
    return sum(isinstance(op, Lookup) for op in graph.ops)


def arena_rows(arena_bytes: int, engine: Engine) -> int:
    """Rows of `arena_lanes` bytes that hold `arena_bytes`: one more at either end, because an
    unaligned read may begin before the first byte and end after the last."""
    return -(-arena_bytes // engine.arena_lanes) + 2
