"""Emitted streaming designs pass the gate of tests/hls/gate.py; what it is there to catch, it
catches."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import hwmap
from hwmap.streaming import units
from hwmap.streaming.design import Design
from hwmap.streaming.hls import render
from hwmap.streaming.pick import Pick
from hwmap.streaming.units import Unit, requant_lanes
from tests.hls import gate
from tests.models import ModelBuilder
from tests.networks import ROOT, SHARED

pytestmark = pytest.mark.skipif(not gate.has_clang(), reason=gate.NO_CLANG)

MEMORIES = {"rows", "weights", "channels", "sums", "complete", "held", "table"}
"""The arrays that are bound to a memory, or taken apart by a pragma that the gate checks."""


@cache
def _design(name: str, board: str, scales: str = "free") -> Design:
    folder = ROOT / "examples" if name == "digits" else SHARED / "models"
    if not folder.is_dir():
        pytest.skip("the shared networks are not here")
    result = hwmap.compile(
        folder / f"{name}.onnx", board, style="streaming", scales=scales, time_limit=20
    )
    return result.compiled.design


def _emit(design: Design, folder: Path) -> Path:
    for path, content in render(design).items():
        target = folder / "project" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / "project"


def _multiplications(unit: Unit, *, by_shifts: bool) -> int:
    """Those of a kernel: two products of a matrix share one, and a requantizer has one, if it does
    not shift; an average always has one."""
    scaled = 0 if by_shifts else 1
    match unit:
        case units.Matrix(target=target):
            rows = target.pixels if target.lanes % 2 and target.pixels % 2 == 0 else target.lanes
            shared = target.word_bytes // rows
            return -(-rows // 2) * shared * unit.simd + scaled * requant_lanes(unit)
        case units.Lanes(kind="average") | units.Reduce():
            return requant_lanes(unit)
        case units.Lanes():
            return unit.multipliers + scaled * requant_lanes(unit)
        case units.Join(kind="add", target=target):
            return 2 * scaled * target.word_bytes
        case units.Join(target=target) | units.Scale(target=target):
            return target.word_bytes + scaled * requant_lanes(unit)
        case Pick():
            return requant_lanes(unit) * (scaled + unit.taps)
        case _:
            return scaled * requant_lanes(unit)


def _checks(design: Design, emitted: Path, work: Path) -> dict[str, Callable[[], bool]]:
    """What has to hold for the emitted C++ of `design`, by name."""

    @cache
    def ir() -> str:
        return gate.compile_ir(emitted, work, optimized=True)

    def unbound() -> list[str]:
        return gate.unbound_arrays(gate.compile_ir(emitted, work, optimized=False), emitted)

    wanted = sum(
        _multiplications(kernel.unit, by_shifts=design.by_shifts)
        for kernel in design.network.kernels
    )
    return {
        "multiplications": lambda: len(gate.multiplications(ir())) == wanted,
        # `at` are the numbers of a kernel, taken apart; `word` and `arriving` are words of streams,
        # which clang may copy whole; a name with a dot is part of an array.
        "memories": lambda: (
            {name.partition(".")[0] for name in gate.memories(ir())}
            <= MEMORIES | {"at", "word", "arriving"}
        ),
        "order": lambda: all(gate.misordered(ir(), name) is not True for name in MEMORIES),
        "unbound arrays": lambda: unbound() == [],
    }


@pytest.mark.parametrize(
    ("name", "board", "scales"),
    [
        ("digits", "pynq-z2", "free"),
        ("digits", "pynq-z2", "power-of-two"),
        pytest.param("resnet8_cifar10", "kv260", "free", marks=pytest.mark.soak),
        pytest.param("resnet8_cifar10", "kv260", "power-of-two", marks=pytest.mark.soak),
        pytest.param("mobilenetv1_025_vww", "pynq-z2", "free", marks=pytest.mark.soak),
    ],
)
def test_a_design_passes_the_gate(name: str, board: str, scales: str, tmp_path: Path):
    design = _design(name, board, scales)
    checks = _checks(design, _emit(design, tmp_path), tmp_path)

    assert [check for check, holds in checks.items() if not holds()] == []


def test_kernels_that_move_values_pass_the_gate(tmp_path: Path):
    net = ModelBuilder((6, 8, 8))
    at = net.cut("x", (6, 8, 7), (1, 1, 0), name="cut")
    at = net.transposed(at, (5, 4), (2, 2), name="up", strides=[2, 2])
    sizes = net.constant(np.array([1, 4, 9, 20]), "sizes")
    at = net.node("Resize", at, "", "", sizes, name="resize", mode="linear")
    net.conv(at, (4, 4), (1, 1), name="last")
    model = net.save(tmp_path / "moves.onnx", "last")
    design = hwmap.compile(model, "pynq-z2", style="streaming").compiled.design

    checks = _checks(design, _emit(design, tmp_path), tmp_path)

    names = {kernel.name.rstrip("0123456789") for kernel in design.network.kernels}
    assert {"select", "resize"} <= names
    assert [check for check, holds in checks.items() if not holds()] == []


STORE = "    if (run.arriving() && arriving.Next()) TakeWord<P>(input, arrival, memory, clock);\n"
READ = """    const Place<P> place = window.Here();
"""
MUTATIONS = {
    "a write before the read": ("matrix.hpp", ((STORE, ""), (READ, STORE + READ)), "order"),
    "a product more": (
        "matrix.hpp",
        (
            (
                "sums[i] = Select(place.begins, 0, sums[i]) + terms[i];",
                "sums[i] = Select(place.begins, 0, sums[i]) + terms[i] * values[0];",
            ),
        ),
        "multiplications",
    ),
    "an array that is not taken apart": (
        "matrix.hpp",
        (("#pragma HLS ARRAY_PARTITION variable = terms complete\n", ""),),
        "unbound arrays",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_gate_catches(name: str, tmp_path: Path):
    header, changes, check = MUTATIONS[name]
    design = _design("digits", "pynq-z2")
    emitted = _emit(design, tmp_path)
    path = emitted / "hls" / "hwmap" / header
    text = path.read_text("utf-8")
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    path.write_text(text, "utf-8")

    assert not _checks(design, emitted, tmp_path)[check]()
