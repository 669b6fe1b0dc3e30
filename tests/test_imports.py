"""Imports go one way."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "hwmap"

# Rooms in the order in which they may import each other; rooms of one set do not.
ORDER = (
    {"errors", "decode", "progress"},
    {"files"},
    {"ir"},
    {"board", "preprocess", "accuracy"},
    {"cost", "data"},
    {"frontend", "passes", "quantize", "decompose"},
    {"solve"},
    {"design"},
    {"codegen", "sim"},
    {"inference", "calibration"},
    {"drop"},
    {"compiler"},
    {"project"},
    {"ladder", "report", "reduce"},
    {"api"},
    {"tables"},
    {"cli"},
)
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}


def _imports(path: Path) -> set[str]:
    """The rooms that the module at `path` imports."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("hwmap.")}
    return rooms


MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py")
)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_the_rooms_below_it(path: Path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")

    above = {other for other in _imports(path) - {room} if LEVEL[other] >= LEVEL[room]}

    assert above == set()


LONGER = {PACKAGE / "solve" / "remat" / "search.py": 500}
"""numba keeps compiled code on disk, and sees changes of a function's own file only."""


def test_every_module_is_at_most_400_lines_long():
    long = {path: len(path.read_text("utf-8").splitlines()) for path in MODULES}

    assert {path: lines for path, lines in long.items() if lines > LONGER.get(path, 400)} == {}
