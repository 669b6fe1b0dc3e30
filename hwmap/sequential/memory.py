"""The memories of the engine: from bytes and words to widths and depths."""

from dataclasses import dataclass

from hwmap.blocks import Memory
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Lookup
from hwmap.sequential.engine import FETCH_FIFO_WORDS, Engine

TABLE_ENTRIES = 256


@dataclass(frozen=True)
class EngineMemory:
    """The sizes that a plan decides: bytes of the arena, words of the constant memories."""

    arena_bytes: int
    weight_words: int
    channel_words: int

    def arena_rows(self, engine: Engine) -> int:
        """Rows of `arena_lanes` bytes that hold the arena: one more at either end, because an
        unaligned read may begin before the first byte and end after the last."""
        return -(-self.arena_bytes // engine.arena_lanes) + 2

    def memories(self, engine: Engine, tables: int) -> tuple[Memory, ...]:
        """All memories of an engine: the arena (a memory per lane), constants (a memory per bus
        word of a word), the FIFO from DRAM, and `tables` lookup tables (a copy per result lane)."""
        lanes, bus = engine.arena_lanes, engine.bus_bytes
        return (
            Memory("arena", lanes, 8, self.arena_rows(engine)),
            Memory("weights", engine.weight_word_bytes // bus, 8 * bus, self.weight_words),
            Memory("channels", engine.channel_word_bytes // bus, 8 * bus, self.channel_words),
            Memory("fetch FIFO", 1, 8 * bus, FETCH_FIFO_WORDS, block_ram_only=True),
            Memory("tables", engine.requant_lanes, 8, TABLE_ENTRIES * tables, block_ram_only=True),
        )


def count_tables(graph: Graph) -> int:
    """The tables that the lookups of a graph need."""
    return sum(isinstance(op, Lookup) for op in graph.ops)
