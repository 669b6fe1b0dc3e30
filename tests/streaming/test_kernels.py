"""Each kernel of a project runs alone, on the words of the whole accelerator."""

import os
import re
import subprocess
from pathlib import Path

import pytest

import hwmap
from tests.headers import STAND_INS
from tests.networks import ROOT


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kernels") / "build"
    hwmap.compile(ROOT / "examples" / "digits.onnx", "pynq-z2", folder, style="streaming")
    return folder


def _make(build: Path, kernel: str, flags: str = "") -> subprocess.CompletedProcess[str]:
    extra = f"{os.environ['CXXFLAGS']} -Werror {flags}"
    command = ["make", "-s", "-C", str(build), "kernel", f"KERNEL={kernel}", f"CXXFLAGS={extra}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _kernels(build: Path) -> dict[str, str]:
    """One of each kind."""
    text = (build / "hls" / "kernel_bench.cpp").read_text("utf-8")
    names = re.findall(r"defined\(HWMAP_KERNEL_(\w+)\)", text)
    return {name.rstrip("0123456789"): name for name in names}


def test_a_kernel_of_each_kind_gives_the_words_of_the_whole(build: Path):
    kernels = _kernels(build)
    assert {"Conv", "Fork", "Add"} <= kernels.keys()

    for kernel in kernels.values():
        run = _make(build, kernel)
        assert run.returncode == 0, run.stdout + run.stderr
        assert re.search(r"s\d+: [1-9]\d* words, 0 differ", run.stdout)


def test_a_kernel_that_gives_another_word_is_found(build: Path):
    kernel = _kernels(build)["Conv"]
    assert _make(build, kernel).returncode == 0
    text = (build / "hls" / "kernel_bench.cpp").read_text("utf-8")
    (stream,) = re.findall(
        rf'HWMAP_KERNEL_{kernel}\).*?SameWords\(directory, "(s\d+)"', text, re.DOTALL
    )
    words = build / "vectors" / "streams" / f"{stream}.bin"
    whole = words.read_bytes()
    words.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])

    run = _make(build, kernel)

    words.write_bytes(whole)
    assert run.returncode != 0
    assert f"{stream}: " in run.stdout
    assert ", 1 differ" in run.stdout


def test_a_kernel_compiles_with_the_vendors_types(build: Path):
    kernel = _kernels(build)["Conv"]
    assert _make(build, kernel).returncode == 0
    flags = ["-std=c++14", "-DHWMAP_VITIS", f"-DHWMAP_KERNEL_{kernel}"]
    includes = [f"-I{STAND_INS}", f"-I{build / 'hls'}", "-Wno-unknown-pragmas"]
    source, program = build / "hls" / "kernel_bench.cpp", build / "bin" / "vendor"

    subprocess.run(["g++", *flags, *includes, str(source), "-o", str(program)], check=True)

    run = subprocess.run([program, build], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
