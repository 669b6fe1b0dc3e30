"""The numbers of each kernel, as its C++ template wants them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from hwmap.dsp import Packing
from hwmap.streaming import units
from hwmap.streaming.design.types import MULTIPLIED, Constants, Design
from hwmap.streaming.network import Kernel
from hwmap.streaming.pick import Pick, word_tables
from hwmap.streaming.timetable import concat_turns, gearbox_pattern
from hwmap.streaming.units import (
    Unit,
    drain_trips,
    requant_lanes,
    sources_of,
    targets_of,
)
from hwmap.streaming.vectors import port_bytes
from hwmap.streaming.window import Window

Functions = tuple[tuple[str, str, str], ...]
"""Name, argument and text of each."""


@dataclass(frozen=True)
class Table:
    """Numbers that a kernel looks up, by set and place in it."""

    name: str
    type: str
    rows: tuple[tuple[int, ...], ...]


def tables_of(unit: Unit) -> tuple[Table, ...]:
    """Those of a kernel."""
    if not isinstance(unit, Pick):
        return ()
    return tuple(
        Table(name, _type_of(rows), tuple(map(tuple, rows)))
        for name, rows in word_tables(unit).items()
    )


def _type_of(rows: Sequence[Sequence[int]]) -> str:
    """The smallest C++ type that holds all of the numbers."""
    low, high = int(np.min(rows)), int(np.max(rows))
    bits = next(
        bits for bits in (8, 16, 32) if high < 1 << (bits - (low < 0)) and -low <= 1 << bits >> 1
    )
    return f"std::{'int' if low < 0 else 'uint'}{bits}_t"


def function_name(kernel: Kernel) -> str:
    """The C++ function of a kernel."""
    return "".join(part.capitalize() for part in kernel.name.split("_"))


def params_of(
    kernel: Kernel, constants: Constants | None, design: Design
) -> tuple[dict[str, str], Functions]:
    """The constants of a kernel, and functions of one number."""
    unit = kernel.unit
    found: dict[str, int] = {"kTrips": kernel.schedule.trips}
    functions: Functions = ()
    if constants is not None:
        found |= {"kSumBits": constants.sum_bits, "kMostShift": constants.most_shift}
    match unit:
        case units.Feed():
            found["kBlock"] = unit.word_bytes
        case units.Source() | units.Sink():
            layout = (*sources_of(unit), *targets_of(unit))[0]
            found |= {"kBlock": layout.word_bytes, "kPortBytes": port_bytes(layout)}
        case units.Fork(source=source) | units.Relabel(source=source):
            found["kBlock"] = source.word_bytes
        case units.Gearbox():
            pattern = gearbox_pattern(unit)
            own = pattern.unit_lanes
            found |= {
                "kPixels": unit.source.pixels,
                "kUnit": own,
                "kUnits": -(-unit.source.shape[0] // own),
                "kUnitsIn": unit.source.lanes // own,
                "kUnitsOut": unit.lanes // own,
                "kLanesIn": unit.source.lanes,
                "kLanesOut": unit.lanes,
            }
        case units.Regroup(source=source):
            narrow = min(unit.pixels, source.pixels)
            found |= {
                "kPixelsIn": source.pixels,
                "kPixelsOut": unit.pixels,
                "kLanes": source.lanes,
                "kPixelWords": source.pixel_words,
                "kGroups": -(-source.shape[2] // narrow),
            }
        case units.Matrix() | units.Lanes():
            found |= _window_params(unit.window) | _block_params(unit)
            if isinstance(unit, units.Matrix):
                packing = design.packing
                if unit.target.lanes % 2 and unit.target.pixels % 2 == 0:
                    packing = design.pixel_packing
                found |= {"kPe": unit.target.lanes, "kSimd": unit.simd} | _packing_params(packing)
            if constants is not None:
                found |= {
                    "kWeightWords": len(constants.weights),
                    "kChannelWords": len(constants.channels),
                }
            if isinstance(unit, units.Lanes) and unit.kind == "average" and constants is not None:
                found["kColumnRuns"] = len(constants.column_runs)
                functions = (
                    ("RowRun", "row", _runs("row", constants.row_runs)),
                    ("ColumnRun", "column", _runs("column", constants.column_runs)),
                )
        case units.Reduce(source=source):
            found |= {
                "kBlock": source.lanes,
                "kWordsOut": source.pixel_words,
                "kPixelsIn": source.words // source.pixel_words,
                "kResults": requant_lanes(unit),
                "kDrainTrips": drain_trips(unit),
                "kTail": kernel.schedule.tail,
            }
        case units.Join() | units.Table():
            found["kBlock"] = unit.target.word_bytes
        case units.Scale(target=target):
            found |= {
                "kBlock": target.word_bytes,
                "kLanes": target.lanes,
                "kPixelWords": target.pixel_words,
            }
        case units.Concat():
            turns = concat_turns(unit)
            found |= {
                "kBlock": unit.target.word_bytes,
                "kSources": len(turns),
                "kMostTurn": max(turns),
            }
            chosen = "".join(f"source == {i} ? {n} : " for i, n in enumerate(turns[:-1]))
            functions = (("Turn", "source", f"{chosen}{turns[-1]}"),)
        case Pick():
            found |= _pick_params(unit)
        case _:
            assert_never(unit)
    texts = {name: str(value) for name, value in found.items()}
    if constants is not None:
        texts["kLeft"] = (
            "hwmap::kMultiplied" if constants.left == MULTIPLIED else str(constants.left)
        )
    return texts, functions


def _runs(name: str, starts: tuple[int, ...]) -> str:
    """The number of the run that a value is in, as C++."""
    return " + ".join(f"({name} >= {start})" for start in starts[1:]) or f"0 * {name}"


def _pick_params(unit: Pick) -> dict[str, int]:
    _, rows, columns = unit.target.shape
    return {
        "kLanes": unit.target.lanes,
        "kCopies": unit.copies,
        "kMemoryWords": unit.memory_words,
        "kWords": unit.source.words,
        "kComputing": unit.computing,
        "kLead": unit.lead,
        "kRowsOut": rows,
        "kColumnsOut": columns,
        "kWordsOut": unit.target.pixel_words,
        "kPhaseRows": unit.picked.phases[0],
        "kPhaseColumns": unit.picked.phases[1],
        "kTaps": unit.taps,
        "kSteps": unit.steps,
        "kAxis": unit.picked.axis,
        "kStraight": int(unit.straight),
    }


def _packing_params(packing: Packing) -> dict[str, int]:
    return {
        "kOperandBits": packing.operand_bits,
        "kPackShift": packing.shift_bits,
        "kCascadeTerms": packing.terms,
    }


def _block_params(unit: units.Windowed) -> dict[str, int]:
    return {
        "kBlock": unit.target.word_bytes,
        "kResults": max(requant_lanes(unit), 1),
        "kDrainTrips": drain_trips(unit),
    }


def _window_params(window: Window) -> dict[str, int]:
    """The loops of windows, and how the corner of a window moves through the row memory."""
    layout, size = window.source, window.memory_words
    banks, words, row = layout.pixels, layout.pixel_words, layout.row_words
    along = window.strides[1] * window.pixels
    first = -window.pad_columns // banks
    last = (along * (window.across - 1) - window.pad_columns) // banks
    back = (last - first) * words
    down = window.strides[0] * row
    return {
        "kHeight": layout.shape[1],
        "kWidth": layout.shape[2],
        "kLanes": layout.lanes,
        "kBanks": banks,
        "kPixelWords": words,
        "kRowWords": row,
        "kWords": layout.words,
        "kRowsOut": window.rows_out,
        "kAcross": window.across,
        "kPixels": window.pixels,
        "kTaps": window.taps,
        "kTapRows": window.tap_rows,
        "kKernelRows": window.row_steps,
        "kTapColumns": window.tap_columns,
        "kStrideRows": window.strides[0],
        "kStrideColumns": window.strides[1],
        "kDilateRows": window.dilations[0],
        "kDilateColumns": window.dilations[1],
        "kPadRows": window.pad_rows,
        "kPadColumns": window.pad_columns,
        "kPasses": window.passes,
        "kPassesPerGroup": window.passes_per_group,
        "kGroupWords": window.group_words,
        "kComputing": window.computing,
        "kLead": window.lead,
        "kMemoryWords": size,
        "kFirstBank": -window.pad_columns % banks,
        "kFirstWord": (first * words - window.pad_rows * row) % size,
        "kStep": (along // banks * words) % size,
        "kStepCarried": ((along // banks + 1) * words) % size,
        "kStepRow": (down - back) % size,
        "kStepImage": (layout.words - (window.rows_out - 1) * down - back) % size,
    }
