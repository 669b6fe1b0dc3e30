"""The ladder of proof on whole networks, each at three budgets: values and cycles, rung by rung.

Shared networks are compiled for a Pynq-Z2 with all its memory, and with a half and a quarter of
what that took, and as a kernel per op (streaming) for a KV260; topologies, with random weights,
for three boards. A rung compares values or cycles of reference, simulator and C++ (see `hwmap
verify`).
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

import hwmap
from hwmap.errors import HwmapError
from hwmap.frontend.export import export_float
from hwmap.ir.graph import Graph
from hwmap.ir.types import Constant
from hwmap.ladder import climb, run_simulation
from hwmap.project import read_project
from tests.bench.common import temporary
from tests.bench.topologies import TOPOLOGIES
from tests.networks import SHARED

SHARES = (1.0, 0.5, 0.25)
BOARDS = ("kv260", "pynq-z2", "zybo-z7-10")
SECONDS = 30.0


def run() -> Iterator[dict[str, object]]:
    """A row per network and budget."""
    with temporary() as directory:
        for path in sorted((SHARED / "models").glob("*.onnx")) if SHARED.is_dir() else ():
            yield from _shared(path, Path(directory))
        for name, made in TOPOLOGIES.items():
            path = Path(directory) / f"{name}.onnx"
            path.write_bytes(export_float(_random(made())))
            for board in BOARDS:
                yield _row(path, board, None, Path(directory))


def _random(graph: Graph) -> Graph:
    """`graph` with weights that keep the size of values (He et al., arXiv 1502.01852)."""
    random = np.random.default_rng(0)
    found = {}
    for name, constant in graph.constants.items():
        shape = constant.values.shape
        if len(shape) == 4:
            deviation = np.sqrt(2 / np.prod(shape[1:]))
            constant = Constant(random.normal(0, deviation, shape).astype(np.float32))
        elif not name.startswith("double"):
            constant = Constant(random.normal(0, 0.1, shape).astype(np.float32))
        found[name] = constant
    return replace(graph, constants=found)


def _shared(path: Path, directory: Path) -> Iterator[dict[str, object]]:
    row = _row(path, "pynq-z2", None, directory)
    yield row
    whole = int(str(row["memory bytes"]).replace(",", ""))
    for share in SHARES[1:]:
        yield _row(path, "pynq-z2", int(share * whole), directory)
    yield _row(path, "kv260", None, directory, style="streaming")


def _row(
    path: Path, board: str, memory: int | None, directory: Path, style: str = "sequential"
) -> dict[str, object]:
    row: dict[str, object] = {"network": path.stem, "board": board, "style": style}
    start = time.perf_counter()
    build = directory / f"{path.stem}-{board}-{style}-{memory}"
    try:
        result = hwmap.compile(path, board, build, mem=memory, style=style, time_limit=SECONDS)
    except HwmapError as error:
        given = {} if memory is None else {"memory bytes": f"{memory:,}"}
        return row | given | {"cycles": str(error).split(" with ")[0]}
    compiled = time.perf_counter()
    project = read_project(build)
    rungs = {rung.name: rung for rung in climb(project, run_simulation(project))}
    wrong = [name for name, rung in rungs.items() if rung.holds is False]
    report = result.report
    return row | {
        "memory bytes": f"{report.memory_bytes:,}",
        "cycles": f"{report.cycles:,}",
        "strips": getattr(report, "strips", ""),
        "spilled bytes": f"{getattr(report, 'spilled_bytes', 0):,}",
        "rungs": f"{len(rungs)} hold" if not wrong else f"NOT: {', '.join(wrong)}",
        "compile s": f"{compiled - start:.0f}",
        "verify s": f"{time.perf_counter() - compiled:.0f}",
    }
