"""The ladder of proof: each rung compares a result with the one before it."""

import subprocess
from collections.abc import Iterator, Mapping

import numpy as np

from hwmap import style
from hwmap.accuracy import level_differences, same_class, worst_error
from hwmap.errors import BudgetError, MismatchError
from hwmap.frontend.export import export_op
from hwmap.frontend.runtime import Session
from hwmap.imported import import_rung
from hwmap.inference import dequantized, load_network
from hwmap.ir.evaluate import evaluate, run_ops
from hwmap.ir.graph import Graph
from hwmap.ir.ops import HardwareOp
from hwmap.ir.types import Array
from hwmap.project import Project, require_tools
from hwmap.quantize.choose import quantize_inputs
from hwmap.rung import Rung
from hwmap.style import SimResult

LEVEL_IMAGES = 2
"""Images on which each op is compared with onnxruntime."""
MAKE_SECONDS = 600


def climb(project: Project, simulated: SimResult) -> Iterator[Rung]:
    """Every rung in order, on the project's images. `simulated` is `simulate` on the same."""
    compiled = project.compiled
    inputs = quantize_inputs(compiled.graph, project.images.inputs)
    reference = evaluate(compiled.graph, inputs)
    model = project.directory / "model.onnx"
    yield import_rung(model, load_network(model).whole, project.images.inputs)
    yield _quantization_rung(project, reference)
    yield _levels_rung(project)
    yield _values_rung("simulator = integer reference", simulated.outputs, reference)
    yield from style.planned_rungs(compiled.plan, simulated)
    yield _files_rung(project)
    require_tools("make", "g++")
    expected = style.output_bytes(compiled.design, reference)
    yield _csim_rung(project, "csim", "C++ = integer reference", expected)
    yield _csim_rung(project, "cycles", "C++ with cycle counter = integer reference", expected)
    yield from style.counted_rungs(compiled.design, project.directory, project.images.count)


def _quantization_rung(project: Project, reference: Mapping[str, Array]) -> Rung:
    """The float network ~ the integer reference: measured."""
    compiled = project.compiled
    exact = evaluate(compiled.source, project.images.inputs)
    values = dequantized(compiled.graph, reference)
    same = min(same_class(values[name], exact[name]) for name in reference)
    return Rung(
        "integer reference ~ float network",
        None,
        f"relative difference {worst_error(values, exact):.3f}, same class on {same:.0%} of images",
    )


def differences_by_op(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, tuple[int, int]]:
    """For every op of an integer graph, given the integers (N, C, H, W) that the reference gives
    it: the largest difference from onnxruntime's result for the op in the exported QDQ form, in
    levels, and how many values differ."""
    found = {}
    for op, sources, result in run_ops(graph, inputs):
        assert isinstance(op, HardwareOp)
        session = Session(export_op(op, graph))
        largest = count = 0
        for index in range(len(result)):
            feeds = {
                f"{name}:q": source[index : index + 1]
                for name, source in zip(op.inputs, sources, strict=True)
            }
            (theirs,) = session.run(feeds)
            most, differing = level_differences(theirs[0], result[index])
            largest, count = max(largest, most), count + differing
        found[op.name] = largest, count
    return found


def _levels_rung(project: Project) -> Rung:
    """onnxruntime on every op of the exported QDQ network ~ the integer reference."""
    graph = project.compiled.graph
    inputs = quantize_inputs(graph, project.images.first(LEVEL_IMAGES).inputs)
    differences = differences_by_op(graph, inputs)
    worst = max(differences, key=lambda name: differences[name])
    largest = differences[worst][0]
    total = sum(count for _, count in differences.values())
    at = f" (op '{worst}')" if largest > 1 else ""
    return Rung(
        "integer reference ~ onnxruntime, op by op",
        largest <= 1,
        f"at most {largest} levels apart{at}, {total:,} values of {len(differences)} ops differ",
    )


def _values_rung(name: str, found: Mapping[str, Array], wanted: Mapping[str, Array]) -> Rung:
    total = sum(values.size for values in wanted.values())
    for tensor, values in wanted.items():
        wrong = np.argwhere(found[tensor] != values)
        if len(wrong):
            at = tuple(int(i) for i in wrong[0])
            return Rung(
                name,
                False,
                f"output '{tensor}' at {list(at)}: {found[tensor][at]}, expected {values[at]}"
                f" ({len(wrong)} of {values.size} values differ)",
            )
    return Rung(name, True, f"{total:,} values equal")


def _files_rung(project: Project) -> Rung:
    """The files in the directory are those of the design."""
    for name, content in style.emit(project.compiled.design).items():
        wanted = content if isinstance(content, bytes) else content.encode()
        path = project.directory / name
        if not path.is_file() or path.read_bytes() != wanted:
            return Rung("emitted files = design", False, f"{name} is missing or was changed")
    return Rung("emitted files = design", True, "every file is the design's, byte for byte")


def _csim_rung(project: Project, target: str, name: str, expected: bytes) -> Rung:
    """`make csim` or `make cycles` in the project, and the outputs it writes."""
    outputs = project.directory / "vectors" / "outputs.bin"
    try:
        outputs.unlink(missing_ok=True)
        run = subprocess.run(
            ["make", "--always-make", "-C", str(project.directory), target],
            capture_output=True,
            text=True,
            timeout=MAKE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Rung(name, False, f"`make {target}` took longer than {MAKE_SECONDS} s")
    except OSError as error:
        return Rung(name, False, f"{outputs}: cannot be removed ({error.strerror})")
    found = outputs.read_bytes() if outputs.is_file() else b""
    if run.returncode and not found:
        lines = [line for line in run.stderr.splitlines() if not line.startswith("make")]
        errors = [line for line in lines if "error" in line] or lines or ["no output"]
        return Rung(name, False, f"`make {target}` failed: {errors[0]}")
    wrong = sum(a != b for a, b in zip(found, expected, strict=False))
    wrong += abs(len(found) - len(expected))
    if wrong:
        return Rung(name, False, f"{wrong} of {len(expected)} values differ")
    if run.returncode:
        return Rung(name, False, "vectors/expected.bin was changed: its own test bench refuses it")
    return Rung(name, True, f"{len(expected):,} values equal")


def run_simulation(project: Project, images: int | None = None) -> SimResult:
    """Simulate the project's design on its (first) images."""
    if images is not None and not 1 <= images <= project.images.count:
        raise BudgetError(
            f"{images} images; the build has {project.images.count}, give 1 to"
            f" {project.images.count}"
        )
    data = project.images if images is None else project.images.first(images)
    return style.simulate(
        project.compiled.design, quantize_inputs(project.compiled.graph, data.inputs)
    )


def require(rungs: tuple[Rung, ...]) -> None:
    """Pass if every rung holds.

    Raises:
        MismatchError: the first that does not.
    """
    for rung in rungs:
        if rung.holds is False:
            raise MismatchError(f"{rung.name}: {rung.detail}")
