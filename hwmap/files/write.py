"""Files that are written whole or not at all."""

import os
import tempfile
from collections.abc import Mapping
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


def check_output(directory: Path) -> None:
    """Refuse an output directory that is not new or empty.

    Raises:
        OutputError: it is not, or it cannot be made.
    """
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise OutputError(
                f"{directory}: is there and not empty; give a new directory with -o, or remove it"
            )
        above = next(parent for parent in directory.resolve().parents if parent.exists())
    except (OSError, RuntimeError) as error:
        raise OutputError(f"{directory}: cannot be written ({error}); give another -o") from error
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise OutputError(
            f"{directory}: cannot be written, {above} is not writable; give another -o"
        )


def check_file(path: Path, *inputs: str | Path | None) -> None:
    """Refuse an output file that cannot be written, or is one of the `inputs`.

    Raises:
        OutputError: it is.
    """
    folder = path.resolve().parent
    if path.exists() and not path.is_file():
        kind = "a directory" if path.is_dir() else "no ordinary file"
        raise OutputError(f"{path}: is {kind}; give another output file")
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise OutputError(f"{path}: cannot be written; give a file in a folder that is there")
    if path.resolve() in {Path(name).resolve() for name in inputs if name is not None}:
        raise OutputError(f"{path}: is an input of this command; give another output file")


def write_folder(directory: Path, files: Mapping[str, str | bytes]) -> None:
    """Write all files, or none: they are made beside `directory` and renamed into place.

    Raises:
        OutputError: the directory is not empty, or cannot be written.
    """
    check_output(directory)
    parent = directory.resolve().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent, prefix=".hwmap-") as temporary:
            staged = Path(temporary) / "folder"
            for name, content in files.items():
                path = staged / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
            if directory.exists():
                directory.rmdir()
            os.rename(staged, directory.resolve())
    except OSError as error:
        raise OutputError(f"{directory}: cannot be written ({error.strerror})") from error
