"""A board whose engine is the simulator."""

from types import SimpleNamespace

import numpy as np

import hwmap
from hwmap.project import Project
from hwmap.sequential.layout import packed_pixels
from hwmap.sequential.vectors import port_order
from tests.pynq import BASE, Registers


class SimulatedBoard:
    """An overlay whose engine runs the program that its pointer points to, on the simulator."""

    def __init__(self, projects: list[Project]) -> None:
        self._projects = projects
        self.memory: list[np.ndarray] = []
        self.registers = Registers()
        self.hwmap_top_0 = SimpleNamespace(register_map=self.registers)
        self._leaving: list[bytes] = []
        self.input_dma = SimpleNamespace(
            sendchannel=SimpleNamespace(transfer=self._send, wait=lambda: None)
        )
        self.output_dma = SimpleNamespace(
            recvchannel=SimpleNamespace(transfer=self._receive, wait=lambda: None)
        )

    def _pointed(self) -> Project:
        content = self.memory[0].tobytes()[self.registers.address("program_words") - BASE :]
        (found,) = [
            project
            for project in self._projects
            if content.startswith(project.compiled.design.program.tobytes())
        ]
        return found

    def _send(self, words: np.ndarray) -> None:
        assert self.registers.CTRL.AP_START == 1
        assert self.registers.written["images"] == len(words)
        design = self._pointed().compiled.design
        bus = design.engine.bus_bytes
        shapes = {tensor.name: tensor.shape for tensor in (*design.inputs, *design.outputs)}
        inputs: dict[str, list[np.ndarray]] = {name: [] for name in port_order(design, "load")}
        for image in words:
            left = image.tobytes()
            for name in inputs:
                layout = design.layouts[name]
                packed = packed_pixels(layout, bus, design.engine.banks)
                values, left = _taken(left, shapes[name], layout.runs, bus, packed)
                inputs[name].append(values)
            assert left == b""
        tensors = {name: np.stack(values) for name, values in inputs.items()}
        found = hwmap.style.simulate(design, tensors).outputs
        for number in range(len(words)):
            for name in port_order(design, "store"):
                runs = design.layouts[name].runs
                self._leaving.append(_given(found[name][number], runs, bus))

    def _receive(self, buffer: np.ndarray) -> None:
        buffer[:] = np.frombuffer(self._leaving.pop(0), np.int8)


def _taken(
    stream: bytes, shape: tuple[int, int, int], runs: tuple[int, ...], bus: int, packed: int
) -> tuple[np.ndarray, bytes]:
    """A tensor (C, H, W) at the start of a stream, and the rest of it."""
    values = np.zeros(shape, np.int8)
    at = 0
    for row in range(shape[1]):
        for column in range(shape[2]):
            channel = 0
            for run in runs:
                values[channel : channel + run, row, column] = np.frombuffer(
                    stream, np.int8, run, at
                )
                channel, at = channel + run, at + (run if packed else -(-run // 8) * 8)
            if packed and (column + 1) % packed == 0:
                at = -(-at // bus) * bus
        at = -(-at // bus) * bus
    return values, stream[at:]


def _given(values: np.ndarray, runs: tuple[int, ...], bus: int) -> bytes:
    """A tensor (C, H, W) as a stream."""
    stream = b""
    for row in range(values.shape[1]):
        for column in range(values.shape[2]):
            channel = 0
            for run in runs:
                own = values[channel : channel + run, row, column].astype(np.int8).tobytes()
                stream, channel = stream + own + bytes(-run % 8), channel + run
        stream += bytes(-len(stream) % bus)
    return stream
