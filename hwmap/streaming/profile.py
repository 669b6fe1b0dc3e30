"""A streaming design as layers, spans of kernels and fills of FIFOs."""

from hwmap.board import Board
from hwmap.ir.graph import Graph
from hwmap.profile import Fill, Profile, Span
from hwmap.solve.answer import with_method
from hwmap.streaming.depths import image_ends
from hwmap.streaming.design.types import Design
from hwmap.streaming.plan import Plan
from hwmap.streaming.summary import kernel_uses
from hwmap.streaming.timing import peaks, time

IMAGES = 2
COLUMNS = ("kernel", "layer", "PE", "SIMD", "pixels", "cycles", "DSP", "LUT", "BRAM18", "URAM")


def profile_of(plan: Plan, design: Design, graph: Graph, board: Board) -> Profile:
    """The profile of a design; `graph` is its integer graph."""
    network = design.network
    timing = time(network, design.depths, IMAGES)
    spans = []
    for kernel in network.kernels:
        events = [timing.read[stream] for stream in kernel.reads]
        events += [timing.written[stream] for stream in kernel.writes]
        counts = [len(cycles) // IMAGES for cycles in events]
        start = min(int(cycles[0]) for cycles in events)
        end = max(int(cycles[count - 1]) for cycles, count in zip(events, counts, strict=True))
        spans.append(Span(f"{kernel.name} {kernel.source}", start, end))
    fills = tuple(
        Fill(f"{stream.name} {stream.tensor}", peak * width, depth * width)
        for stream, peak, depth in zip(network.streams, peaks(timing), design.depths, strict=True)
        for width in (stream.layout.word_bytes,)
    )
    layers = tuple(
        (
            use.name,
            with_method(use.source, plan.choices),
            *(f"{value:,}" for value in (use.pe, use.simd, use.pixels, use.trips, use.dsp, use.lut,
                                         use.bram18, use.uram)),
        )
        for use in kernel_uses(design, graph, board)
    )  # fmt: skip
    return Profile(COLUMNS, layers, tuple(spans), "FIFOs", fills, image_ends(network, timing)[0])
