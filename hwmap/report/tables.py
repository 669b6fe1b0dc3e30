"""Results as tables for people."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.table import Table
from rich.text import Text

from hwmap.board import Board
from hwmap.report.decomposed import DecomposeReport
from hwmap.report.inspect import InspectReport, MemoryReport
from hwmap.report.network import QuantizeReport, RunReport
from hwmap.solve.answer import described, kept
from hwmap.style import CompileReport, SimulateReport, curve_table, sim_table, summary_rows

NAME_LENGTH = 41


@dataclass(frozen=True)
class BoardsReport:
    """The built-in boards."""

    boards: tuple[Board, ...]


Report = TypeVar(
    "Report",
    CompileReport,
    InspectReport,
    QuantizeReport,
    DecomposeReport,
    RunReport,
    SimulateReport,
    BoardsReport,
)
"""What a verb returns, each with a table of its own; its JSON is its `asdict`."""


def _pairs(title: str, rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(title=Text(title), show_header=False, title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    return table


def compile_table(report: CompileReport) -> Table:
    """The result of a compilation."""
    return _pairs(f"{report.network} on {report.board}", summary_rows(report))


def inspect_table(report: InspectReport) -> Table:
    """What an ONNX file holds."""
    operators = ", ".join(f"{name} {count}" for name, count in report.operators.items())
    rows = [("operators", operators)]
    rows += [("input", f"{name} {list(shape)}") for name, shape in report.inputs.items()]
    rows += [("output", f"{name} {list(shape)}") for name, shape in report.outputs.items()]
    if report.macs is not None:
        rows += [
            ("MACs", f"{report.macs:,}"),
            ("parameters", f"{report.parameters:,}"),
        ]
    if report.peak_activation_bytes is not None:
        rows += [
            ("activations", f"{report.activation_bits:,} bits (int8)"),
            ("peak activations", f"{report.peak_activation_bytes:,} bytes (int8, in order)"),
        ]
    rows += [
        (
            name,
            f"{op.kind} -> {'x'.join(map(str, op.shape))}, {op.macs:,} MACs",
        )
        for name, op in zip(short_names([op.name for op in report.ops]), report.ops, strict=True)
    ]
    rows += [("on the host", name) for name in report.on_host]
    rows += [
        ("imports, not yet on hardware", f"{item.node}: {item.reason}")
        for item in report.not_on_hardware
    ]
    rows += [("NOT SUPPORTED", f"{item.node}: {item.reason}") for item in report.unsupported]
    return _pairs(report.name, rows)


def short_names(names: Sequence[str]) -> list[str]:
    """Names without the part of their path that tells none apart from others, cut in the middle
    where they are still long."""
    found = []
    for name in names:
        parts = name.split("/")
        ends = ("/".join(parts[-count:]) for count in range(1, len(parts) + 1))
        short = next(
            (end for end in ends if sum(f"/{other}".endswith(f"/{end}") for other in names) == 1),
            name,
        )
        half = (NAME_LENGTH - 1) // 2
        long = len(short) > NAME_LENGTH
        found.append(f"{short[:half]}…{short[-half:]}" if long else short)
    return found


def memory_table(report: MemoryReport) -> Table:
    """The curve memory -> extra cycles."""
    title, caption, columns, rows = curve_table(report.memory_curve)
    table = Table(title=Text(title), caption=Text(caption), title_justify="left")
    table.caption_justify = "left"
    for name in columns:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def quantize_table(report: QuantizeReport) -> Table:
    """How a network was quantized."""
    rows = [
        ("calibration images", f"{report.images}"),
        ("ranges", report.estimator or "the model's own"),
        ("bias correction", "yes" if report.correct_bias else "no"),
    ]
    rows += [
        (
            f"error of {item.estimator}{', bias corrected' * item.correct_bias}",
            f"{item.error:.4f} of the outputs, on the half that was not calibrated on",
        )
        for item in report.errors
    ]
    return _pairs(report.network, rows)


def decompose_table(report: DecomposeReport) -> Table:
    """What a decomposition saved, and what it cost."""
    proof = "the best choice (proved)" if report.status == "optimal" else "not proved best"
    on = f"{report.images} {report.measured_on}"
    rows = [
        ("MACs", kept(report.macs, report.dense_macs)),
        ("weights", kept(report.weights, report.dense_weights)),
        ("selection", proof),
        ("expected error", f"{report.expected_error:.1%} of the outputs"),
        (
            "measured error",
            f"{report.error['float']:.1%} in float, {report.error['int8']:.1%} in int8, on {on}",
        ),
    ]
    if report.top1 is not None:
        top1 = report.top1
        rows.append(
            (
                "top-1",
                f"{top1['original']:.4f}, decomposed {top1['float']:.4f}, in int8"
                f" {top1['int8']:.4f}, on {on}",
            )
        )
    rows.append(("decomposed", described(report.decomposed)))
    return _pairs(report.network, rows)


def run_table(report: RunReport) -> Table:
    """What a run of a network gave."""
    rows = [
        ("arithmetic", report.arithmetic),
        ("images", f"{report.images:,} in {report.seconds:.2f} s"),
        ("speed", f"{report.giga_macs_per_second:.2f} GMAC/s"),
    ]
    if report.top1 is not None:
        rows.append(("top-1", f"{report.top1:.4f}"))
    return _pairs(report.network, rows)


def simulate_table(report: SimulateReport) -> Table:
    """A simulated image: its time line."""
    title, columns, rows = sim_table(report)
    table = Table(title=title, title_justify="left")
    for index, name in enumerate(columns):
        table.add_column(name, justify="left" if index < 2 else "right")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def boards_table(report: BoardsReport) -> Table:
    """The built-in boards."""
    table = Table()
    names = ("name", "part", "dsp", "bram18", "uram", "lut", "clock_mhz")
    for name in names:
        table.add_column(name, no_wrap=name == "name")
    for board in report.boards:
        table.add_row(*(str(getattr(board, name)) for name in names))
    return table
