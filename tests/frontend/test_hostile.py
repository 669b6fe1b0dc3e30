"""Damaged files: an error in one line or a right result, quickly, in little memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile import MOST_SECONDS

FILES = 300
BATCHES = 2
MOST_GIGABYTES = 2.0
TOLERANCE = 1e-4


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_damaged_file_gives_an_error_or_a_right_result(batch: int, tmp_path: Path):
    first, last = batch * FILES, (batch + 1) * FILES
    command = [sys.executable, "-m", "tests.hostile", tmp_path, str(first), str(last)]

    # An alarm ends the worker where one file takes longer than MOST_SECONDS.
    run = subprocess.run(command, capture_output=True, text=True, timeout=60 * MOST_SECONDS)

    reports = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 0, f"seed {first + len(reports)}: {run.stderr}"
    assert len(reports) == FILES
    assert [r["seed"] for r in reports if r["outside"]] == []
    assert max(r["gigabytes"] for r in reports) < MOST_GIGABYTES
    errors = [r["text"] for r in reports if r["kind"] == "error"]
    assert all("net.onnx" in text for text in errors)
    results = [r for r in reports if r["kind"] == "result" and r["difference"] is not None]
    assert [r for r in results if r["difference"] > TOLERANCE] == []
    assert len(errors) > FILES / 2
    assert len(results) > FILES / 20
