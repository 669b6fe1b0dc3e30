"""The command line: results, JSON, and one clear line for everything that is wrong."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hwmap.board import board_names
from tests.command import fails, is_refused, process, run
from tests.models import ModelBuilder, chain
from tests.networks import ROOT

DIGITS = str(ROOT / "examples" / "digits.onnx")
CALIB = str(ROOT / "examples" / "digits_calib.npz")
TEST = str(ROOT / "examples" / "digits_test.npz")
FAST = ("--time-limit", "2")


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("cli") / "build"
    result = run("compile", DIGITS, "--board", "pynq-z2", "--calib", CALIB, "-o", directory, *FAST)
    assert result.returncode == 0, result.stderr
    return directory


def test_compile_prints_the_table_and_where_the_project_is(tmp_path: Path):
    arguments = ("--calib", CALIB, "--test-data", TEST, "-o", tmp_path / "out", *FAST)
    result = process("compile", DIGITS, "--board", "pynq-z2", *arguments)

    assert result.returncode == 0
    for part in ("cycles per image", "images/s at 100 MHz", "MAC per multiplier", "DSP slices"):
        assert part in result.stdout
    for part in ("on-chip memory", "decomposed", "recomputed", "float 0.99", "hwmap verify"):
        assert part in result.stdout


def test_compile_writes_the_same_bytes_twice(build: Path, tmp_path: Path):
    again = tmp_path / "again"
    process("compile", DIGITS, "--board", "pynq-z2", "--calib", CALIB, "-o", again, *FAST)

    files = sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())

    assert len(files) > 15
    for file in files:
        assert (again / file).read_bytes() == (build / file).read_bytes(), file


def test_a_plan_is_taken_back(build: Path, tmp_path: Path):
    plan = ("--plan", build / "plan.json", "-o", tmp_path / "out")
    result = run("compile", DIGITS, "--board", "pynq-z2", "--calib", CALIB, *plan)

    assert result.returncode == 0
    program = (tmp_path / "out" / "program.bin").read_bytes()
    assert program == (build / "program.bin").read_bytes()


def test_verify_holds_and_json_says_so(build: Path):
    result = run("verify", build, "--json")

    assert result.returncode == 0
    data = json.loads(result.stdout)
    assert data["holds"] is True
    assert len(data["rungs"]) == 9


def test_verify_finds_a_changed_constant(build: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", build, copy], check=True)
    program = bytearray((copy / "program.bin").read_bytes())
    program[400] ^= 0x55
    (copy / "program.bin").write_bytes(bytes(program))

    result = run("verify", copy)

    assert result.returncode == 1
    assert "FAILED  emitted files = design: program.bin is missing or was changed" in result.stdout
    assert "values differ" in result.stdout


def test_simulate_prints_every_step(build: Path):
    data = json.loads(run("simulate", build, "--images", 2, "--json").stdout)

    assert data["images"] == 2
    assert data["cycles"] == data["steps"][-1]["end_cycle"]
    assert {step["kind"] for step in data["steps"]} >= {"load", "matrix", "depthwise", "sum"}
    assert "stem" in run("simulate", build).stdout


def test_boards_are_listed():
    names = [board["name"] for board in json.loads(run("boards", "--json").stdout)["boards"]]

    assert names == list(board_names())
    assert {"kv260", "pynq-z2", "u250", "zybo-z7-10"} <= set(names)
    assert "pynq-z2" in run("boards").stdout


def test_help_names_the_verbs():
    result = process("--help")

    assert result.returncode == 0
    for verb in ("inspect", "compile", "simulate", "verify", "boards"):
        assert verb in result.stdout


def compile_digits(*arguments: object) -> tuple[object, ...]:
    return ("compile", DIGITS, "--calib", CALIB, *FAST, *arguments)


def test_a_wrong_board_lists_the_known_ones(tmp_path: Path):
    result = process(*compile_digits("--board", "zu3", "-o", tmp_path / "out"))

    known = ", ".join(board_names())
    is_refused(result, f"board 'zu3' is not known; expected one of {known}, or a path")
    assert not (tmp_path / "out").exists()


BOARD = (ROOT / "hwmap" / "boards" / "pynq-z2.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOARD.replace("dsp = 220\n", ""), "field 'dsp' is missing; expected the number of DSP"),
        (BOARD.replace("dsp = 220", "dsp = -1"), "dsp=-1; expected the number of DSP slices"),
        (BOARD.replace("dsp = 220", "dsp = true"), "dsp=True; expected the number of DSP slices"),
        (
            BOARD.replace("DSP48E1", "DSP58"),
            "dsp_slice='DSP58'; expected the kind of its DSP slices in quotes: DSP48E1 or DSP48E2",
        ),
        (BOARD + "colour = 1\n", "field 'colour' is not known"),
        ("dsp = ", "not valid TOML"),
        (BOARD.replace("dram_port_bits = 64", "dram_port_bits = 60"), "a power of 2"),
    ],
)
def test_a_wrong_board_file_names_the_field(text: str, message: str, tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")

    fails(message, *compile_digits("--board", path, "-o", tmp_path / "out"))


def test_a_board_file_works(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(BOARD.replace('"pynq-z2"', '"mine"').replace("dsp = 220", "dsp = 60"), "utf-8")

    result = run(*compile_digits("--board", path, "-o", tmp_path / "out", "--json"))

    assert json.loads(result.stdout)["dsp"] <= 60


def test_a_budget_too_small_says_the_least_that_works(tmp_path: Path):
    arguments = compile_digits("--board", "pynq-z2", "--mem", "2KiB", "-o", tmp_path / "out")
    refused = run(*arguments)
    is_refused(refused, "(proved: at least", code=3)
    message = refused.stderr
    least = message.split("--mem ")[1].split()[0]

    result = run(*compile_digits("--board", "pynq-z2", "--mem", least, "-o", tmp_path / "out"))

    assert result.returncode == 0
    assert "in 2,048 bytes of on-chip memory" in message


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--mem", "0", "budget of 0 bytes of on-chip memory: board 'pynq-z2' has 645,120"),
        ("--mem", "1GB", "board 'pynq-z2' has 645,120"),
        ("--mem", "lots", "memory 'lots': expected bytes, for example 262144, 256KiB or 1.5MiB"),
        ("--dsp", "0", "budget of 0 DSP slices: board 'pynq-z2' has 220"),
        ("--dsp", "221", "give a number from 1 to 220"),
        ("--lut", "53201", "budget of 53,201 LUTs: board 'pynq-z2' has 53,200"),
        ("--clock", "0", "clock of 0 MHz; give a positive number"),
        ("--max-drop", "-1", "drop of -1.0; give points or percent from 0 to 100"),
        ("--max-drop", "nan", "drop of nan; give points or percent from 0"),
        ("--time-limit", "0", "time limit of 0.0 s; give a positive number"),
    ],
)
def test_a_wrong_limit_is_one_clear_line(option: str, value: str, message: str, tmp_path: Path):
    arguments = ("--board", "pynq-z2", "-o", tmp_path / "out", option, value)

    fails(message, *compile_digits(*arguments))


def test_an_output_directory_that_is_not_empty_is_left_alone(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("keep", "utf-8")

    fails("is there and not empty", *compile_digits("--board", "pynq-z2", "-o", tmp_path))

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_output_directory_that_is_a_file_is_left_alone(tmp_path: Path):
    (tmp_path / "out").write_text("keep", "utf-8")

    fails("is there and not empty", *compile_digits("--board", "pynq-z2", "-o", tmp_path / "out"))


def test_a_failed_compilation_leaves_nothing(tmp_path: Path):
    run(*compile_digits("--board", "pynq-z2", "--mem", "1KiB", "-o", tmp_path / "a" / "out"))

    assert list(tmp_path.iterdir()) == []


def _save(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


IMAGES = np.zeros((3, 1, 8, 8), np.float32)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": IMAGES}, "array 'x' (the images) is missing; found images"),
        ({"x": IMAGES[..., :7]}, "has shape (3, 1, 8, 7); expected (N, 1, 8, 8)"),
        ({"x": IMAGES[:0]}, "'x' has no images"),
        ({"x": np.full_like(IMAGES, np.nan)}, "holds NaN or infinite values"),
        ({"x": IMAGES.astype(str)}, "expected numbers as the model takes them"),
        (
            {"x": IMAGES, "y": np.zeros(2, int)},
            "'y' has shape (2,) of int64; expected one whole number",
        ),
        ({"x": IMAGES, "y": np.zeros(3)}, "expected one whole number for each of the"),
    ],
)
def test_wrong_data_is_one_clear_line(arrays: dict[str, np.ndarray], message: str, tmp_path: Path):
    path = _save(tmp_path / "data.npz", **arrays)

    fails(
        message,
        *("compile", DIGITS, "--board", "pynq-z2", "--calib", path, "-o", tmp_path / "out"),
    )


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"text"])
def test_a_data_file_that_is_no_npz_is_refused(content: bytes, tmp_path: Path):
    (tmp_path / "data.npz").write_bytes(content)

    fails(
        "not a readable .npz",
        *("compile", DIGITS, "--board", "pynq-z2", "--calib", tmp_path / "data.npz"),
        cwd=tmp_path,
    )


def test_a_model_with_unsupported_operators_is_one_line(tmp_path: Path):
    net = ModelBuilder((2, 4, 4))
    net.node("Hardmax", net.node("Det", "x", name="wave"), name="out")
    path = net.save(tmp_path / "net.onnx", "out")

    fails("node 'wave': operator 'Det'", "compile", path, "--board", "pynq-z2", cwd=tmp_path)
    fails("node 'out': operator 'Hardmax'", "compile", path, "--board", "pynq-z2", cwd=tmp_path)


def test_a_plan_for_another_network_is_refused(build: Path, tmp_path: Path):
    model = chain().save(tmp_path / "net.onnx", "out")

    fails(
        "the plan is for 'digits' on 'pynq-z2'; expected 'net' on",
        *("compile", model, "--board", "pynq-z2", "--plan", build / "plan.json"),
        *("-o", tmp_path / "out"),
    )


def test_a_plan_that_was_edited_is_refused(build: Path, tmp_path: Path):
    plan = json.loads((build / "plan.json").read_text("utf-8"))
    plan["cycles"] -= 1
    (tmp_path / "plan.json").write_text(json.dumps(plan), "utf-8")

    fails(
        f"the steps take {plan['cycles'] + 1:,} cycles; the plan says {plan['cycles']:,}",
        *compile_digits("--board", "pynq-z2", "--plan", tmp_path / "plan.json"),
        *("-o", tmp_path / "out"),
    )


def test_a_directory_that_is_no_build_is_refused(tmp_path: Path):
    fails("not a complete hwmap build", "simulate", tmp_path)
    fails("not a complete hwmap build", "verify", tmp_path)


def test_without_calibration_data_there_is_a_warning(tmp_path: Path):
    result = run("compile", DIGITS, "--board", "pynq-z2", "-o", tmp_path / "out", *FAST)

    assert result.returncode == 0
    assert "no calibration data" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compile", DIGITS), "Missing option '--board'"),
        (("compile", DIGITS, "--board", "kv260", "--dsp", "many"), "Invalid value for '--dsp'"),
        (("compile", DIGITS, "--board", "kv260", "--colour"), "No such option"),
        (("paint",), "No such command 'paint'"),
    ],
)
def test_a_wrong_command_line_is_one_clear_line(arguments: tuple[str, ...], message: str):
    fails(message, *arguments, code=2)


def test_a_process_exits_with_the_code_of_its_error():
    is_refused(process("paint"), "No such command 'paint'", code=2)


def test_names_with_markup_and_line_breaks_are_only_names(tmp_path: Path):
    net = ModelBuilder((2, 4, 4))
    net.conv("x", (2, 3), (1, 1), name="out")
    net.nodes[0].name = "a[/red]\n#error \\"
    model = net.save(tmp_path / "net.onnx", "out")

    result = run("compile", model, "--board", "pynq-z2", "-o", tmp_path / "out", *FAST)

    assert result.returncode == 0
    assert run("simulate", tmp_path / "out").returncode == 0
    assert run("verify", tmp_path / "out").returncode == 0


def test_inputs_of_any_name_are_kept(tmp_path: Path):
    net = ModelBuilder((2, 4, 4))
    net.inputs.append(type(net.inputs[0])())
    net.inputs[1].CopyFrom(net.inputs[0])
    net.inputs[1].name = "y"
    a = net.conv("x", (2, 3), (1, 1), name="file")
    net.node("Add", a, net.conv("y", (2, 3), (1, 1), name="x.npy"), name="out")
    model = net.save(tmp_path / "net.onnx", "out")

    result = run("compile", model, "--board", "kv260", "-o", tmp_path / "out", *FAST)

    assert result.returncode == 0
    assert run("verify", tmp_path / "out").returncode == 0


@pytest.mark.parametrize(
    "name",
    ["plan.json", "report.json", "network.npz", "network.json", "model.onnx", "settings.json"],
)
def test_a_build_that_was_changed_is_refused(name: str, build: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", build, copy], check=True)
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[:-2])

    fails("was changed or damaged since it was compiled", "simulate", copy)


def test_a_stale_program_does_not_pass_for_the_project(build: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", build, copy], check=True)
    (copy / "bin").mkdir(exist_ok=True)
    (copy / "bin" / "csim").write_text("#!/bin/sh\ncp vectors/expected.bin vectors/outputs.bin\n")
    (copy / "bin" / "csim").chmod(0o755)
    (copy / "hls" / "top.cpp").write_text("#error wrong\n", "utf-8")

    result = run("verify", copy)

    assert "`make csim` failed" in result.stdout
    assert result.returncode == 1


def test_labels_outside_the_classes_are_refused(tmp_path: Path):
    data = _save(tmp_path / "data.npz", x=IMAGES, y=np.array([0, 10, 3]))

    fails(
        "labels outside 0 to 9",
        *compile_digits("--board", "pynq-z2", "--test-data", data, "-o", tmp_path / "out"),
    )


def test_test_data_without_labels_is_refused(tmp_path: Path):
    data = _save(tmp_path / "data.npz", x=IMAGES)

    fails(
        "array 'y' is missing; expected a label for each image",
        *compile_digits("--board", "pynq-z2", "--test-data", data, "-o", tmp_path / "out"),
    )


def test_an_output_directory_that_cannot_be_made_is_refused_before_the_work():
    fails("cannot be written", *compile_digits("--board", "pynq-z2", "-o", "/proc/hwmap/out"))
