"""The templates and the C++ headers: in the wheel, or in the source tree."""

import re
from collections.abc import Iterable
from pathlib import Path

INCLUDE = re.compile(r'^#include "(hwmap/\w+\.hpp)"$', re.MULTILINE)


def data_directory(name: str) -> Path:
    """The directory `name` ("templates" or "hls")."""
    package = Path(__file__).resolve().parent.parent
    packed = package / "_data" / name
    return packed if packed.is_dir() else package.parent / name


def used_headers(
    sources: Iterable[str], style: str, emitted: frozenset[str] | set[str] = frozenset()
) -> dict[str, str]:
    """The headers that C++ `sources` include, and those that these include: {path as included:
    text}. A project has all of them in one folder, whether they are the `style`'s or shared; those
    that are `emitted` are not read."""
    home = data_directory("hls") / "hwmap"
    found: dict[str, str] = {}
    wanted = [path for source in sources for path in INCLUDE.findall(source)]
    while wanted:
        path = wanted.pop()
        if path not in found and path not in emitted:
            name = path.removeprefix("hwmap/")
            file = home / name if (home / name).is_file() else home / style / name
            found[path] = file.read_text("utf-8")
            wanted += INCLUDE.findall(found[path])
    return dict(sorted(found.items()))


def one_line(name: str) -> str:
    """`name` as it may stand in a comment: control characters and line breaks escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)
