"""Cycles, multipliers and memory words of the sequential engine.

One loop at II = 1, which runs once per sweep (see `sweeps.py`). A block is the part of a
pixel's output channels that is computed together: PE of them on the matrix array, `vector_lanes`
on the vector lanes. A block takes one trip per word of its dot product, and its results leave at
`requant_lanes` per trip while the next block is computed:

    trips = H_out * W_out * groups * blocks * max(words, drains) + drains

    matrix:  words  = kernel_rows * runs * ceil(run_bytes / SIMD)
             blocks = ceil(C_out / groups / PE)              drains = PE / requant_lanes
    vector:  words  = kernel_rows * runs
             blocks = ceil(C / vector_lanes)                 drains = vector_lanes / requant_lanes
"""

from dataclasses import dataclass

from hwmap.files.words import CHANNEL_BYTES
from hwmap.ir.graph import Graph
from hwmap.ir.ops import HardwareOp, Weighted
from hwmap.sequential.geometry import Sweep, Window
from hwmap.sequential.sweeps import is_matrix, sweeps_of

FETCH_FIFO_WORDS = 64
"""Depth of the FIFO from DRAM: longer than a burst's setup, so that a burst never pauses."""

DRAM_LATENCY_CYCLES = 60
"""From the first request to the first word. An assumption of the simulation (a read of a DDR
controller behind an AXI port takes 30-60 cycles at 100-300 MHz); seen once per image,
which begins when the first word is there."""

COMMAND_FIFO_WORDS = 16
"""Depth of the FIFO from the address walk to the engine."""

WALK_OVERHEAD_CYCLES = 4
"""Cycles of the address walk besides its trips, for each step. Fewer than the engine's, so that a
command is always there when the engine wants it."""

CASCADE_TERMS = 8
"""Slices in the longest cascade that is built (`dsp.packing`)."""

MOST_SIDE = 128
"""Largest PE, SIMD and number of lanes: wider arrays do not route at the boards' clocks."""

DSP_PER_REQUANT = 2
"""A 32 x 17 bit product takes two slices, 25 x 18 (UG479, 7 series) or 27 x 18 (UG579)."""


