"""What is emitted: golden text, the idioms of synthesis, no warnings."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import hwmap
from hwmap.board import load_board
from hwmap.compiler import load_source
from hwmap.files.resources import used_headers
from hwmap.quantize.calibrate import measure_ranges
from hwmap.quantize.lower import lower
from hwmap.sequential.design import build_design
from hwmap.sequential.hls import TEMPLATES, render
from tests.headers import STAND_INS, stage, synthesized
from tests.models import ModelBuilder, chain
from tests.networks import SHARED
from tests.sequential.plans import plan_of


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | bytes]:
    model = chain().save(tmp_path_factory.mktemp("net") / "chain.onnx", "out")
    compiled = hwmap.compile(model, "pynq-z2", max_drop=0.0, time_limit=3).compiled
    return render(compiled.design)


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_emitted_text_is_the_golden_one(name: str, files, golden):
    golden(Path(name).name, files[name])


def test_the_listing_names_every_onnx_node(files):
    found = re.findall(r"^\d+: \w+ '(.*?)'", files["program.txt"], re.MULTILINE)

    assert found == ["x", "a", "b", "pool", "out", "out"]


def test_nothing_but_the_program_depends_on_the_network(files, tmp_path: Path):
    net = ModelBuilder((8, 6, 6))
    net.node("MaxPool", net.conv("x", (8, 5), (3, 3), name="a"), name="out", kernel_shape=[2, 2])
    graph = load_source(net.save(tmp_path / "other.onnx", "out"))
    inputs = {"x": net.rng.standard_normal((4, 8, 6, 6)).astype("f")}
    model = chain().save(tmp_path / "chain.onnx", "out")
    design = hwmap.compile(model, "pynq-z2", max_drop=0.0, time_limit=3).compiled.design
    plan = plan_of(graph, load_board("pynq-z2"), design.engine)
    assert plan is not None
    made = build_design(lower(graph, measure_ranges(graph, inputs)), plan, load_board("pynq-z2"))
    same = replace(made, arena_words=design.arena_words, constant_words=design.constant_words,
                   packing=design.packing)  # fmt: skip

    other = render(same)

    hardware = [name for name in files if name.startswith("hls/") and name != "hls/top.cpp"]
    assert {name for name in hardware if other[name] != files[name]} == set()


def test_only_the_headers_that_a_design_uses_are_emitted(files):
    emitted = {path for path in files if path.startswith("hls/hwmap/")}
    included = set(re.findall(r'#include "(hwmap/.*)"', "\n".join(map(str, files.values()))))

    assert emitted == {f"hls/{path}" for path in included}
    assert set(used_headers(['#include "hwmap/stream.hpp"'], "sequential")) == {
        "hwmap/clock.hpp",
        "hwmap/stream.hpp",
    }


def test_every_loop_of_the_headers_has_a_label_and_a_pragma():
    text = "\n".join(path.read_text("utf-8") for path in synthesized())
    lines = [line.strip() for line in text.splitlines()]

    for at, line in enumerate(lines):
        if line.startswith(("for (", "while (")):
            assert re.fullmatch(r"[A-Z]\w+:", lines[at - 1]), f"no label: {line}"
            nearby = " ".join(lines[at : at + 4])
            assert "#pragma HLS" in nearby, f"no pragma: {line}"


def test_every_pipelined_loop_states_its_style_and_its_trips():
    for header in synthesized():
        loops = header.read_text("utf-8").split("\n")
        for at, line in enumerate(loops):
            if "PIPELINE" not in line:
                continue
            assert line == "#pragma HLS PIPELINE II = 1 style = flp", f"{header.name}: {line}"
            # A function that is pipelined has no trips.
            assert "LOOP_TRIPCOUNT" in loops[at + 1] or "INLINE off" in loops[at - 1], header.name


def test_the_headers_use_nothing_that_cannot_be_synthesized():
    for header in synthesized():
        text = re.sub(r"//.*", "", header.read_text("utf-8"))
        if header.name not in ("stream.hpp", "clock.hpp", "fifo.hpp"):
            assert not re.search(r"\bdouble\b|\bfloat\b|\bnew\b|std::vector|malloc", text), header


def test_each_header_compiles_alone_without_a_warning(tmp_path: Path):
    include = stage(tmp_path)
    for header in synthesized():
        source = tmp_path / "main.cpp"
        source.write_text(f'#include "hwmap/{header.name}"\nint main() {{}}\n', "utf-8")
        flags = ["-std=c++14", "-Wall", "-Wextra", "-Wpedantic"]
        flags += ["-Wno-unknown-pragmas", "-Wno-unused-label"]
        command = ["g++", *flags, f"-I{include}", "-fsyntax-only", str(source)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.stderr == "", header


def test_the_emitted_project_compiles_without_a_warning(files, tmp_path: Path):
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    run = subprocess.run(
        ["make", "bin/csim", "bin/cycles"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0
    assert run.stderr == ""


def test_the_vendors_side_of_the_project_compiles_and_computes_the_same(tmp_path: Path):
    model = chain().save(tmp_path / "chain.onnx", "out")
    build = tmp_path / "build"
    hwmap.compile(model, "pynq-z2", build, max_drop=0.0, time_limit=3)

    assert run_with_vendor_types(build, tmp_path) == "10 images, 50 values, all as expected\n"


@pytest.mark.parametrize("name", ["resnet8_cifar10", "mobilenetv1_025_vww"])
def test_every_value_of_a_network_fits_its_register(name: str, tmp_path: Path):
    model = SHARED / "models" / f"{name}.onnx"
    if not model.is_file():
        pytest.skip("the shared networks are not here")
    build = tmp_path / "build"
    hwmap.compile(model, "kv260", build, time_limit=3)

    assert run_with_vendor_types(build, tmp_path).endswith("all as expected\n")


@pytest.mark.parametrize("outputs", [("large", "small"), ("small", "large")])
def test_outputs_may_leave_in_another_order_than_the_networks(
    outputs: tuple[str, str], tmp_path: Path
):
    net = ModelBuilder((4, 8, 8))
    net.conv(net.conv("x", (4, 6), (3, 3), name="large"), (6, 3), (3, 3), name="small")
    model = net.save(tmp_path / "two.onnx", *outputs)

    hwmap.compile(model, "pynq-z2", tmp_path / "build", style="sequential", time_limit=2)

    assert hwmap.verify(tmp_path / "build").holds


def run_with_vendor_types(build: Path, work: Path) -> str:
    """What the test bench prints, compiled as Vitis HLS would with stand-ins for its types, which
    end the program at a value that does not fit."""
    flags = ["-std=c++14", "-O1", "-Wall", "-Wextra", "-Wno-unknown-pragmas", "-Wno-unused-label"]
    sources = [str(build / "hls" / name) for name in ("top.cpp", "testbench.cpp")]
    includes = [f"-I{STAND_INS}", f"-I{build / 'hls'}"]
    compiled = subprocess.run(
        ["g++", *flags, "-DHWMAP_VITIS", *includes, *sources, "-o", work / "vitis"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert compiled.stderr == ""
    return subprocess.run([work / "vitis", build], capture_output=True, text=True).stdout
