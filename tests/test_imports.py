"""Imports go one way."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "hwmap"

# Rooms in the order in which they may import each other; rooms of one set do not.
ORDER = (
    {"errors", "progress"},
    {"ir"},
    {"accuracy", "dsp", "files", "profile", "rung"},
    {"board"},
    {"blocks", "logic"},
    {"data"},
    {"frontend", "passes", "quantize"},
    {"decompose", "imported", "inference"},
    {"solve"},
    {"sequential", "streaming"},
    {"style"},
    {"compiler"},
    {"project"},
    {"ladder"},
    {"reduce"},
    {"report"},
    {"explore"},
    {"api", "options", "terminal"},
    {"cli"},
)
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}

# The same inside a style: what things cost, how they are solved, what a design is, who uses it.
STYLE_ORDER = {
    "sequential": (
        {"geometry", "layout"},
        {"engine", "program", "sweeps"},
        {"memory", "plan"},
        {"network"},
        {"logic", "program_time"},
        {"check", "solve", "spills"},
        {"curve", "design"},
        {"result", "vectors"},
        {"timeline", "recomputed"},
        {"hls", "simulate"},
        {"profile", "rungs", "summary"},
    ),
    "streaming": (
        {"clockwork", "layout", "logic", "schedule", "sub_pixel"},
        {"recompute"},
        {"buffered"},
        {"pick", "window"},
        {"units"},
        {"timetable"},
        {"bits", "cost", "folding"},
        {"network"},
        {"timing", "use"},
        {"depths"},
        {"plan"},
        {"check", "solve"},
        {"design"},
        {"result", "values", "vectors"},
        {"hls", "simulate"},
        {"rungs", "summary"},
        {"profile"},
    ),
}
STYLE_LEVEL = {
    style: {room: level for level, rooms in enumerate(order) for room in rooms}
    for style, order in STYLE_ORDER.items()
}
STYLES = tuple(STYLE_ORDER)

# Libraries that only some rooms may import.
ONLY = {
    "onnx": r"frontend/.*",
    "ortools": r"solve/.*|\w+/solve/.*",
    "jinja2": r"\w+/hls(/.*)?",
}


def _modules(path: Path) -> set[tuple[str, ...]]:
    """The dotted names that the module at `path` imports, as parts."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {tuple(name.split(".")) for name in names}
    return found


MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py")
)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_only_what_lies_below_it(path: Path):
    name = str(path.relative_to(PACKAGE).with_suffix(""))
    room, *inner = name.split("/")
    imports = _modules(path)
    ours = {parts[1:] for parts in imports if parts[0] == "hwmap"}

    above = {parts for parts in ours if parts[0] != room and LEVEL[parts[0]] >= LEVEL[room]}
    above |= {
        parts
        for parts in ours
        if room in STYLES
        and parts[0] == room
        and parts[1] != inner[0]
        and STYLE_LEVEL[room][parts[1]] >= STYLE_LEVEL[room][inner[0]]
    }
    banned = {
        library
        for library, rooms in ONLY.items()
        if any(parts[0] == library for parts in imports) and not re.fullmatch(rooms, name)
    }

    assert above == set()
    assert banned == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_other_room_names_a_style(path: Path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    words = set(re.findall(r"\w+", path.read_text("utf-8")))

    assert room in ("style", *STYLES) or words.isdisjoint(STYLES)


LONGER = {PACKAGE / "solve" / "remat" / "search.py": 500}
"""numba keeps compiled code on disk, and sees changes of a function's own file only."""


def test_every_module_is_at_most_400_lines_long():
    long = {path: len(path.read_text("utf-8").splitlines()) for path in MODULES}

    assert {path: lines for path, lines in long.items() if lines > LONGER.get(path, 400)} == {}
