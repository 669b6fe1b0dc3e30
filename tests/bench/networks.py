"""Networks on the whole of each board, as they are and decomposed (`--max-drop`, percent).

A limit of 8 is a relative error of the outputs of up to 8 %: the calibration images have no labels
here. `plan` says whether the cycles are proved to be the fewest that any engine, candidate, strips,
order and recomputation give. Where a decomposition saves no cycles,
dense layers stay. Accuracy is that of the emitted integer network, on all images of the test set.
Compile seconds include measuring the candidates, and are those of this machine.
"""

import time
from collections.abc import Iterator
from itertools import product

import hwmap
from tests.bench.common import cases, save_data, temporary

BOARDS = ("pynq-z2", "kv260")
DROPS = (0, 8)
"""Percent of relative error of the outputs: the calibration images have no labels here."""


def run() -> Iterator[dict[str, object]]:
    """A row per network and board."""
    for case in cases():
        for board, drop in product(BOARDS, DROPS):
            with temporary() as directory:
                calib, test = save_data(case, directory)
                start = time.perf_counter()
                result = hwmap.compile(
                    case.model, board, calib=calib, test_data=test, max_drop=drop
                )
                seconds = time.perf_counter() - start
            report = result.report
            accuracy = report.accuracy
            yield {
                "network": case.name,
                "board": board,
                "max drop": drop,
                "plan": report.status,
                "cycles": f"{report.cycles:,}",
                "images/s": f"{report.fps:,.0f}",
                "MAC/multiplier/cycle": f"{report.macs_per_multiplier_cycle:.2f}",
                "DSP": report.dsp,
                "memory bytes": f"{report.memory_bytes:,}",
                "MACs kept": f"{report.macs / report.dense_macs:.0%}",
                "top-1 float": f"{accuracy.float_top1:.4f}",
                "top-1 int8": f"{accuracy.integer_top1:.4f}",
                "compile s": f"{seconds:.1f}",
            }
