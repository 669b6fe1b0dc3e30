"""A new op is one change: mypy lists every place that it must visit."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.networks import ROOT

MEMBER = '''@dataclass(frozen=True)
class NewOp:
    """An op that nothing knows yet."""

    name: str
    inputs: tuple[str, ...]
    output: str


HardwareOp = (
    NewOp | '''

PLACES = {
    # what it is
    "copies_values",
    "constant_names",
    "learned_names",
    "output_shape",
    "macs",
    "rows_read",
    "_shape_problem",
    "_own_forms",
    # what it computes
    "evaluate_float",
    "evaluate_integer",
    "_requant_of",
    "lower",
    "snap_scales",
    # where it comes from and goes to
    "_missing",
    "write_op",
    # the sequential engine
    "is_matrix",
    "_written",
    "sweeps_of",
    "_numbers",
    # the streaming kernels
    "unit_of",
    "sum_bits_of",
}


def _function_at(path: Path, line: int) -> str:
    """The name of the innermost function around a line."""
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return max(functions, key=lambda node: node.lineno).name


def test_mypy_names_every_place_that_a_new_op_must_visit(tmp_path: Path):
    shutil.copytree(ROOT / "hwmap", tmp_path / "hwmap")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    ops = tmp_path / "hwmap" / "ir" / "ops.py"
    text = ops.read_text("utf-8")
    ops.write_text(text.replace("HardwareOp = (\n    ", MEMBER), "utf-8")

    command = [sys.executable, "-m", "mypy", "--no-pretty", "--cache-dir", tmp_path / "cache"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    errors = re.findall(r"^(\S+):(\d+): error: (.*)$", run.stdout, re.MULTILINE)
    assert all("assert_never" in message for _, _, message in errors), run.stdout
    found = [_function_at(tmp_path / file, int(line)) for file, line, _ in errors]
    assert sorted(found) == sorted(PLACES), run.stdout
