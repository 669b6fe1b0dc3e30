"""What less on-chip memory costs: the example network at three budgets, from Python.

python examples/memory_budget.py
"""

from pathlib import Path

import hwmap

HERE = Path(__file__).parent


def main() -> None:
    for mem in (60_000, 40_000, 30_000):
        result = hwmap.compile(
            HERE / "digits.onnx",
            "pynq-z2",
            calib=HERE / "digits_calib.npz",
            test_data=HERE / "digits_test.npz",
            mem=mem,
            max_drop=1,
            time_limit=5,
            cache=HERE.parent / "build" / "cache",
        )
        report = result.report
        print(
            f"{mem:>6} bytes: {report.cycles:>6} cycles ({report.status}),"
            f" {len(report.decomposed)} ops decomposed, {len(report.fetched)} fetched,"
            f" top-1 {report.accuracy.integer_top1:.4f}"
        )


if __name__ == "__main__":
    main()
