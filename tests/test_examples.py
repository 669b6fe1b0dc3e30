"""The examples run, and the example network is as good as the README says."""

import subprocess
import sys

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
