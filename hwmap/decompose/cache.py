"""What was measured about the methods of each op, kept on disk under a hash of all it depends on.

A file per op, written whole: a run that was killed goes on where it was, and a run with another
budget measures nothing.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hwmap.decompose.method import Method
from hwmap.files.decode import decode
from hwmap.files.write import make_folder, write_file
from hwmap.ir.graph import Graph
from hwmap.ir.serialize import to_parts
from hwmap.ir.types import Array

VERSION = 18
"""To be raised when candidates are fitted or measured in another way."""


@dataclass(frozen=True)
class Measure:
    """How good a method is for an op. `error`: relative error of the op's output (before its
    clamp), on images that it was not fitted to. `loss`: the squared relative error of the network's
    outputs that this is expected to cause; losses of several ops add up."""

    method: Method
    error: float
    loss: float


@dataclass(frozen=True)
class Cache:
    """The measures of one network on some data, in a folder; None: nowhere."""

    folder: Path | None

    def load(self, op: str, methods: Sequence[Method]) -> tuple[Measure, ...] | None:
        """The measures of `methods` for `op`; None if they are not there, or damaged."""
        if self.folder is None:
            return None
        try:
            values = json.loads(self._file(op).read_text("utf-8"))
            measures: tuple[Measure, ...] = decode(tuple[Measure, ...], values, op)
        except (OSError, ValueError, RecursionError):
            return None
        sound = all(measure.error >= 0 and measure.loss >= 0 for measure in measures)
        asked = [measure.method for measure in measures] == list(methods)
        return measures if sound and asked else None

    def save(self, op: str, measures: Sequence[Measure]) -> None:
        """Keep the measures of `op`."""
        if self.folder is not None:
            make_folder(self.folder)
            text = json.dumps([asdict(measure) for measure in measures])
            write_file(self._file(op), text.encode())

    def _file(self, op: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{hashlib.sha256(op.encode()).hexdigest()[:24]}.json"


NO_CACHE = Cache(None)


def cache_for(folder: Path | None, graph: Graph, inputs: Mapping[str, Array]) -> Cache:
    """The part of the cache in `folder` for a network and its calibration data."""
    if folder is None:
        return NO_CACHE
    text, constants = to_parts(graph)
    digest = hashlib.sha256(f"{VERSION}\n{text}".encode())
    for values in (*constants.values(), *inputs.values()):
        digest.update(np.ascontiguousarray(values).tobytes())
    return Cache(folder / digest.hexdigest()[:24])
