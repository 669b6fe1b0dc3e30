"""`hwmap` as a user's shell runs it."""

import subprocess
import sys
from pathlib import Path


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """`hwmap` with these arguments, as a user's shell runs it."""
    command = [sys.executable, "-m", "hwmap", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def fails(message: str, *arguments: object, code: int = 1, cwd: Path | None = None) -> None:
    """The command prints one line that contains `message`, and exits with `code`."""
    result = run(*arguments, cwd=cwd)
    lines = [line for line in result.stderr.splitlines() if "no calibration data" not in line]
    assert len(lines) == 1, result.stderr
    assert message in lines[0]
    assert lines[0].startswith("hwmap: ")
    assert result.returncode == code
