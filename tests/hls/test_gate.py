"""Emitted designs pass the gate of tests/hls/gate.py; what it is there to catch, it catches."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import hwmap
from hwmap.compiler import Compiled
from hwmap.sequential.design import Design, build_design
from hwmap.sequential.geometry import TAPS
from hwmap.sequential.hls import render
from tests.hls import gate
from tests.networks import ROOT, SHARED
from tests.sequential.plans import first_edge, plan_of

pytestmark = pytest.mark.skipif(not gate.has_clang(), reason=gate.NO_CLANG)

DESIGNS = {
    "digits": ("pynq-z2", None),
    "resnet8_cifar10": ("pynq-z2", None),
    "mobilenetv1_025_vww": ("pynq-z2", None),
    "squeezenet11_imagenet": ("kv260", None),
}
LONG = {"squeezenet11_imagenet"}
MEMORIES = {"arena", "constants", "even", "odd", "table", "pointers", "segments"}
"""Arrays that stay memories: what the plan binds, and what LUTs hold."""


@cache
def _design(name: str) -> Design:
    board, dsp = DESIGNS[name]
    folder = ROOT / "examples" if name == "digits" else SHARED / "models"
    if not folder.is_dir():
        pytest.skip("the shared networks are not here")
    compiled = hwmap.compile(folder / f"{name}.onnx", board, dsp=dsp, time_limit=3).compiled
    return _spilling(compiled) if name == "digits" else compiled.design


def _spilling(compiled: Compiled) -> Design:
    """The design of the same network on the same engine, with a tensor that goes through DRAM."""
    board = compiled.settings.board
    edges = frozenset({first_edge(compiled.source)})
    plan = plan_of(compiled.source, board, compiled.plan.engine, spills=edges)
    return build_design(compiled.graph, plan, board)


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
    """Those of the cost model: the array, the lanes, and the requantizers."""
    engine = design.engine
    matrix = -(-engine.pe // 2) * engine.simd
    return matrix + TAPS * engine.vector_lanes + engine.requant_lanes


def _checks(design: Design, emitted: Path, work: Path) -> dict[str, Callable[[], bool]]:
    """What has to hold for the emitted C++ of `design`, by name."""
    engine, packed = design.engine, design.packing

    @cache
    def ir() -> str:
        return gate.compile_ir(emitted, work, optimized=True)

    def wide() -> list[tuple[int, int]]:
        products = gate.multiplications(ir())
        return [sizes for sizes in products if sizes[0] > packed.operand_bits or sizes[1] > 18]

    def unbound() -> list[str]:
        return gate.unbound_arrays(gate.compile_ir(emitted, work, optimized=False), emitted)

    cascades = -(-engine.pe // 2) * -(-engine.simd // packed.terms)
    lanes = {"load": engine.banks, "store": engine.banks}
    return {
        "multiplications": lambda: (
            len(gate.multiplications(ir())) == _wanted_multiplications(design)
        ),
        # A requantizer's operands are wider: two slices.
        "operands": lambda: len(wide()) <= engine.requant_lanes,
        "splits": lambda: gate.splits(ir(), packed.shift_bits) == cascades,
        "memories": lambda: gate.memories(ir()) == MEMORIES,
        "arena accesses": lambda: gate.accesses_per_trip(ir(), "arena") == lanes,
        "constant accesses": lambda: (
            gate.accesses_per_trip(ir(), "constants")["load"] == engine.port_bytes // 8
        ),
        "arena order": lambda: gate.misordered(ir(), "arena") is False,
        "constant order": lambda: gate.misordered(ir(), "constants") is False,
        "unbound arrays": lambda: unbound() == [],
        "pragmas": lambda: gate.missing_pragmas(emitted, design.in_uram) == [],
    }


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.soak if name in LONG else ()) for name in DESIGNS],
)
def test_a_design_passes_the_gate(name: str, project, tmp_path: Path):
    checks = _checks(_design(name), project(name), tmp_path)

    assert [check for check, holds in checks.items() if not holds()] == []


def test_the_multiplications_are_the_slices_of_the_cost_model():
    design = _design("resnet8_cifar10")
    slices_of_requantizers = 2 * design.engine.requant_lanes

    lanes_and_array = _wanted_multiplications(design) - design.engine.requant_lanes

    assert lanes_and_array + slices_of_requantizers == design.engine.dsp


READ = "                   static_cast<std::int8_t>(row.pad_value), words);\n"
SUM = "LowSigned<kFactorBits>(scale) * LowSigned<kCentredBits>(other));"
INTRA = "#pragma HLS DEPENDENCE variable = arena type = intra dependent = false\n"
STEP = "      clock.Mark();\n"
AGAIN = (
    "      hwmap::RunStep<Params>(arena, constants, even, odd, words, reads, writes, input, output,"
    " spilled_rows, clock);\n"
)
MUTATIONS = {
    "a write before the read": (
        ("engine.hpp", "    // Read, multiply, and add.\n", "    if (draining) arena[1][0] = 1;\n"),
        "arena order",
    ),
    "a second multiplication in a lane": (
        ("terms.hpp", SUM, SUM[:-2] + " + (first ? 0 : scale * (other + factor[t])));"),
        "multiplications",
    ),
    "an engine for what runs once, and one for images": (
        ("../top.cpp", STEP, STEP + AGAIN),
        "multiplications",
    ),
    "a word of two weights that is too wide": (
        ("multiply.hpp", "LowSigned<Operand>(second[i] * (1 << Shift) + first[i]) * x[i];",
         "static_cast<std::int64_t>(second[i] * (1 << Shift) + first[i]) * x[i];"),
        "operands",
    ),
    "every product split": (
        (
            "multiply.hpp",
            "constexpr unsigned kTerms = Terms < Length ? Terms : Length;",
            "constexpr unsigned kTerms = 1;",
        ),
        "splits",
    ),
    "a second read of the arena": (
        (
            "engine.hpp",
            READ,
            READ + "      words[0] ^= arena[command.slot & 1][0];\n",
        ),
        "arena accesses",
    ),
    "a slower loop": (
        (
            "engine.hpp",
            "ComputeTrip:\n  for (std::uint32_t left = row.trips; left != 0; --left) {\n"
            "#pragma HLS PIPELINE II = 1",
            "ComputeTrip:\n  for (std::uint32_t left = row.trips; left != 0; --left) {\n"
            "#pragma HLS PIPELINE II = 8",
        ),
        "pragmas",
    ),
    "a dependence that is not lifted": (
        ("engine.hpp", INTRA, ""),
        "pragmas",
    ),
    "a memory in one piece": (
        ("../top.cpp", "#pragma HLS ARRAY_PARTITION variable = arena dim = 2 complete\n", ""),
        "pragmas",
    ),
    "a memory of another kind": (
        ("../top.cpp", "variable = arena type = ram_s2p", "variable = arena type = ram_1p"),
        "pragmas",
    ),
    "a balanced cascade": (
        ("multiply.hpp", "#pragma HLS EXPRESSION_BALANCE off\n", ""),
        "pragmas",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_an_engineer_would_refuse_is_caught(name: str, project, tmp_path: Path):
    *changes, fault = MUTATIONS[name]
    emitted = project("digits")
    for change in changes:
        _change(emitted, *change)

    assert not _checks(_design("digits"), emitted, tmp_path)[fault]()


def test_every_missing_partition_is_caught(project, tmp_path: Path):
    emitted = project("digits")
    plain = gate.compile_ir(emitted, tmp_path, optimized=False)
    pragma = re.compile(r"#pragma HLS (?:ARRAY_PARTITION|AGGREGATE) variable = (\w+).*\n")
    memories = {"arena", "constants", "even", "odd"}
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
