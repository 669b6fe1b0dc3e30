"""The PYNQ driver of a project, with a board that is the simulator."""

import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

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
from tests.streaming.foldings import drawn_foldings
from tests.streaming.random_networks import integer_network, random_network

IMAGES = 3
BASE = 0x1_2345_6000


class _Buffer(np.ndarray):
    """Memory that a DMA can reach."""

    physical_address = BASE

    def flush(self) -> None:
        pass

    invalidate = freebuffer = flush


class _Registers:
    """The registers of the accelerator; the last one that is written starts it."""

    def __init__(self, start: object) -> None:
        self.CTRL = SimpleNamespace()
        self.written: dict[str, int] = {}
        self._start = start

    def __setattr__(self, name: str, value: object) -> None:
        if name.isupper() or name in ("written", "_start"):
            super().__setattr__(name, value)
        else:
            self.written[name] = value


class _Board:
    """An overlay: what a send channel gets goes through the simulator into the receive channels."""

    def __init__(self, design: Design) -> None:
        self._design = design
        self._sent: dict[str, np.ndarray] = {}
        self._wanted: dict[str, np.ndarray] = {}
        self.registers = _Registers(self)
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
    pynq = ModuleType("pynq")
    buffers: list[np.ndarray] = []

    def allocate(shape: tuple[int, ...], dtype: type) -> np.ndarray:
        buffers.append(np.zeros(shape, dtype).view(_Buffer))
        return buffers[-1]

    pynq.Overlay, pynq.allocate = lambda _: board, allocate  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pynq", pynq)
    monkeypatch.setattr(sys, "argv", ["driver.py", "hwmap.bit", str(tmp_path)])

    def run() -> int:
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(tmp_path / "host/driver.py"), run_name="__main__")
        return int(end.value.code or 0)

    assert run() == 0
    assert buffers[0].tobytes() == files["constants.bin"]
    written = board.registers.written
    assert (written["dram_2"] << 32) + written["dram_1"] == BASE
    assert f"{IMAGES} images in" in capsys.readouterr().out

    expected[0] ^= 1
    (tmp_path / "vectors/expected.bin").write_bytes(expected)
    assert run() == 1
    assert f"{len(expected) - 1} of {len(expected)} values as expected" in capsys.readouterr().out
