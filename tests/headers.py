"""The C++ headers as a project has them: all in one folder."""

from pathlib import Path

from hwmap.files.resources import data_directory
from hwmap.sequential.hls import row_header

STAND_INS = Path(__file__).parent / "sequential" / "vitis"
"""Headers in place of the vendor's."""


def headers() -> tuple[Path, ...]:
    """Every header, shared or of a style."""
    return tuple(sorted((data_directory("hls") / "hwmap").rglob("*.hpp")))


def synthesized() -> tuple[Path, ...]:
    """those that hardware is made of; the others count cycles, or move words, on the host."""
    return tuple(header for header in headers() if header.stem not in ("replay", "words"))


def stage(folder: Path) -> Path:
    """Copy them into `folder`/hwmap, with the one that is made; `folder`, to be included from."""
    (folder / "hwmap").mkdir()
    for header in headers():
        target = folder / "hwmap" / header.name
        assert not target.exists(), f"two headers are called {header.name}"
        target.write_bytes(header.read_bytes())
    (folder / "hwmap" / "row.hpp").write_text(row_header(), "utf-8")
    return folder
