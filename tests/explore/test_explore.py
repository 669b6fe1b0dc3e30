"""Sweeps of the example network: the command, interruptions, a cluster."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import hwmap
from hwmap.explore.store import FILE
from hwmap.project import read_project
from tests.command import fails, run
from tests.networks import ROOT

DIGITS = ROOT / "examples" / "digits.onnx"
DATA = ("--calib", ROOT / "examples/digits_calib.npz", "--test-data",
        ROOT / "examples/digits_test.npz")  # fmt: skip
SWEEP = ("explore", DIGITS, "--board", "pynq-z2", "--mem", "20KiB,560KiB", "--dsp", "20,220",
         "--style", "streaming", "--time-limit", 2)  # fmt: skip


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explore") / "sweep"
    result = run(*SWEEP, *DATA, "-o", folder)
    assert result.returncode == 0, result.stderr
    assert "report.html" in result.stdout
    return folder


def _table(folder: Path, *more: object) -> list[dict[str, object]]:
    result = run(*SWEEP, *DATA, "-o", folder, "--resume", "--json", *more)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)["points"]


def test_points_have_what_was_allowed_and_what_was_found(sweep: Path, tmp_path: Path):
    points = _table(sweep, "--csv", tmp_path / "points.csv")

    assert [(p["mem_bytes"], p["dsp"]) for p in points] == [
        (20480, 20), (20480, 220), (573440, 20), (573440, 220),
    ]  # fmt: skip
    for point in points:
        assert point["status"] == "optimal"
        assert point["fps"] == point["bound_fps"] == 1e8 / point["cycles"]
        assert point["used_mem_bytes"] <= point["mem_bytes"]
        assert point["used_dsp"] <= point["dsp"]
        assert point["top1"] > 0.98
        assert point["latency_ms"] > 0
    lines = (tmp_path / "points.csv").read_text("utf-8").splitlines()
    assert len(lines) == 5
    assert lines[0].split(",")[:4] == ["number", "board", "clock_mhz", "mem_bytes"]


def test_a_point_is_built_as_it_was_planned(sweep: Path, tmp_path: Path):
    point = _table(sweep)[1]

    result = run("compile", "--from", sweep, "--point", 1, "-o", tmp_path / "out", "--json")

    report = json.loads(result.stdout)
    assert (report["cycles"], report["dsp"]) == (point["cycles"], point["used_dsp"])
    assert report["status"] == "optimal"
    assert read_project(tmp_path / "out").compiled.plan.cycles == point["cycles"]


def test_what_does_not_fit_together_is_refused(sweep: Path, tmp_path: Path):
    fails("go on with it with --resume", *SWEEP, *DATA, "-o", sweep)
    fails("is there and not empty", *SWEEP, "-o", ROOT / "tests", "--resume")
    fails("calibration is none, was", *SWEEP, "-o", sweep, "--resume")
    fails("time limit is 3, was 2", *SWEEP, *DATA, "-o", sweep, "--resume", "--time-limit", 3)
    other = "--scales", "power-of-two"
    fails("scales is power-of-two, was free", *SWEEP, *DATA, "-o", sweep, "--resume", *other)
    fails("has no point 9; expected 0 to 3", "compile", "--from", sweep, "--point", 9)
    alone = "--from goes with --point and --output"
    fails(alone, "compile", DIGITS, "--from", sweep, "--point", 1, code=2)
    fails(alone, "compile", "--from", sweep, "--point", 1, "--scales", "free", code=2)
    fails("give MODEL and --board (or --engine)", "compile", "--point", 1, code=2)
    fails("board 'pynq-z2' has 220", *SWEEP, "-o", tmp_path / "a", "--dsp", "500")
    fails("expected sizes", *SWEEP, "-o", tmp_path / "a", "--mem", "1:2")
    fails("give --calib, or --max-drop 0", *SWEEP, "-o", tmp_path / "a", "--max-drop", "1")
    fails("cannot be reached", *SWEEP, "-o", tmp_path / "b", "--cluster", "tcp://127.0.0.1:1")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / FILE).write_text("no database" * 100)
    fails("not a store of a sweep", *SWEEP, "-o", tmp_path / "c", "--resume")
    assert not (tmp_path / "a").exists()


def test_budgets_that_are_too_small_are_points_too(tmp_path: Path):
    found = hwmap.explore(
        DIGITS, "pynq-z2", tmp_path / "sweep", dsp=[2, 220], style="streaming", time_limit=2
    )

    small, large = found.points
    assert (small.status, large.status) == ("infeasible", "optimal")
    assert "DSP slices" in small.message
    columns = found.columns()
    assert columns["dsp"].tolist() == [2, 220]
    assert columns["fps"][1] == large.fps
    assert columns["fps"][0] != columns["fps"][0]


def _killed(folder: Path, seconds: float) -> bool:
    """Runs the sweep, and kills it after a while; whether it was still running."""
    resume = ("--resume",) if (folder / FILE).exists() else ()
    command = [sys.executable, "-m", "hwmap", *SWEEP, *DATA, "-o", folder, *resume]
    with subprocess.Popen(
        list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        try:
            running.wait(seconds)
        except subprocess.TimeoutExpired:
            running.kill()
            return True
    return False


def _kill_and_compare(folder: Path, sweep: Path, moments: list[float]) -> None:
    killed = [_killed(folder, seconds) for seconds in moments]

    assert any(killed)
    assert _table(folder) == _table(sweep)
    with sqlite3.connect(folder / FILE) as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_sweep_that_was_killed_goes_on(sweep: Path, tmp_path: Path):
    _kill_and_compare(tmp_path / "killed", sweep, [3.0, 5.5])


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2))
def test_a_sweep_that_was_killed_at_random_moments_goes_on(seed: int, sweep: Path, tmp_path: Path):
    moments = sorted(random.Random(5 * seed + k).uniform(1.0, 5) for k in range(4))

    _kill_and_compare(tmp_path / "killed", sweep, moments)


def test_ctrl_c_says_so_and_resume_goes_on(sweep: Path, tmp_path: Path):
    folder = tmp_path / "stopped"
    command = [sys.executable, "-m", "hwmap", *SWEEP, *DATA, "-o", folder]
    with subprocess.Popen(
        list(map(str, command)), stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        while not (folder / FILE).exists():
            time.sleep(0.05)
        time.sleep(2)
        os.killpg(running.pid, signal.SIGINT)
        _, said = running.communicate()

    assert running.returncode == 130
    assert said == "hwmap: interrupted\n"
    assert _table(folder) == _table(sweep)


def test_two_runs_on_one_store_find_the_same(sweep: Path, tmp_path: Path):
    folder = tmp_path / "both"
    command = [sys.executable, "-m", "hwmap", *SWEEP, *DATA, "-o", folder]
    first = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
    while not (folder / FILE).exists():
        time.sleep(0.05)
        assert first.poll() is None
    second = run(*SWEEP, *DATA, "-o", folder, "--resume", "--json")

    assert first.wait() == 0
    assert json.loads(second.stdout)["points"] == _table(sweep)


def test_a_cluster_that_loses_a_worker_completes(sweep: Path, tmp_path: Path):
    distributed = pytest.importorskip("distributed")
    workers = [sys.executable, "-m", "distributed.cli.dask_worker"]
    options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", tmp_path]
    with distributed.LocalCluster(n_workers=0, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        command = list(map(str, (*workers, address, *options)))
        running = [
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(2)
        ]
        try:
            client = distributed.Client(address)
            client.wait_for_workers(2, timeout=60)
            sweeping = subprocess.Popen(
                list(map(str, (sys.executable, "-m", "hwmap", *SWEEP, *DATA, "-o",
                               tmp_path / "sweep", "--cluster", address))),
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
            while not any(client.processing().values()):
                time.sleep(0.05)
                assert sweeping.poll() is None
            running[0].kill()
            assert sweeping.wait(timeout=120) == 0
            client.close()
        finally:
            for worker in running:
                worker.kill()
                worker.wait()

    assert _table(tmp_path / "sweep") == _table(sweep)


def test_the_store_of_another_model_is_refused(sweep: Path, tmp_path: Path):
    copy = tmp_path / "other.onnx"
    content = bytearray(DIGITS.read_bytes())
    at = content.rindex(b"\x3e", 0, len(content) // 2)
    content[at] ^= 1
    copy.write_bytes(content)
    changed = tuple(copy if part == DIGITS else part for part in SWEEP)

    fails("model is", *changed, *DATA, "-o", sweep, "--resume")


def test_a_frozen_point(sweep: Path):
    found = hwmap.explore(
        DIGITS, "pynq-z2", sweep, mem=[20480, 573440], dsp=[20, 220], style="streaming",
        time_limit=2, calib=DATA[1], test_data=DATA[3], resume=True,
    )  # fmt: skip

    with pytest.raises(AttributeError):
        found.points[0].dsp = 3
    assert replace(found.points[0], dsp=3).dsp == 3
