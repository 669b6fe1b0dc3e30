"""Files that are written whole or not at all."""

import os
import tempfile
from pathlib import Path

from hwmap.errors import OutputError


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole, or not at all: it is made beside `path` and renamed.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.resolve().parent, prefix=".hwmap-") as folder:
            staged = Path(folder) / "file"
            staged.write_bytes(content)
            os.replace(staged, path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, unless it is there.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be made ({error.strerror})") from error
