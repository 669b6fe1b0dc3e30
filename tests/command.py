"""`hwmap` as a user types it: in this process, which is fast, or in one of its own."""

import contextlib
import io
import logging
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

from hwmap.cli import main

Result = subprocess.CompletedProcess[str]


def run(*arguments: object, cwd: Path | None = None) -> Result:
    """`hwmap` with these arguments, in this process: what it prints, and its exit code."""
    command = ["hwmap", *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        patch.object(sys, "argv", command),
        patch.object(logging.getLogger(), "handlers", []),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.chdir(cwd or "."),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return subprocess.CompletedProcess(command, int(code or 0), out.getvalue(), err.getvalue())


def process(*arguments: object, cwd: Path | None = None) -> Result:
    """The same in a process of its own, as a user's shell runs it."""
    command = [sys.executable, "-m", "hwmap", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def fails(message: str, *arguments: object, code: int = 1, cwd: Path | None = None) -> None:
    """The command prints one line that contains `message`, and exits with `code`."""
    is_refused(run(*arguments, cwd=cwd), message, code=code)


def is_refused(result: Result, message: str, *, code: int = 1) -> None:
    """The command printed one line that contains `message`, and exited with `code`."""
    lines = [line for line in result.stderr.splitlines() if "no calibration data" not in line]
    assert len(lines) == 1, result.stderr
    assert message in lines[0]
    assert lines[0].startswith("hwmap: ")
    assert result.returncode == code
