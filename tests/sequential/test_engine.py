"""One engine, many networks: programs for hardware that exists, in one memory, from one binary."""

import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import hwmap
from hwmap.errors import BudgetError, InfeasibleError, PlanError
from hwmap.ladder import climb, run_simulation
from hwmap.project import Project, read_project
from hwmap.sequential.vectors import port_order
from tests.command import fails
from tests.models import ModelBuilder, chain
from tests.networks import ROOT
from tests.pynq import BASE, Driver, Registers

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


class _Board:
    """An overlay whose engine runs the program that its pointer points to, on the simulator."""

    def __init__(self, projects: list[Project]) -> None:
        self._projects = projects
        self.memory: list[np.ndarray] = []
        self.registers = Registers()
        self.hwmap_top_0 = SimpleNamespace(register_map=self.registers)
        self._leaving: list[bytes] = []
        self.input_dma = SimpleNamespace(
            sendchannel=SimpleNamespace(transfer=self._send, wait=lambda: None)
        )
        self.output_dma = SimpleNamespace(
            recvchannel=SimpleNamespace(transfer=self._receive, wait=lambda: None)
        )

    def _pointed(self) -> Project:
        content = self.memory[0].tobytes()[self.registers.address("program_words") - BASE :]
        (found,) = [
            project
            for project in self._projects
            if content.startswith(project.compiled.design.program.tobytes())
        ]
        return found

    def _send(self, words: np.ndarray) -> None:
        assert self.registers.CTRL.AP_START == 1
        assert self.registers.written["images"] == len(words)
        design = self._pointed().compiled.design
        bus = design.engine.bus_bytes
        shapes = {tensor.name: tensor.shape for tensor in (*design.inputs, *design.outputs)}
        inputs: dict[str, list[np.ndarray]] = {name: [] for name in port_order(design, "load")}
        for image in words:
            left = image.tobytes()
            for name in inputs:
                values, left = _taken(left, shapes[name], design.layouts[name].runs, bus)
                inputs[name].append(values)
            assert left == b""
        tensors = {name: np.stack(values) for name, values in inputs.items()}
        found = hwmap.style.simulate(design, tensors).outputs
        for number in range(len(words)):
            for name in port_order(design, "store"):
                runs = design.layouts[name].runs
                self._leaving.append(_given(found[name][number], runs, bus))

    def _receive(self, buffer: np.ndarray) -> None:
        buffer[:] = np.frombuffer(self._leaving.pop(0), np.int8)


def _taken(
    stream: bytes, shape: tuple[int, int, int], runs: tuple[int, ...], bus: int
) -> tuple[np.ndarray, bytes]:
    """A tensor (C, H, W) at the start of a stream, and the rest of it."""
    values = np.zeros(shape, np.int8)
    at = 0
    for row in range(shape[1]):
        for column in range(shape[2]):
            channel = 0
            for run in runs:
                values[channel : channel + run, row, column] = np.frombuffer(
                    stream, np.int8, run, at
                )
                channel, at = channel + run, at + -(-run // 8) * 8
        at = -(-at // bus) * bus
    return values, stream[at:]


def _given(values: np.ndarray, runs: tuple[int, ...], bus: int) -> bytes:
    """A tensor (C, H, W) as a stream."""
    stream = b""
    for row in range(values.shape[1]):
        for column in range(values.shape[2]):
            channel = 0
            for run in runs:
                own = values[channel : channel + run, row, column].astype(np.int8).tobytes()
                stream, channel = stream + own + bytes(-run % 8), channel + run
        stream += bytes(-len(stream) % bus)
    return stream


def test_the_driver_runs_every_program_and_finds_a_wrong_value(
    projects: list[Project],
    folders: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    board = _Board(projects)
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
