"""What an on-chip memory budget costs on Pynq-Z2 (no decomposition, 10 s to solve).

The first budget of each network is the least for which a design was found (the smallest engine,
everything fetched), the last the whole board; `at least` is the proved bound.
"""

import re
from collections.abc import Iterator

import hwmap
from hwmap.board import load_board
from hwmap.errors import HwmapError
from tests.bench.common import cases, save_data, temporary

BOARD = load_board("pynq-z2")
SECONDS = 10
SHARES = (0.0, 0.1, 0.5)


def run() -> Iterator[dict[str, object]]:
    """A row per network and budget."""
    for case in cases():
        with temporary() as directory:
            calib, _ = save_data(case, directory)
            whole = hwmap.compile(case.model, "pynq-z2", calib=calib).report
            least = _least(case.model, calib)
            most = int(str(whole.memory_bytes))
            budgets = [int(least + share * (most - least)) for share in SHARES]
            for budget in [*budgets, BOARD.memory_bytes]:
                report = hwmap.compile(
                    case.model, "pynq-z2", calib=calib, mem=budget, time_limit=SECONDS
                ).report
                yield {
                    "network": case.name,
                    "budget bytes": f"{budget:,}",
                    "cycles": f"{report.cycles:,}",
                    "at least": f"{report.bound_cycles:,}",
                    "used bytes": f"{report.memory_bytes:,}",
                    "DSP": report.dsp,
                    "ops fetched": len(report.fetched),
                    "steps recomputed": len(report.recomputed),
                }


def _least(model: object, calib: object) -> int:
    try:
        hwmap.compile(model, "pynq-z2", calib=calib, mem=1024)
    except HwmapError as error:
        return int(re.search(r"--mem (\d+) works", str(error))[1])
    raise AssertionError("1024 bytes are enough?")
