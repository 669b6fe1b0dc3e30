"""Block RAM: what a memory takes, and whether memories fit a board.

A BRAM18 with one read and one write port is 512 x 36, 1024 x 18, 2048 x 9, 4096 x 4, 8192 x 2 or
16384 x 1 bits (UG473, UG573: simple dual port); a URAM is 4096 x 72 (UG573).
"""

from dataclasses import dataclass
from itertools import combinations

BRAM18_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
URAM_SHAPE = (4096, 72)


@dataclass(frozen=True)
class Memory:
    """`copies` memories side by side, each `depth` words of `width_bits`.

    `block_ram_only`: one with initial contents, which a URAM of UltraScale+ cannot have (UG573), or
    a FIFO.
    """

    name: str
    copies: int
    width_bits: int
    depth: int
    block_ram_only: bool = False

    @property
    def size_bytes(self) -> int:
        """Bytes of storage."""
        return self.copies * self.width_bits * self.depth // 8

    @property
    def bram18(self) -> int:
        """BRAM18 blocks, in the best of their shapes."""
        return self.copies * min(_blocks(self, shape) for shape in BRAM18_SHAPES)

    @property
    def uram(self) -> int:
        """URAM blocks, if it were put there."""
        return self.copies * _blocks(self, URAM_SHAPE)


@dataclass(frozen=True)
class BlockUse:
    """Block RAMs taken by some memories, and the names of those that are in URAM."""

    bram18: int
    uram: int
    in_uram: tuple[str, ...]


def blocks_used(memories: tuple[Memory, ...], in_uram: tuple[str, ...]) -> BlockUse:
    """What the memories take, those named in `in_uram` in URAM and the others in block RAM."""
    return BlockUse(
        sum(memory.bram18 for memory in memories if memory.name not in in_uram),
        sum(memory.uram for memory in memories if memory.name in in_uram),
        in_uram,
    )


def place(memories: tuple[Memory, ...], *, bram18: int, uram: int) -> BlockUse | None:
    """Where the memories go on a board with so many blocks: as few as possible in URAM. None if
    they do not fit."""
    movable = [memory for memory in memories if not memory.block_ram_only]
    for count in range(len(movable) + 1):
        for moved in combinations(movable, count):
            use = blocks_used(memories, tuple(sorted(memory.name for memory in moved)))
            if use.bram18 <= bram18 and use.uram <= uram:
                return use
    return None


def _blocks(memory: Memory, shape: tuple[int, int]) -> int:
    depth, width = shape
    return -(-memory.depth // depth) * -(-memory.width_bits // width)
