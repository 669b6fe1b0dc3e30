"""Real networks as streaming accelerators, rung by rung."""

import _thread
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from hwmap import api
from hwmap.errors import InfeasibleError, PlanError
from hwmap.project import read_project
from hwmap.style import plan_from_json, plan_to_json
from tests.command import run
from tests.models import ModelBuilder
from tests.networks import ROOT, Case, load_case

BOARD = "kv260"
SECONDS = 20.0
SMALL = ("digits", "cnn_mnist", "resnet8_cifar10")
LONG = ("autoencoder_ad", "dscnn_kws", "mobilenetv1_025_vww", "resnet20_cifar10")


def _compile(case: Case, folder: Path, **options: object) -> api.CompileResult:
    calibration = folder / "calibration.npz"
    np.savez(calibration, x=case.calibration)
    return api.compile(
        case.model,
        BOARD,
        folder / "build",
        calib=calibration,
        style="streaming",
        time_limit=SECONDS,
        **options,  # type: ignore[arg-type]
    )


def _climbs(case: Case, folder: Path) -> None:
    compiled = _compile(case, folder)

    result = api.verify(folder / "build")

    assert result.holds, [rung for rung in result.rungs if rung.holds is False]
    assert compiled.report.cycles >= compiled.report.bound_cycles


@pytest.mark.parametrize("name", SMALL)
def test_every_rung_holds(name: str, tmp_path: Path):
    _climbs(load_case(name), tmp_path)


def test_scales_that_are_powers_of_two_cost_no_slices(tmp_path: Path):
    case = load_case("resnet8_cifar10")
    labelled = tmp_path / "test.npz"
    np.savez(labelled, x=case.images, y=case.labels)
    by_shifts = _compile(case, tmp_path, scales="power-of-two", test_data=labelled, dsp=300).report

    assert api.verify(tmp_path / "build").holds

    assert by_shifts.accuracy is not None
    assert by_shifts.accuracy.free_top1 is not None
    assert by_shifts.accuracy.integer_top1 > by_shifts.accuracy.free_top1 - 0.02
    free = api.compile(case.model, BOARD, style="streaming", dsp=300, time_limit=SECONDS).report
    assert (by_shifts.cycles, by_shifts.dsp) < (free.cycles, free.dsp)


@pytest.mark.soak
@pytest.mark.parametrize("name", LONG)
def test_every_rung_holds_on_the_other_networks(name: str, tmp_path: Path):
    _climbs(load_case(name), tmp_path)


def test_a_plan_comes_back_and_a_broken_promise_is_refused(tmp_path: Path):
    case = load_case("digits")
    first = _compile(case, tmp_path)
    text = (tmp_path / "build" / "plan.json").read_text("utf-8")
    plan = plan_from_json(text, "plan.json")

    (tmp_path / "build").rename(tmp_path / "first")
    _compile(case, tmp_path, plan=tmp_path / "first" / "plan.json")

    assert plan_to_json(plan) == text
    assert plan.cycles == first.report.cycles
    for name in ("hls/top.cpp", "hls/kernels.hpp", "constants.bin"):
        assert (tmp_path / "build" / name).read_bytes() == (tmp_path / "first" / name).read_bytes()
    for old, new, message in (
        (f'"cycles": {plan.cycles}', f'"cycles": {plan.cycles - 1}', "slowest kernel has"),
        ('"dsp": ', '"dsp": 1', "DSP slices, but takes"),
        ('"pe": ', '"pe": 90', "PE=90"),
        ('"simd": ', '"simd": 70', "SIMD=70"),
        ('"constants": "lutram"', '"constants": "uram"', "expected lutram or bram"),
        ('"style": "streaming"', '"style": "sequential"', "not a plan"),
    ):
        broken = tmp_path / "broken.json"
        broken.write_text(text.replace(old, new), "utf-8")
        with pytest.raises(PlanError, match=message):
            api.compile(case.model, BOARD, plan=broken, style="streaming")


def test_a_transposed_convolution_is_two_kernels_that_a_plan_names(tmp_path: Path):
    model = ModelBuilder((2, 6, 6))
    up = model.transposed("x", (2, 3), (3, 3), name="up", strides=[2, 2])
    model.conv(up, (3, 2), (1, 1), name="last")
    path = model.save(tmp_path / "up.onnx", "last")

    api.compile(path, BOARD, tmp_path / "build", style="streaming")

    plan = plan_from_json((tmp_path / "build/plan.json").read_text("utf-8"), "plan.json")
    assert [folding.op for folding in plan.foldings] == ["up", "up.phases", "last"]
    assert api.verify(tmp_path / "build").holds


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"lut": 2000}, r"at least 7,\d{3} LUTs, there are 2,000; raise it"),
        ({"dsp": 1}, r"at least 11 DSP slices, there are 1; raise it"),
        ({"mem": 2048}, r"at least 4,608 bytes of memory, there are 2,048; raise it"),
    ],
)
def test_a_budget_that_is_too_small_is_named(budget: dict[str, int], message: str):
    case = load_case("digits")

    with pytest.raises(InfeasibleError, match=message):
        api.compile(case.model, BOARD, style="streaming", **budget)


def test_auto_keeps_the_faster_style(tmp_path: Path):
    report = api.compile(load_case("digits").model, BOARD, style="auto").report

    assert report.style == "streaming"


def _stopped(output: Path) -> tuple[object, ...]:
    """A compilation that takes a while."""
    case = load_case("digits")
    data = ROOT / "examples" / "digits_calib.npz"
    return ("compile", case.model, "--board", BOARD, "--style", "streaming", "--max-drop", 1,
            "--calib", data, "--cache", output.parent / "cache", "-o", output)  # fmt: skip


@pytest.mark.parametrize("seconds", [0.3, 1.5])
def test_ctrl_c_says_so_and_leaves_nothing(seconds: float, tmp_path: Path):
    timer = threading.Timer(seconds, _thread.interrupt_main)
    timer.start()

    result = run(*_stopped(tmp_path / "out"))

    assert result.returncode == 130
    assert result.stderr.splitlines()[-1] == "hwmap: interrupted"
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}


@pytest.mark.parametrize("seconds", [1.5, 4])
def test_a_compilation_that_is_killed_leaves_no_output(seconds: float, tmp_path: Path):
    output = tmp_path / "out"
    command = [sys.executable, "-m", "hwmap", *map(str, _stopped(output))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        time.sleep(seconds)
        running.kill()

    assert not output.exists() or read_project(output).compiled.plan.cycles
