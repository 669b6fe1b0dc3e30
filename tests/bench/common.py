"""What the benchmarks share."""

import tempfile
from pathlib import Path

import numpy as np

from tests.networks import CASES, SHARED, Case, load_case


def cases() -> list[Case]:
    """The networks that are here."""
    return [load_case(name) for name in CASES if name == "digits" or SHARED.is_dir()]


def save_data(case: Case, directory: str) -> tuple[Path, Path]:
    """Calibration and test data of `case` as files."""
    calibration, test = Path(directory) / "calib.npz", Path(directory) / "test.npz"
    np.savez(calibration, x=case.calibration)
    np.savez(test, x=case.images, y=case.labels.astype(np.int64))
    return calibration, test


def temporary() -> tempfile.TemporaryDirectory[str]:
    """A directory that goes away."""
    return tempfile.TemporaryDirectory(prefix="hwmap-bench-")


def peak_gigabytes() -> float:
    """The most memory that this process had, not counting the one that started it."""
    status = Path("/proc/self/status").read_text("utf-8")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1e6
