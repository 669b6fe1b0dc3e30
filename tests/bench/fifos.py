"""How far the depths of FIFOs are from the least ones.

The deep FIFOs of a plan (those of more than the least depth, but for what comes from DRAM), the
largest first, are made as shallow as they can be one by one without an image taking longer: then
one word less in any of them costs throughput, or is a deadlock. `could go` is the part of their
bytes that this saves, `runs` of the clockwork it takes.
"""

import time
from collections.abc import Iterator, Sequence

from hwmap.board import budget_of, load_board
from hwmap.compiler import load_source
from hwmap.decompose.candidates import dense_candidates
from hwmap.errors import DeadlockError, SimulationError
from hwmap.progress import quiet
from hwmap.solve.settings import Settings
from hwmap.streaming.depths import steady_cycles
from hwmap.streaming.network import Network, build_network
from hwmap.streaming.solve import solve
from hwmap.streaming.units import LEAST_DEPTH, Feed
from tests.networks import SHARED

CASES = (
    ("resnet8_cifar10", "pynq-z2"),
    ("dscnn_kws", "pynq-z2"),
    ("mobilenetv1_025_vww", "pynq-z2"),
    ("resnet20_cifar10", "kv260"),
)
SECONDS = 20.0


def run() -> Iterator[dict[str, object]]:
    """A row per network and board."""
    for name, board_name in CASES if SHARED.is_dir() else ():
        board = load_board(board_name)
        source = load_source(SHARED / "models" / f"{name}.onnx")
        settings = Settings(board, budget_of(board), 0.0, 0.0)
        plan = solve(source, dense_candidates(source), settings, SECONDS, quiet)
        network = build_network(source, {folding.op: folding for folding in plan.foldings})
        start = time.perf_counter()
        deep = _deep(network, plan.depths)
        least, runs = _least(network, plan.depths, deep)
        before, after = _bytes(network, plan.depths, deep), _bytes(network, least, deep)
        yield {
            "network": name,
            "board": board_name,
            "FIFOs": len(network.streams),
            "deep": len(deep),
            "bytes": f"{before:,}",
            "least": f"{after:,}",
            "could go": f"{1 - after / max(before, 1):.1%}",
            "runs": runs,
            "s": f"{time.perf_counter() - start:.0f}",
        }


def _deep(network: Network, depths: Sequence[int]) -> list[int]:
    found = [
        number
        for number, stream in enumerate(network.streams)
        if depths[number] > LEAST_DEPTH
        and not isinstance(network.kernels[stream.writer].unit, Feed)
    ]
    return sorted(found, key=lambda number: -_bytes(network, depths, [number]))


def _bytes(network: Network, depths: Sequence[int], numbers: Sequence[int]) -> int:
    return sum(depths[number] * network.streams[number].layout.word_bytes for number in numbers)


def _least(
    network: Network, depths: Sequence[int], deep: Sequence[int]
) -> tuple[tuple[int, ...], int]:
    """The depths, of which those of `deep` are least, and the runs that it took."""
    found, runs = list(depths), 0
    for number in deep:
        low, high = LEAST_DEPTH, found[number]
        # Most cannot do with one word less.
        middle = high - 1
        while low < high:
            runs += 1
            shallower = [*found[:number], middle, *found[number + 1 :]]
            if _keeps_pace(network, shallower):
                high = middle
            else:
                low = middle + 1
            middle = (low + high) // 2
        found[number] = high
    return tuple(found), runs


def _keeps_pace(network: Network, depths: Sequence[int]) -> bool:
    try:
        return steady_cycles(network, depths) <= network.trips
    except (DeadlockError, SimulationError):
        return False
