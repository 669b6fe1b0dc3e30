"""A build directory: written whole or not at all, and read back for `simulate` and `verify`."""

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from hwmap import style
from hwmap.compiler import Compiled, load_source
from hwmap.data.dataset import DataSet
from hwmap.errors import OutputError
from hwmap.files.decode import decode
from hwmap.files.npz import numbered_npz, unpack
from hwmap.frontend.file import model_bytes
from hwmap.ir.evaluate import evaluate
from hwmap.ir.serialize import from_parts, to_parts
from hwmap.ir.verify import verify
from hwmap.quantize.choose import quantize_inputs
from hwmap.solve.settings import Settings
from hwmap.style import CompileReport, Plan


@dataclass(frozen=True)
class Project:
    """A build directory that was read back: what was compiled, and its test images."""

    directory: Path
    compiled: Compiled
    images: DataSet


def project_files(
    compiled: Compiled, model: Path, images: DataSet, report: CompileReport
) -> dict[str, str | bytes]:
    """Every file of the build directory. Same design, same bytes."""
    text, constants = to_parts(compiled.graph)
    inputs = quantize_inputs(compiled.graph, images.inputs)
    expected = evaluate(compiled.graph, inputs)
    state = {
        "model.onnx": model_bytes(model),
        "plan.json": style.plan_to_json(compiled.plan).encode(),
        "report.json": (json.dumps(asdict(report), indent=1) + "\n").encode(),
        "settings.json": (json.dumps(asdict(compiled.settings), indent=1) + "\n").encode(),
        "network.json": text.encode(),
        "network.npz": numbered_npz(list(constants.values())),
        "vectors/images.npz": numbered_npz([images.inputs[name] for name in compiled.graph.inputs]),
    }
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in state.items()}
    return {
        **style.emit(compiled.design),
        **state,
        "manifest.json": json.dumps(digests, indent=1) + "\n",
        "vectors/inputs.bin": style.input_bytes(compiled.design, inputs),
        "vectors/expected.bin": style.output_bytes(compiled.design, expected),
    }


def read_project(directory: Path) -> Project:
    """The project in `directory`, its plan checked again.

    Raises:
        OutputError: a file is missing or damaged.
        PlanError: the plan does not hold.
    """
    try:
        files = _read_state(directory)
        settings = decode(Settings, json.loads(files["settings.json"]), "settings")
        plan = style.plan_from_json(files["plan.json"].decode(), str(directory / "plan.json"))
        text = files["network.json"].decode()
        graph = from_parts(text, unpack(files["network.npz"], json.loads(text)["constants"]))
        inputs = unpack(files["vectors/images.npz"], graph.inputs)
    except (OSError, ValueError, KeyError) as error:
        raise _incomplete(directory, error) from error
    verify(graph, "network.json")
    style.check(plan, graph, settings)
    source = load_source(directory / "model.onnx")
    design = style.design_of(graph, plan, settings)
    return Project(
        directory, Compiled(settings, source, graph, plan, design), DataSet(inputs, None)
    )


def read_engine(directory: Path) -> tuple[Settings, Plan]:
    """What the hardware in the build `directory` was made for: its board and budget, and its plan.

    Raises:
        OutputError: a file is missing or damaged.
    """
    try:
        files = _read_state(directory)
        settings = decode(Settings, json.loads(files["settings.json"]), "settings")
    except (OSError, ValueError, KeyError) as error:
        raise _incomplete(directory, error) from error
    plan = style.plan_from_json(files["plan.json"].decode(), str(directory / "plan.json"))
    return settings, plan


def _incomplete(directory: Path, error: Exception) -> OutputError:
    return OutputError(
        f"{directory}: not a complete hwmap build ({error}); make it with `hwmap compile`"
    )


def _read_state(directory: Path) -> dict[str, bytes]:
    """The files that say what was compiled, each as it was written.

    Raises:
        OutputError: one was changed or damaged since.
    """
    digests = json.loads((directory / "manifest.json").read_text("utf-8"))
    if not isinstance(digests, dict):
        raise ValueError("manifest.json is no object")
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
