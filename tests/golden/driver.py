"""Runs programs on this engine on pynq-z2, with PYNQ 3.0 or later.

    sudo python3 driver.py hwmap.bit [directory with program.bin, ports.txt and vectors/] ...

loads all programs into memory, one behind the other, runs the images of each directory's vectors/
in one batch, compares every value, and prints the speed. `hwmap compile --engine` makes more
programs for this engine. The overlay has the IP that `make ip` exports, called hwmap_top_0, with
its memory port on a port of the processor's memory, and for its two streams an AXI DMA each in
simple mode, input_dma and output_dma (width of the length register: 26 bits).
"""

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

TOP = "hwmap_top_0"
BUS_BYTES = 8
# What a program for this engine begins with: a magic number, and the sizes that it was made for.
BEGIN = (0x504D5748, 0xDDB6FAA6)
WORD_BYTES = 8
# Programs begin where an AXI burst may.
PAGE_BYTES = 4096
MOST_DMA_BYTES = (1 << 26) - 1


class Tensor(NamedTuple):
    """A tensor (height, width, channels) that goes through a stream, row by row: the channels of a
    pixel are runs, which begin with words of 8 bytes each, and a row ends with a bus word. With
    `packed` pixels in a bus word, their channels follow one another."""

    height: int
    width: int
    packed: int
    runs: tuple[int, ...]

    @property
    def channels(self) -> int:
        """The channels of a pixel."""
        return sum(self.runs)

    @property
    def size(self) -> int:
        """The bytes of the tensor without what fills words up."""
        return self.height * self.width * self.channels

    @property
    def places(self) -> np.ndarray:
        """The byte of each channel in a pixel."""
        starts = np.cumsum([0, *(-(-run // WORD_BYTES) * WORD_BYTES for run in self.runs)])
        runs = zip(starts, self.runs, strict=False)
        return np.concatenate([start + np.arange(run) for start, run in runs])

    @property
    def pixel_bytes(self) -> int:
        """The bytes of a pixel in words."""
        return sum(-(-run // WORD_BYTES) * WORD_BYTES for run in self.runs)

    @property
    def row_bytes(self) -> int:
        """The bytes of a row in bus words."""
        if self.packed:
            return -(-self.width // self.packed) * BUS_BYTES
        return -(-self.width * self.pixel_bytes // BUS_BYTES) * BUS_BYTES

    @property
    def stream_bytes(self) -> int:
        """The bytes of an image in bus words."""
        return self.height * self.row_bytes

    def pack(self, images: np.ndarray) -> np.ndarray:
        """Images (N, height, width, channels) of int8 as bytes of the stream (N, stream_bytes)."""
        count = len(images)
        if self.packed:
            groups = -(-self.width // self.packed)
            filled = np.zeros((count, self.height, groups * self.packed, self.channels), np.int8)
            filled[:, :, : self.width] = images
            words = np.zeros((count, self.height, groups, BUS_BYTES), np.int8)
            size = self.packed * self.channels
            words[..., :size] = filled.reshape(count, self.height, groups, size)
            return words.reshape(count, -1)
        pixels = np.zeros((count, self.height, self.width, self.pixel_bytes), np.int8)
        pixels[..., self.places] = images
        rows = np.zeros((count, self.height, self.row_bytes), np.int8)
        rows[..., : self.width * self.pixel_bytes] = pixels.reshape(count, self.height, -1)
        return rows.reshape(count, -1)

    def unpack(self, stream: np.ndarray) -> np.ndarray:
        """The images that `pack` made into bytes of the stream."""
        rows = stream.reshape(-1, self.height, self.row_bytes)
        pixels = rows[..., : self.width * self.pixel_bytes]
        split = pixels.reshape(-1, self.height, self.width, self.pixel_bytes)
        return split[..., self.places]


class Program:
    """A program that `hwmap compile` wrote into a directory: its bytes, its inputs and outputs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.content = (directory / "program.bin").read_bytes()
        if tuple(np.frombuffer(self.content, "<u4", 2)) != BEGIN:
            sys.exit(f"{directory}: not a program of this engine; see hwmap compile --engine")
        tensors: dict[str, list[Tensor]] = {"input": [], "output": []}
        self.spilled_bytes = 0
        for line in (directory / "ports.txt").read_text().splitlines():
            kind, *numbers = line.split()
            if kind in tensors:
                height, width, packed, *runs = map(int, numbers)
                tensors[kind].append(Tensor(height, width, packed, tuple(runs)))
            elif kind == "spilled":
                (self.spilled_bytes,) = map(int, numbers)
        self.inputs, self.outputs = tensors["input"], tensors["output"]

    def vectors(self, name: str, tensors: list[Tensor]) -> list[np.ndarray]:
        """The tensors of a file of vectors/: those of an image behind one another."""
        content = (self.directory / "vectors" / name).read_bytes()
        sizes = [tensor.size for tensor in tensors]
        rows = np.frombuffer(content, np.int8).reshape(-1, sum(sizes))
        parts = np.split(rows, np.cumsum(sizes)[:-1], axis=1)
        return [
            part.reshape(-1, tensor.height, tensor.width, tensor.channels)
            for tensor, part in zip(tensors, parts, strict=True)
        ]


class Engine:
    """The IP in a bitstream, and the programs in its memory."""

    def __init__(self, bitfile: str, programs: list[Program]) -> None:
        from pynq import Overlay, allocate

        self._allocate = allocate
        self._overlay = Overlay(bitfile)
        self._registers = getattr(self._overlay, TOP).register_map
        pages = [-(-len(program.content) // PAGE_BYTES) for program in programs]
        self._starts = [PAGE_BYTES * sum(pages[:number]) for number in range(len(pages))]
        self._image = allocate(shape=(PAGE_BYTES * sum(pages),), dtype=np.int8)
        for program, start in zip(programs, self._starts, strict=True):
            content = np.frombuffer(program.content, np.int8)
            self._image[start : start + len(content)] = content
        self._image.flush()
        self._programs = programs

    def _point(self, name: str, address: int) -> None:
        """Writes a pointer of 64 bits into its two registers."""
        setattr(self._registers, f"{name}_1", address & 0xFFFFFFFF)
        setattr(self._registers, f"{name}_2", address >> 32)

    def run(self, number: int, images: list[np.ndarray]) -> tuple[list[np.ndarray], float]:
        """The outputs (N, height, width, channels) of a batch on program `number`, in the order of
        its outputs, for inputs (N, height, width, channels) in the order of its inputs; and the
        seconds it took. All are int8, as the network has them (see `network.json`)."""
        program = self._programs[number]
        self._point("program_words", self._image.physical_address + self._starts[number])
        packed = [t.pack(values) for t, values in zip(program.inputs, images, strict=True)]
        sent = self._allocate(shape=np.hstack(packed).shape, dtype=np.int8)
        sent[:] = np.hstack(packed)
        sent.flush()
        count = len(sent)
        taken = [
            [self._allocate(shape=(t.stream_bytes,), dtype=np.int8) for t in program.outputs]
            for _ in range(count)
        ]
        most = max(MOST_DMA_BYTES // sent.shape[1], 1)
        begin = time.perf_counter()
        for first in range(0, count, most):
            self._batch(sent[first : first + most], taken[first : first + most])
        seconds = time.perf_counter() - begin
        found = []
        for place, tensor in enumerate(program.outputs):
            for buffers in taken:
                buffers[place].invalidate()
            found.append(tensor.unpack(np.stack([np.array(own[place]) for own in taken])))
        for buffer in (sent, *(buffer for own in taken for buffer in own)):
            buffer.freebuffer()
        return found, seconds

    def _batch(self, sent: np.ndarray, taken: list[list[np.ndarray]]) -> None:
        """One start of the engine: a transfer ends with every tensor that leaves it."""
        send = self._overlay.input_dma.sendchannel
        receive = self._overlay.output_dma.recvchannel
        self._registers.images = len(taken)
        self._registers.CTRL.AP_START = 1
        send.transfer(sent)
        for buffers in taken:
            for buffer in buffers:
                receive.transfer(buffer)
                receive.wait()
        send.wait()
        # The outputs are here a little before the engine is ready for the next start.
        while not self._registers.CTRL.AP_IDLE:
            pass


def main() -> int:
    """Runs the images of every directory; 0 if every value is as expected."""
    parser = argparse.ArgumentParser(description="Programs for an engine on pynq-z2")
    parser.add_argument("bitfile")
    parser.add_argument("directories", nargs="*", type=Path, default=[Path(__file__).parents[1]])
    arguments = parser.parse_args()
    programs = [Program(directory) for directory in arguments.directories]
    engine = Engine(arguments.bitfile, programs)
    wrong = 0
    for number, program in enumerate(programs):
        images = program.vectors("inputs.bin", program.inputs)
        found, seconds = engine.run(number, images)
        expected = program.vectors("expected.bin", program.outputs)
        values = sum(wanted.size for wanted in expected)
        differ = sum(int((a != b).sum()) for a, b in zip(found, expected, strict=True))
        wrong += differ
        count = len(images[0])
        print(
            f"{program.directory}: {values - differ} of {values} values as expected,"
            f" {count} images in {seconds:.6f} s, {count / seconds:,.0f} images/s"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
