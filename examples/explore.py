"""What memory and DSP slices buy for the example network: a table, and build/explore/report.html.

python examples/explore.py [directory]
"""

import sys
from pathlib import Path

import hwmap


def main(output: str) -> None:
    here = Path(__file__).parent
    calib = here / "digits_calib.npz"
    budgets = {"mem": [16 * 1024, 64 * 1024], "dsp": [20, 220], "time_limit": 5}
    found = hwmap.explore(
        here / "digits.onnx", "pynq-z2", output, calib=calib, style="auto", **budgets
    )
    columns = found.columns()
    for memory, dsp, fps in zip(columns["mem_bytes"], columns["dsp"], columns["fps"], strict=True):
        print(f"{memory:,} bytes and {dsp} DSP slices: {fps:,.0f} images/s")


if __name__ == "__main__":  # the processes of a sweep import this file too
    main(sys.argv[1] if len(sys.argv) > 1 else "build/explore")
