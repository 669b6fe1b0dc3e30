"""A build directory: written whole or not at all, and read back for `simulate` and `verify`."""

import io
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hwmap.board import Board, Budget
from hwmap.codegen.render import render
from hwmap.codegen.vectors import stream_bytes
from hwmap.compiler import Compiled, Settings, load_network
from hwmap.data import DataSet, load_data
from hwmap.design.sequential import build_design
from hwmap.errors import GraphError, HwmapError, OutputError
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import Graph
from hwmap.ir.serialize import from_parts, to_parts
from hwmap.ir.types import Array
from hwmap.ir.verify import verify
from hwmap.solve.check import check_plan
from hwmap.solve.plan import from_json, to_json


@dataclass(frozen=True)
class Project:
    """A build directory that was read back: what was compiled, and its test images."""

    directory: Path
    compiled: Compiled
    images: DataSet


def check_output(directory: Path) -> None:
    """Refuse an output directory that is not new or empty.

    Raises:
        OutputError: it is not.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise OutputError(
            f"{directory}: is there and not empty; give a new directory with -o, or remove it"
        )


def quantize_inputs(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Float inputs (N, C, H, W) as the integers that the accelerator takes."""
    return {
        name: graph.tensors[name].integer.quantize(values.astype(np.float32))
        for name, values in inputs.items()
    }


def project_files(
    compiled: Compiled, model: Path, images: DataSet, report: Mapping[str, object]
) -> dict[str, str | bytes]:
    """Every file of the build directory. Same design, same bytes."""
    text, constants = to_parts(compiled.graph)
    inputs = quantize_inputs(compiled.graph, images.inputs)
    expected = evaluate(compiled.graph, inputs)
    names = {"x": compiled.graph.inputs[0]} if len(images.inputs) == 1 else None
    arrays: dict[str, Array] = {
        key: images.inputs[name] for key, name in (names or {n: n for n in images.inputs}).items()
    }
    if images.labels is not None:
        arrays["y"] = images.labels
    return {
        **render(compiled.design),
        "model.onnx": model.read_bytes(),
        "plan.json": to_json(compiled.plan),
        "report.json": json.dumps(report, indent=1) + "\n",
        "settings.json": json.dumps(asdict(compiled.settings), indent=1) + "\n",
        "network.json": text,
        "network.npz": _npz(constants),
        "vectors/images.npz": _npz(arrays),
        "vectors/inputs.bin": stream_bytes(compiled.design, "load", inputs),
        "vectors/expected.bin": stream_bytes(compiled.design, "store", expected),
    }


def _npz(arrays: Mapping[str, Array]) -> bytes:
    """`arrays` as an .npz; np.savez writes the same bytes every time."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def write_project(directory: Path, files: Mapping[str, str | bytes]) -> None:
    """Write all files, or none: they are made beside `directory` and renamed into place.

    Raises:
        OutputError: the directory is not empty, or cannot be written.
    """
    check_output(directory)
    parent = directory.resolve().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent, prefix=".hwmap-") as temporary:
            staged = Path(temporary) / "project"
            for name, content in files.items():
                path = staged / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
            if directory.exists():
                directory.rmdir()
            os.rename(staged, directory.resolve())
    except OSError as error:
        raise OutputError(f"{directory}: cannot be written ({error.strerror})") from error


def read_project(directory: Path) -> Project:
    """The project in `directory`, its plan checked again.

    Raises:
        OutputError: a file is missing or damaged.
        PlanError: the plan does not hold.
    """
    try:
        settings = _settings((directory / "settings.json").read_text("utf-8"))
        plan = from_json((directory / "plan.json").read_text("utf-8"), str(directory / "plan.json"))
        with np.load(directory / "network.npz", allow_pickle=False) as arrays:
            constants = {name: arrays[name] for name in arrays.files}
        graph = from_parts((directory / "network.json").read_text("utf-8"), constants)
        verify(graph, "network.json")
        check_plan(plan, graph, settings.board, settings.budget, settings.max_error)
        source = load_network(directory / "model.onnx")
        images = load_data(directory / "vectors" / "images.npz", graph)
        design = build_design(graph, plan, settings.board)
    except HwmapError:
        raise
    except (OSError, ValueError, KeyError, TypeError, GraphError) as error:
        raise OutputError(
            f"{directory}: not a complete hwmap build ({error}); make it with `hwmap compile`"
        ) from error
    return Project(directory, Compiled(settings, source, graph, plan, design), images)


def _settings(text: str) -> Settings:
    values = json.loads(text)
    return Settings(Board(**values["board"]), Budget(**values["budget"]), values["max_error"])


def require_tools(*names: str) -> None:
    """Refuse to go on without programs that are needed.

    Raises:
        OutputError: one is not installed.
    """
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        raise OutputError(f"'{missing[0]}' is not installed; install it to compile the C++")
