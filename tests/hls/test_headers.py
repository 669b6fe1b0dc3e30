"""One plain C++ program per header: hls/test/*.cpp, compiled with the sanitizers and run."""

import subprocess
from pathlib import Path

import pytest

from tests.headers import headers, stage

HLS = Path(__file__).resolve().parents[2] / "hls"
PROGRAMS = sorted((HLS / "test").glob("*.cpp"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.stem)
def test_the_headers_own_program_passes(program: Path, tmp_path: Path):
    binary = tmp_path / "test"
    flags = ["-std=c++14", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas"]
    flags += ["-Wno-unused-label", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    command = ["g++", *flags, "-DHWMAP_CYCLES", f"-I{stage(tmp_path)}"]
    command += ["-o", str(binary), str(program)]
    subprocess.run(command, check=True)

    run = subprocess.run([binary], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert run.returncode == 0, run.stdout + run.stderr


def test_every_header_with_behaviour_has_a_program():
    without = {"sizes"}

    named = {path.stem for path in headers()} - without

    assert {path.stem.removesuffix("_test") for path in PROGRAMS} == named
