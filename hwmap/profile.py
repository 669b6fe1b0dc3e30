"""What a design does with its time and its memory, in a form that any page can show."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """From the first to the last cycle in which a kernel, or a step, works on the first image;
    `fetches` are the cycles in which DRAM is busy meanwhile."""

    name: str
    start_cycle: int
    end_cycle: int
    fetches: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Fill:
    """How much of a FIFO, or of an arena at a step, is used: bytes of so many."""

    name: str
    used_bytes: int
    size_bytes: int


@dataclass(frozen=True)
class Profile:
    """A table of layers (columns, and rows of as many cells), the spans of kernels or steps, and
    what `fills` are of: FIFOs, or the arena over time. `notes` are lines to go with them."""

    columns: tuple[str, ...]
    layers: tuple[tuple[str, ...], ...]
    spans: tuple[Span, ...]
    filled: str
    fills: tuple[Fill, ...]
    latency_cycles: int
    notes: tuple[str, ...] = ()