@dataclass(frozen=True)
class Engine:
    """The size of the engine; every field is a power of two.

    `pe` output channels times `simd` dot-product terms per cycle on the matrix array,
    `vector_lanes` channels per cycle on the vector lanes, `requant_lanes` results per cycle,
    `bus_bytes` per cycle from DRAM and on the input and output streams.
    """

    pe: int
    simd: int
    vector_lanes: int
    requant_lanes: int
    bus_bytes: int

    @property
    def arena_lanes(self) -> int:
        """Bytes that the arena reads, and writes, per cycle."""
        return max(self.simd, self.vector_lanes, self.requant_lanes, self.bus_bytes)

    @property
    def weight_word_bytes(self) -> int:
        """Width of the weight memory: a weight for every multiplier of the matrix array."""
        return self.pe * self.simd

    @property
    def channel_word_bytes(self) -> int:
        """Width of the channel memory."""
        return CHANNEL_BYTES * self.requant_lanes

    @property
    def multipliers(self) -> int:
        """Multipliers of the matrix array and the vector lanes."""
        return self.pe * self.simd + self.vector_lanes

    @property
    def dsp(self) -> int:
        """DSP slices: one for two multipliers of the matrix array that share an activation (see
        `hls/hwmap/multiply.hpp`), one per vector lane, and those of the requantizer."""
        matrix = -(-self.pe // 2) * self.simd
        return matrix + self.vector_lanes + DSP_PER_REQUANT * self.requant_lanes

    @property
    def step_overhead_cycles(self) -> int:
        """Cycles of a sweep besides its trips: the pipeline fills once per sweep.

        A sum of the stages of the datapath, to be replaced by the depth that synthesis reports:
        step decode 4, command 1, arena read 2, rotate 2, multiply 3, cascade min(SIMD, 8), split 1,
        adder tree log2(SIMD / 4), accumulate 1, requantize 5, rotate 1, arena write 1.
        """
        tree = max(self.simd // 4, 1).bit_length() - 1
        return 21 + min(self.simd, CASCADE_TERMS) + tree


def widest_bus(pe: int, simd: int, requant_lanes: int, port_bytes: int) -> int:
    """Bytes per cycle from DRAM: the board's port, or a word of the narrower constant memory."""
    return min(port_bytes, pe * simd, CHANNEL_BYTES * requant_lanes)


def engine_problem(engine: Engine, port_bytes: int) -> str | None:
    """Why `engine` is not one that hwmap builds for a board with such a DRAM port, or None."""
    for name, size in vars(engine).items():
        if size < 1 or size & (size - 1) or size > MOST_SIDE:
            return f"{name}={size}; expected a power of two up to {MOST_SIDE}"
    if engine.requant_lanes > min(engine.pe, engine.vector_lanes):
        return f"requant_lanes={engine.requant_lanes}; expected at most PE and the vector lanes"
    if engine.vector_lanes > engine.weight_word_bytes:
        return f"vector_lanes={engine.vector_lanes}; expected at most PE * SIMD"
    bus = widest_bus(engine.pe, engine.simd, engine.requant_lanes, port_bytes)
    if engine.bus_bytes != bus:
        return f"bus_bytes={engine.bus_bytes}; expected {bus}"
    return None


@dataclass(frozen=True)
class SweepCost:
    """One sweep on an engine. `words` and `blocks` are those of the formula."""

    words: int
    blocks: int
    drains: int
    trips: int
    weight_words: int
    channel_words: int

    @property
    def period(self) -> int:
        """Trips per block."""
        return max(self.words, self.drains)


@dataclass(frozen=True)
class OpCost:
    """What one run of an op takes on an engine: the trips of its last sweep, `lead_cycles` for all
    sweeps before it, the words of its constants on chip, and on the bus to bring them there."""

    trips: int
    lead_cycles: int
    weight_words: int
    channel_words: int
    fetch_words: int


@dataclass(frozen=True)
class OpShape:
    """All that an op's cost depends on: equal shapes cost the same."""

    sweeps: tuple[Sweep, ...]
    matrix: bool
    constants: bool
    channels: int


def shape_of(op: HardwareOp, graph: Graph) -> OpShape:
    """The cost-relevant part of `op`."""
    matrix, constants = is_matrix(op, graph), isinstance(op, Weighted)
    return OpShape(sweeps_of(op, graph), matrix, constants, graph.shape(op.output)[0])


def op_cost(op: HardwareOp, graph: Graph, engine: Engine) -> OpCost:
    """The cost of `op` on `engine`."""
    return shape_cost(shape_of(op, graph), engine)


def shape_cost(shape: OpShape, engine: Engine) -> OpCost:
    """The cost of any op of this shape."""
    costs = [sweep_cost(sweep, shape, engine) for sweep in shape.sweeps]
    lead = sum(engine.step_overhead_cycles + cost.trips for cost in costs[:-1])
    trips = costs[-1].trips
    if not shape.constants:
        return OpCost(trips, lead, 0, 0, 0)
    weight_words = sum(cost.weight_words for cost in costs)
    channel_words = sum(cost.channel_words for cost in costs)
    fetched = weight_words * engine.weight_word_bytes + channel_words * engine.channel_word_bytes
    return OpCost(trips, lead, weight_words, channel_words, fetched // engine.bus_bytes)


def sweep_cost(sweep: Sweep, shape: OpShape, engine: Engine) -> SweepCost:
    """The cost of one sweep of an op of `shape`."""
    window, target = sweep.window, sweep.destination
    if shape.matrix:
        words = window.kernel_rows * window.runs * run_words(window, engine)
        blocks = _ceil_div(target.channels // window.groups, engine.pe)
        drains = engine.pe // engine.requant_lanes
        weight_words = window.groups * blocks * words
    else:
        words = window.kernel_rows * window.runs
        blocks = _ceil_div(target.channels, engine.vector_lanes)
        drains = engine.vector_lanes // engine.requant_lanes
        slices = engine.weight_word_bytes // engine.vector_lanes
        weight_words = _ceil_div(blocks * words, slices)
    pixels = target.rows * target.columns
    trips = pixels * window.groups * blocks * max(words, drains) + drains
    channel_words = window.groups * blocks * drains
    return SweepCost(words, blocks, drains, trips, weight_words, channel_words)


def run_words(window: Window, engine: Engine) -> int:
    """Matrix array: words of SIMD bytes that cover one run."""
    return _ceil_div(window.run_bytes, engine.simd)


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)
