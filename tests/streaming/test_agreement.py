"""Reference = simulator = C++, values and cycles, on random networks and foldings."""

import subprocess
from pathlib import Path
from random import Random

import numpy as np
import pytest

from hwmap.board import load_board
from hwmap.files.words import tensor_bytes
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.quantize.scales import Scales
from hwmap.streaming.depths import sufficient_depths
from hwmap.streaming.design import build_design
from hwmap.streaming.hls import render
from hwmap.streaming.network import build_network
from hwmap.streaming.recompute import Recomputed, has_other_use, second_tensors, sources, streamed
from hwmap.streaming.rungs import counted_rung
from hwmap.streaming.values import run_values
from tests.streaming.foldings import drawn_foldings
from tests.streaming.random_networks import integer_network, random_network

IMAGES = 3
BOARDS = ("kv260", "pynq-z2")


def _agree(seed: int, folder: Path, optimize: str) -> None:
    graph = random_network(seed, folder)
    recomputed = _drawn(graph, seed) if seed % 4 >= 2 else ()
    by_shifts = seed % 2 == 1
    scales: Scales = "power-of-two" if by_shifts else "free"
    integer, images = integer_network(graph, seed, IMAGES, scales)
    whole = streamed(graph, recomputed)
    foldings = drawn_foldings(whole, seed)
    network = build_network(whole, foldings)
    depths = sufficient_depths(network, second_tensors(graph, recomputed))
    board = load_board(Random(seed).choice(BOARDS))
    folded = tuple(foldings.values())
    design = build_design(
        integer, folded, depths, board, recomputed=recomputed, by_shifts=by_shifts
    )
    expected = evaluate(integer, images)
    simulated = run_values(design, images)
    _write(folder, render(design))
    (folder / "vectors").mkdir()
    (folder / "vectors/inputs.bin").write_bytes(tensor_bytes(integer.inputs, images))
    (folder / "vectors/expected.bin").write_bytes(tensor_bytes(integer.outputs, expected))

    make = ["make", "-s", "-C", str(folder), "cycles", f"CXXFLAGS={optimize} -std=c++14 -Werror"]
    run = subprocess.run(make, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout + run.stderr
    assert all(np.array_equal(simulated[name], expected[name]) for name in expected)
    rung = counted_rung(design, folder, IMAGES)
    assert rung.holds, rung.detail


def _drawn(graph: Graph, seed: int) -> tuple[Recomputed, ...]:
    """A tensor that is computed twice, if the network has one that can be."""
    every = [
        Recomputed(op.name, tensor, source)
        for op in hardware_ops(graph)
        if len(op.inputs) > 1
        for tensor in dict.fromkeys(op.inputs)
        if has_other_use(graph, tensor, op.name)
        for source, _ in sources(graph, tensor)
    ]
    return (Random(seed).choice(every),) if every else ()


def _write(folder: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize("seed", range(100, 108))
def test_reference_simulator_and_cpp_agree(seed: int, tmp_path: Path):
    _agree(seed, tmp_path, "-O1 -Wall -Wextra -Wno-unknown-pragmas -Wno-unused-label")


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1060))
def test_reference_simulator_and_cpp_agree_on_many(seed: int, tmp_path: Path):
    _agree(seed, tmp_path, "-O0")


def test_the_same_design_gives_the_same_bytes(tmp_path: Path):
    graph = random_network(1, tmp_path)
    integer, _ = integer_network(graph, 1, 1)
    foldings = drawn_foldings(graph, 1)
    depths = sufficient_depths(build_network(graph, foldings))

    first, second = (
        render(build_design(integer, tuple(foldings.values()), depths, load_board("kv260")))
        for _ in range(2)
    )

    assert first == second
