"""The PYNQ driver of a project, with a board that is the simulator."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hwmap.board import load_board
from hwmap.files.words import tensor_bytes
from hwmap.ir.evaluate import evaluate
from hwmap.streaming import units
from hwmap.streaming.depths import sufficient_depths
from hwmap.streaming.design import Design, build_design
from hwmap.streaming.hls import render
from hwmap.streaming.layout import from_words, to_words
from hwmap.streaming.network import build_network
from hwmap.streaming.values import run_values
from tests.pynq import BASE, Driver, Registers
from tests.streaming.foldings import drawn_foldings
from tests.streaming.random_networks import integer_network, random_network

IMAGES = 3


class _Board:
    """An overlay: what a send channel gets goes through the simulator into the receive channels."""

    def __init__(self, design: Design) -> None:
        self._design = design
        self._sent: dict[str, np.ndarray] = {}
        self._wanted: dict[str, np.ndarray] = {}
        self.registers = Registers()
        self.constants = b""
        self.hwmap_top_0 = SimpleNamespace(register_map=self.registers)
        for kernel in design.network.kernels:
            if isinstance(kernel.unit, units.Source | units.Sink):
                setattr(self, f"{kernel.name}_port_dma", self._dma(kernel.name))

    def _dma(self, name: str) -> SimpleNamespace:
        def send(buffer: np.ndarray) -> None:
            assert self.registers.CTRL.AP_START == 1
            self._sent[name] = np.array(buffer)

        def receive(buffer: np.ndarray) -> None:
            self._wanted[name] = buffer

        return SimpleNamespace(
            sendchannel=SimpleNamespace(transfer=send, wait=lambda: None),
            recvchannel=SimpleNamespace(transfer=receive, wait=self._run),
        )

    def _run(self) -> None:
        kernels = {kernel.name: kernel for kernel in self._design.network.kernels}
        images = {}
        for name, words in self._sent.items():
            layout = kernels[name].unit.target
            images[kernels[name].source] = from_words(words[:, : layout.word_bytes], layout)
        found = run_values(self._design, images)
        assert self.registers.written["images"] == len(next(iter(images.values())))
        for name, buffer in self._wanted.items():
            layout = kernels[name].unit.source
            buffer[:, : layout.word_bytes] = to_words(found[kernels[name].source], layout)


@pytest.mark.parametrize("seed", [3, 21])
def test_the_driver_runs_a_batch_and_finds_a_wrong_value(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    graph = random_network(seed, tmp_path)
    integer, images = integer_network(graph, seed, IMAGES)
    foldings = drawn_foldings(graph, seed)
    depths = sufficient_depths(build_network(graph, foldings))
    design = build_design(integer, tuple(foldings.values()), depths, load_board("pynq-z2"))
    files = render(design)
    expected = bytearray(tensor_bytes(integer.outputs, evaluate(integer, images)))
    for name, content in {
        "host/driver.py": files["host/driver.py"].encode(),  # type: ignore[union-attr]
        "constants.bin": files["constants.bin"],
        "vectors/inputs.bin": tensor_bytes(integer.inputs, images),
        "vectors/expected.bin": bytes(expected),
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)  # type: ignore[arg-type]
    board = _Board(design)
    driver = Driver(board, monkeypatch)

    assert driver.run(tmp_path, tmp_path) == 0
    assert driver.buffers[0].tobytes() == files["constants.bin"]
    assert board.registers.address("dram") == BASE
    assert f"{IMAGES} images in" in capsys.readouterr().out

    expected[0] ^= 1
    (tmp_path / "vectors/expected.bin").write_bytes(expected)
    assert driver.run(tmp_path, tmp_path) == 1
    assert f"{len(expected) - 1} of {len(expected)} values as expected" in capsys.readouterr().out
