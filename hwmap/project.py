"""A build directory: written whole or not at all, and read back for `simulate` and `verify`."""

import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hwmap.codegen.render import render
from hwmap.codegen.vectors import stream_bytes
from hwmap.compiler import Compiled, Settings, load_source
from hwmap.data import DataSet
from hwmap.decode import decode
from hwmap.design.sequential import build_design
from hwmap.errors import OutputError
from hwmap.ir.evaluate import evaluate
from hwmap.ir.serialize import from_parts, to_parts
from hwmap.ir.types import Array
from hwmap.ir.verify import verify
from hwmap.quantize.choose import quantize_inputs
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


def project_files(
    compiled: Compiled, model: Path, images: DataSet, report: Mapping[str, object]
) -> dict[str, str | bytes]:
    """Every file of the build directory. Same design, same bytes."""
    text, constants = to_parts(compiled.graph)
    inputs = quantize_inputs(compiled.graph, images.inputs)
    expected = evaluate(compiled.graph, inputs)
    state = {
        "model.onnx": model.read_bytes(),
        "plan.json": to_json(compiled.plan).encode(),
        "report.json": (json.dumps(report, indent=1) + "\n").encode(),
        "settings.json": (json.dumps(asdict(compiled.settings), indent=1) + "\n").encode(),
        "network.json": text.encode(),
        "network.npz": _npz(list(constants.values())),
        "vectors/images.npz": _npz([images.inputs[name] for name in compiled.graph.inputs]),
    }
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in state.items()}
    return {
        **render(compiled.design),
        **state,
        "manifest.json": json.dumps(digests, indent=1) + "\n",
        "vectors/inputs.bin": stream_bytes(compiled.design, "load", inputs),
        "vectors/expected.bin": stream_bytes(compiled.design, "store", expected),
    }


def _npz(arrays: Sequence[Array]) -> bytes:
    """`arrays` by number, because names of tensors are no file names; the same bytes every time."""
    buffer = io.BytesIO()
    np.savez(buffer, *arrays)
    return buffer.getvalue()


def npz_bytes(arrays: Mapping[str, Array]) -> bytes:
    """`arrays` by name, whatever the names are; the same bytes every time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, array in arrays.items():
            part = io.BytesIO()
            np.lib.format.write_array(part, np.asarray(array), allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), part.getvalue())
    return buffer.getvalue()


def _unpack(content: bytes, names: Iterable[str]) -> dict[str, Array]:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[f"arr_{number}"] for number, name in enumerate(names)}


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
        files = _read_state(directory)
        settings = decode(Settings, json.loads(files["settings.json"]), "settings")
        plan = from_json(files["plan.json"].decode(), str(directory / "plan.json"))
        text = files["network.json"].decode()
        graph = from_parts(text, _unpack(files["network.npz"], json.loads(text)["constants"]))
        inputs = _unpack(files["vectors/images.npz"], graph.inputs)
    except (OSError, ValueError, KeyError) as error:
        raise OutputError(
            f"{directory}: not a complete hwmap build ({error}); make it with `hwmap compile`"
        ) from error
    verify(graph, "network.json")
    check_plan(plan, graph, settings.board, settings.budget, settings.max_loss)
    source = load_source(directory / "model.onnx")
    design = build_design(graph, plan, settings.board)
    return Project(
        directory, Compiled(settings, source, graph, plan, design), DataSet(inputs, None)
    )


def _read_state(directory: Path) -> dict[str, bytes]:
    """The files that say what was compiled, each as it was written.

    Raises:
        OutputError: one was changed or damaged since.
    """
    digests = json.loads((directory / "manifest.json").read_text("utf-8"))
    files = {}
    for name, digest in digests.items():
        files[name] = (directory / name).read_bytes()
        if hashlib.sha256(files[name]).hexdigest() != digest:
            raise OutputError(
                f"{directory / name}: was changed or damaged since it was compiled; make it again"
                " with `hwmap compile` (an edited plan goes in with --plan)"
            )
    return files


def require_tools(*names: str) -> None:
    """Refuse to go on without programs that are needed.

    Raises:
        OutputError: one is not installed.
    """
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        raise OutputError(f"'{missing[0]}' is not installed; install it to compile the C++")
