"""Boards and budgets."""

import re
import tomllib
from dataclasses import dataclass, fields, replace
from importlib import resources
from pathlib import Path

from hwmap.dsp import MULTIPLIER_BITS, DspSlice
from hwmap.errors import BoardError, BudgetError

BRAM18_BYTES = 18 * 1024 // 8
URAM_BYTES = 288 * 1024 // 8
MOST = {"clock_mhz": 2000, "dram_bytes_per_second": 10**13}
MOST_UNITS = 10**8
"""Above these a board file has a slip of the pen."""
UNITS = {"": 1, "B": 1} | {
    prefix + unit: base**power
    for power, prefix in enumerate("KMG", start=1)
    for unit, base in (("B", 1000), ("IB", 1024))
}
PLAIN_NAME = r"[A-Za-z0-9][A-Za-z0-9_.+-]*"


@dataclass(frozen=True)
class Board:
    """What a board has: slices and blocks of its FPGA, and its memory.

    `dram_port_bits` is the width of the port through which the accelerator reads DRAM.
    """

    name: str
    part: str
    dsp: int
    dsp_slice: DspSlice
    bram18: int
    uram: int
    lut: int
    ff: int
    clock_mhz: int
    dram_bytes_per_second: int
    dram_port_bits: int

    @property
    def memory_bytes(self) -> int:
        """On-chip memory: all block RAMs."""
        return self.bram18 * BRAM18_BYTES + self.uram * URAM_BYTES

    @property
    def bus_bytes(self) -> int:
        """Bytes per cycle from DRAM: the port, or less (a power of two) if DRAM is slower."""
        rate = int(self.dram_bytes_per_second / (self.clock_mhz * 1e6))
        return min(self.dram_port_bits // 8, 1 << (max(rate, 1).bit_length() - 1))


@dataclass(frozen=True)
class Budget:
    """The part of a board that a design may use."""

    dsp: int
    lut: int
    ff: int
    memory_bytes: int
    bram18: int
    uram: int


def budget_of(
    board: Board,
    *,
    dsp: int | None = None,
    lut: int | None = None,
    memory_bytes: int | None = None,
) -> Budget:
    """The budget of `board`, with fewer DSP slices or LUTs, or less memory, if given.

    Raises:
        BudgetError: a limit is not positive, or above what the board has.
    """
    for what, limit, most in (
        ("DSP slices", dsp, board.dsp),
        ("LUTs", lut, board.lut),
        ("bytes of on-chip memory", memory_bytes, board.memory_bytes),
    ):
        if limit is not None and not 1 <= limit <= most:
            raise BudgetError(
                f"budget of {limit:,} {what}: board '{board.name}' has {most:,};"
                f" give a number from 1 to {most:,}"
            )
    return Budget(
        dsp=board.dsp if dsp is None else dsp,
        lut=board.lut if lut is None else lut,
        ff=board.ff,
        memory_bytes=board.memory_bytes if memory_bytes is None else memory_bytes,
        bram18=board.bram18,
        uram=board.uram,
    )


def board_names() -> tuple[str, ...]:
    """The built-in boards."""
    files = resources.files("hwmap").joinpath("boards").iterdir()
    return tuple(sorted(file.name[:-5] for file in files if file.name.endswith(".toml")))


def load_board(name: str) -> Board:
    """The built-in board `name`, or the one in the TOML file `name`.

    Raises:
        BoardError: no such board, or the file lacks a field or has a wrong one.
    """
    if name in board_names():
        text = (
            resources.files("hwmap").joinpath("boards").joinpath(f"{name}.toml").read_text("utf-8")
        )
        return _parse(text, name)
    path = Path(name)
    if not name.endswith(".toml"):
        raise BoardError(
            f"board '{name}' is not known; expected one of {', '.join(board_names())},"
            " or a path that ends in .toml"
        )
    try:
        return _parse(path.read_text("utf-8"), name)
    except (OSError, UnicodeDecodeError) as error:
        raise BoardError(f"{name}: cannot be read ({error.__class__.__name__})") from error


def _parse(text: str, source: str) -> Board:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BoardError(f"{source}: not valid TOML ({error})") from error
    known = {field.name: field.type for field in fields(Board)}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise BoardError(
            f"{source}: field '{unknown[0]}' is not known; expected {', '.join(known)}"
        )
    for name, kind in known.items():
        if name not in values:
            raise BoardError(f"{source}: field '{name}' is missing; expected {_meaning(name)}")
        least = 0 if name == "uram" else 1
        value = values[name]
        most = MOST.get(name, MOST_UNITS)
        if kind is int and (type(value) is not int or not least <= value <= most):
            raise BoardError(f"{source}: {name}={value!r}; expected {_meaning(name)}")
        if kind is str and not (isinstance(value, str) and re.fullmatch(PLAIN_NAME, value)):
            raise BoardError(f"{source}: {name}={value!r}; expected {_meaning(name)}")
    if values["dsp_slice"] not in tuple(MULTIPLIER_BITS):
        raise BoardError(
            f"{source}: dsp_slice={values['dsp_slice']!r}; expected {_meaning('dsp_slice')}"
        )
    board = Board(**values)
    if board.dram_port_bits not in (8, 16, 32, 64, 128, 256, 512):
        raise BoardError(
            f"{source}: dram_port_bits={board.dram_port_bits}; expected 8 to 512, a power of 2"
        )
    return board


def _meaning(name: str) -> str:
    examples = {
        "name": "the board's name in quotes, of letters, digits and _ . + -",
        "part": 'the FPGA part in quotes, for example "xc7z020clg400-1"',
        "dsp": "the number of DSP slices, for example 1248",
        "dsp_slice": f"the kind of its DSP slices in quotes: {' or '.join(MULTIPLIER_BITS)}",
        "bram18": "the number of 18 Kbit block RAMs, for example 288",
        "uram": "the number of URAM blocks, 0 if it has none",
        "lut": "the number of LUTs, for example 117120",
        "ff": "the number of flip-flops, for example 234240",
        "clock_mhz": "the clock in MHz, for example 200",
        "dram_bytes_per_second": "a whole number, for example 19200000000",
        "dram_port_bits": "the width of the DRAM port, for example 128",
    }
    return examples[name]


def with_clock(board: Board, clock_mhz: int) -> Board:
    """`board` at another clock."""
    if not 1 <= clock_mhz <= MOST["clock_mhz"]:
        raise BudgetError(
            f"clock of {clock_mhz} MHz; give a positive number up to {MOST['clock_mhz']}"
        )
    return replace(board, clock_mhz=clock_mhz)


def parse_bytes(text: str) -> int:
    """A number of bytes, for example "262144", "256KiB", "1.5MiB".

    Raises:
        BudgetError: it is not one.
    """
    match = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([a-zA-Z]*)\s*", text)
    if match is None or match[2].upper() not in UNITS:
        raise BudgetError(f"memory '{text}': expected bytes, for example 262144, 256KiB or 1.5MiB")
    return int(float(match[1]) * UNITS[match[2].upper()])
