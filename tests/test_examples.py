"""The examples run, and the example network is as good as the README says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hwmap.cli import app
from hwmap.compiler import load_source
from hwmap.ir.evaluate import evaluate
from tests.networks import ROOT, load_case


def test_the_memory_budget_example_runs():
    script = ROOT / "examples" / "memory_budget.py"

    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)

    assert len(run.stdout.splitlines()) == 3
    assert "60000 bytes" in run.stdout


def test_the_example_network_has_the_accuracy_that_the_readme_states():
    case = load_case("digits")
    graph = load_source(case.model)

    classes = evaluate(graph, {"input": case.images})["output"].reshape(-1, 10).argmax(1)

    top1 = f"{(classes == case.labels).mean():.4f}"
    assert f"top-1 {top1} on {len(case.images)} images" in (ROOT / "README.md").read_text("utf-8")


def test_the_exploration_example_runs(tmp_path: Path):
    script = ROOT / "examples" / "explore.py"

    run = subprocess.run(
        [sys.executable, script, tmp_path / "sweep"], capture_output=True, text=True, check=True
    )

    assert len(run.stdout.splitlines()) == 4
    assert (tmp_path / "sweep" / "report.html").is_file()


@pytest.mark.soak
def test_the_commands_of_the_readme_run(tmp_path: Path):
    text = (ROOT / "README.md").read_text("utf-8")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    commands = [
        line.replace(".venv/bin/hwmap", f"{sys.executable} -m hwmap")
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        for line in block.replace("\\\n", " ").splitlines()
    ]

    assert len(commands) == 5
    for command in commands:
        done = subprocess.run(
            command.split(), cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (command, done.stderr)
    assert (tmp_path / "build/chosen/hls/top.cpp").is_file()


def test_the_verbs_of_the_readme_are_those_of_the_command_line():
    text = (ROOT / "README.md").read_text("utf-8")
    (listed,) = re.findall(r"## All verbs\n\n(.*?)\n\n", text, re.DOTALL)

    assert {line.split()[0] for line in listed.splitlines()} == {
        command.callback.__name__ for command in app.registered_commands
    }
