"""One engine, many networks: programs for hardware that exists, in one memory, from one binary."""

import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

import hwmap
from hwmap.errors import BudgetError, InfeasibleError, PlanError
from hwmap.ladder import climb, run_simulation
from hwmap.project import Project, read_project
from tests.command import fails
from tests.models import ModelBuilder, chain, u_net
from tests.networks import ROOT
from tests.pynq import BASE, Driver
from tests.sequential.board import SimulatedBoard
from tests.sequential.plans import runs_as_the_reference

DIGITS = ROOT / "examples/digits.onnx"


def _two_outputs(folder: Path) -> Path:
    """A network unlike `chain`: two outputs, 5 channels beside 3 in a pixel, depthwise."""
    net = ModelBuilder((5, 9, 7), seed=3)
    wide = net.conv("x", (5, 10), (3, 3), name="wide", group=5, pads=[1] * 4)
    joined = net.node("Concat", wide, "x", name="joined", axis=1)
    net.conv(joined, (15, 3), (1, 1), name="small")
    return net.save(folder / "two.onnx", "joined", "small")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A design of the example network, and programs of two other networks for its engine."""
    work = tmp_path_factory.mktemp("engine")
    digits, programs = work / "digits", [work / "chain", work / "two"]
    hwmap.compile(DIGITS, "pynq-z2", digits, time_limit=2)
    models = chain().save(work / "chain.onnx", "out"), _two_outputs(work)
    for model, folder in zip(models, programs, strict=True):
        hwmap.compile(model, output=folder, engine=digits, time_limit=2)
    return [digits, *programs]


@pytest.fixture(scope="module")
def projects(folders: list[Path]) -> list[Project]:
    return [read_project(folder) for folder in folders]


def test_the_cpp_of_one_engine_is_the_same_for_every_network(folders: list[Path]):
    texts = []
    for folder in folders:
        headers = sorted(path for path in (folder / "hls").rglob("*") if path.is_file())
        text = {path.relative_to(folder): path.read_text("utf-8") for path in headers}
        # What cosimulation copies of DRAM is as long as a program.
        top = Path("hls/top.cpp")
        text[top] = re.sub(r"(port = program_words .* depth =) \d+", r"\1", text[top])
        texts.append(text)

    assert texts[0] == texts[1] == texts[2]


def test_three_networks_run_one_after_the_other_from_one_binary(projects: list[Project]):
    first, *others = projects
    subprocess.run(
        ["make", "bin/cycles"], cwd=first.directory, check=True, capture_output=True, text=True
    )
    command = [first.directory / "bin/cycles", *(project.directory for project in projects)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode == 0
    assert [line.split(", ")[-1] for line in run.stdout.splitlines()] == ["all as expected"] * 3
    for project in others:
        simulated = run_simulation(project)
        ends = (project.directory / "vectors/step_ends.txt").read_text("utf-8").splitlines()
        assert {int(line.split()[-1]) for line in ends} == {simulated.cycles}


def test_a_program_climbs_every_rung(projects: list[Project]):
    for project in projects[1:]:
        rungs = list(climb(project, run_simulation(project)))
        assert [rung for rung in rungs if rung.holds is False] == []


def test_the_report_says_what_an_engine_of_its_own_would_take(projects: list[Project]):
    plans = [project.compiled.plan for project in projects]

    assert plans[0].tailored is None
    for plan in plans[1:]:
        assert plan.engine == plans[0].engine
        assert plan.arena_words == plans[0].arena_words
        assert plan.tailored.cycles <= plan.cycles
    free = hwmap.compile(chain().save(projects[0].directory.parent / "c.onnx", "out"), "pynq-z2")
    assert plans[1].tailored.cycles == free.report.cycles


def test_what_does_not_fit_the_engine_is_refused(folders: list[Path], tmp_path: Path):
    large = ModelBuilder((3, 64, 1024))
    large.conv("x", (3, 64), (3, 3), name="out", pads=[1] * 4)
    model = large.save(tmp_path / "large.onnx", "out")
    with pytest.raises(InfeasibleError, match=r"its arena has [\d,]+ bytes, [\d,]+ are needed"):
        hwmap.compile(model, engine=folders[0], time_limit=2)

    deep = ModelBuilder((4096, 1, 1))
    deep.conv("x", (4096, 64), (1, 1), name="out")
    model = deep.save(tmp_path / "deep.onnx", "out")
    with pytest.raises(InfeasibleError, match=r"its constant memory has [\d,]+ bytes, [\d,]+ are"):
        hwmap.compile(model, engine=folders[0], time_limit=2)


def test_what_is_no_engine_is_refused(folders: list[Path], tmp_path: Path):
    with pytest.raises(BudgetError, match="give --engine without"):
        hwmap.compile(DIGITS, "pynq-z2", engine=folders[0])
    with pytest.raises(BudgetError, match="give --engine without"):
        hwmap.compile(DIGITS, engine=folders[0], style="streaming")
    with pytest.raises(BudgetError, match="no board"):
        hwmap.compile(DIGITS)
    hwmap.compile(DIGITS, "pynq-z2", tmp_path / "kernels", style="streaming", time_limit=2)
    with pytest.raises(PlanError, match="run that network alone"):
        hwmap.compile(DIGITS, engine=tmp_path / "kernels")
    fails("not a complete hwmap build", "compile", DIGITS, "--engine", tmp_path)
    fails("'--board' (or '--engine')", "compile", DIGITS, code=2)


def test_the_driver_runs_every_program_and_finds_a_wrong_value(
    projects: list[Project],
    folders: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    board = SimulatedBoard(projects)
    driver = Driver(board, monkeypatch)
    board.memory = driver.buffers

    assert driver.run(folders[0], *folders) == 0

    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == list(map(str, folders))
    assert board.registers.address("program_words") % 4096 == BASE % 4096
    expected = folders[2] / "vectors/expected.bin"
    right = expected.read_bytes()
    expected.write_bytes(bytes([right[0] ^ 1]) + right[1:])
    driver.buffers.clear()
    assert driver.run(folders[0], *folders) == 1
    assert f"{len(right) - 1} of {len(right)} values" in capsys.readouterr().out
    expected.write_bytes(right)


def test_the_driver_refuses_a_program_of_another_engine(
    folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program = bytearray((folders[1] / "program.bin").read_bytes())
    program[4] ^= 1
    (tmp_path / "program.bin").write_bytes(program)
    driver = Driver(SimpleNamespace(), monkeypatch)

    with pytest.raises(AssertionError, match="not a program of this engine"):
        driver.run(folders[0], tmp_path)
    with pytest.raises(AssertionError, match=r"nothing/program\.bin: No such file"):
        driver.run(folders[0], tmp_path / "nothing")


def test_an_engine_with_all_memory_takes_a_larger_network(tmp_path: Path):
    small = chain().save(tmp_path / "small.onnx", "out")
    large = u_net(4, 48, 2).save(tmp_path / "large.onnx", "out")
    options = {"mem": 20_000, "time_limit": 2}
    own = hwmap.compile(small, "zybo-z7-10", **options).compiled.plan
    made = hwmap.compile(small, "zybo-z7-10", tmp_path / "any", whole_memory=True, **options)

    plan = made.compiled.plan
    assert plan.cycles == own.cycles
    assert (plan.engine.spills, plan.engine.least_weight) == (True, -128)
    assert "depth = 0" not in (tmp_path / "any/hls/top.cpp").read_text("utf-8")
    assert own.memory_bytes < 12_000 < 18_000 < plan.memory_bytes <= 20_000
    result = hwmap.compile(large, engine=tmp_path / "any", time_limit=2)
    assert result.report.spilled
    assert runs_as_the_reference(result.compiled)
    with pytest.raises(BudgetError, match="give --whole-memory without"):
        hwmap.compile(small, engine=tmp_path / "any", whole_memory=True)
    sweep = ("--from", tmp_path, "--point", 0, "--whole-memory")
    fails("--from goes with --point and --output alone", "compile", *sweep, code=2)
