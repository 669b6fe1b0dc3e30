"""The page of a sweep, or of one design: one file that opens offline."""

import base64
import gzip
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib import resources
from pathlib import Path

from hwmap.explore.point import Point, pareto
from hwmap.files.resources import data_directory
from hwmap.files.write import write_file
from hwmap.profile import Profile

TEMPLATE = "report.html"


def write_page(
    path: Path, network: str, points: Sequence[Point], profiles: Mapping[int, Profile], folder: Path
) -> None:
    """Write the page of a sweep in `folder`, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    commands = {point.number: f"hwmap compile --from {folder} --point {point.number}"
                for point in points}  # fmt: skip
    write_file(path, page(network, points, profiles, commands).encode())


def page(
    network: str,
    points: Sequence[Point],
    profiles: Mapping[int, Profile],
    commands: Mapping[int, str],
) -> str:
    """The page as text. The profile of several points that have one plan is there once."""
    different = list(dict.fromkeys(profiles.values()))
    numbers = {profile: number for number, profile in enumerate(different)}
    data = {
        "network": network,
        "points": [asdict(point) for point in points],
        "front": pareto(points),
        "profiles": [_columns(profile) for profile in different],
        "profile_of": {number: numbers[profile] for number, profile in profiles.items()},
        "commands": commands,
    }
    text = (data_directory("templates") / TEMPLATE).read_text("utf-8")
    for name, content in (
        ("NETWORK", html.escape(network)),
        ("LIBRARY", _library()),
        ("DATA", _packed(json.dumps(data, separators=(",", ":")).encode())),
    ):
        text = text.replace(f"%{name}%", content)
    return text


@cache
def _library() -> str:
    """plotly.js, packed."""
    file = resources.files("plotly").joinpath("package_data", "plotly.min.js")
    return _packed(file.read_bytes())


def _packed(content: bytes) -> str:
    """Bytes for `inflate` in the page: a third of the size, the same every time."""
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()


def _columns(profile: Profile) -> dict[str, object]:
    """A profile with short lists instead of objects."""
    return {
        "columns": profile.columns,
        "layers": profile.layers,
        "spans": [
            (span.name, span.start_cycle, span.end_cycle, span.fetches) for span in profile.spans
        ],
        "filled": profile.filled,
        "fills": [(fill.name, fill.used_bytes, fill.size_bytes) for fill in profile.fills],
        "latency": profile.latency_cycles,
        "notes": profile.notes,
    }
