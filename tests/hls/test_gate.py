"""Emitted designs pass the gate of tests/hls/gate.py; what it is there to catch, it catches."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import hwmap
from hwmap.sequential.design import Design
from hwmap.sequential.hls import render
from tests.hls import gate
from tests.networks import ROOT, SHARED

pytestmark = pytest.mark.skipif(not gate.has_clang(), reason=gate.NO_CLANG)

DESIGNS = {
    "digits": ("pynq-z2", None),
    "resnet8_cifar10": ("pynq-z2", None),
    "mobilenetv1_025_vww": ("kv260", None),
    # It does not fit a smaller board; with the slices of a KV260 it has an array of that size.
    "squeezenet11_imagenet": ("u250", 1248),
}


@cache
def _design(name: str) -> Design:
    board, dsp = DESIGNS[name]
    folder = ROOT / "examples" if name == "digits" else SHARED / "models"
    if not folder.is_dir():
        pytest.skip("the shared networks are not here")
    return hwmap.compile(folder / f"{name}.onnx", board, dsp=dsp, time_limit=3).compiled.design


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Path]:
    """Writes the C++ of a design."""

    def write(name: str) -> Path:
        for path, content in render(_design(name)).items():
            target = tmp_path / "project" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / "project"

    return write


def _change(project: Path, header: str, old: str, new: str) -> None:
    path = project / "hls" / "hwmap" / header
    text = path.read_text("utf-8")
    assert text.count(old) == 1, f"{text.count(old)} x {old!r} in {header}"
    path.write_text(text.replace(old, new), "utf-8")


def _wanted_multiplications(design: Design) -> int:
    """Those of the cost model: an array and lanes for what the steps use, and the requantizers."""
    engine, kinds = design.engine, {step.kind for step in design.steps}
    matrix = -(-engine.pe // 2) * engine.simd if "matrix" in kinds else 0
    lanes = engine.vector_lanes if kinds - {"load", "store", "matrix", "max_pool"} else 0
    return matrix + lanes + engine.requant_lanes


@pytest.mark.parametrize("name", DESIGNS)
def test_a_design_passes_the_gate(name: str, project, tmp_path: Path):
    design, emitted = _design(name), project(name)

    ir = gate.compile_ir(emitted, tmp_path, optimized=True)
    plain = gate.compile_ir(emitted, tmp_path, optimized=False)

    assert gate.multiplications(ir) == _wanted_multiplications(design)
    assert gate.memories(ir) - {"tables"} == {"arena", "weights", "channels", "kSteps"}
    assert gate.misordered(ir, "arena") is False
    assert not gate.misordered(ir, "weights")
    assert not gate.misordered(ir, "channels")
    assert gate.unbound_arrays(plain, emitted) == []


def test_the_multiplications_are_the_slices_of_the_cost_model():
    design = _design("resnet8_cifar10")
    slices_of_requantizers = 2 * design.engine.requant_lanes

    lanes_and_array = _wanted_multiplications(design) - design.engine.requant_lanes

    assert lanes_and_array + slices_of_requantizers == design.engine.dsp


def test_a_write_before_the_read_is_caught(project, tmp_path: Path):
    emitted = project("digits")
    call = "DrainResults<P>(step, tables, channels, drain, complete, arena);"
    drain = f"    if (drain.left != 0) {call}\n"
    _change(emitted, "engine.hpp", drain, "")
    start = "    // Read, and multiply.\n"
    _change(emitted, "engine.hpp", start, drain + start)

    ir = gate.compile_ir(emitted, tmp_path, optimized=True)

    assert gate.misordered(ir, "arena") is True


def test_a_second_multiplication_in_a_lane_is_caught(project, tmp_path: Path):
    emitted = project("digits")
    _change(
        emitted,
        "terms.hpp",
        "(first || is_product ? 0 : before) + product;",
        "(first || is_product ? 0 : before) + (first ? product : factor * (value + operand));",
    )

    ir = gate.compile_ir(emitted, tmp_path, optimized=True)

    design = _design("digits")
    wanted = _wanted_multiplications(design) + design.engine.vector_lanes
    assert gate.multiplications(ir) == wanted


def test_every_missing_partition_is_caught(project, tmp_path: Path):
    emitted = project("digits")
    plain = gate.compile_ir(emitted, tmp_path, optimized=False)
    pragma = re.compile(r"#pragma HLS (?:ARRAY_PARTITION|AGGREGATE) variable = (\w+).*\n")
    memories = {"arena", "weights", "channels"}
    caught = 0
    for path in sorted((emitted / "hls").rglob("*.?pp")):
        text = path.read_text("utf-8")
        for found in pragma.finditer(text):
            if found[1] in memories:
                continue  # their BIND_STORAGE says what they become
            path.write_text(text[: found.start()] + text[found.end() :], "utf-8")
            missing = gate.unbound_arrays(plain, emitted)
            # The parameters of a function are bound where it is called.
            if not missing:
                assert f"&{found[1]})[" in text, f"{path.name}: {found[0]}"
            caught += len(missing) == 1
        path.write_text(text, "utf-8")

    assert caught >= 15
