"""Results as tables for people."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from hwmap.decompose.method import Method


def _pairs(title: str, rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(title=Text(title), show_header=False, title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    return table


def compile_table(report: Mapping[str, Any]) -> Table:
    """The result of a compilation."""
    engine = report["engine"]
    gap = 1 - report["bound_cycles"] / report["cycles"]
    proof = "optimal (proved)" if report["status"] == "optimal" else f"feasible (gap {gap:.1%})"
    rows = [
        ("plan", proof),
        ("cycles per image", f"{report['cycles']:,} (at least {report['bound_cycles']:,})"),
        ("throughput", f"{report['fps']:,.1f} images/s at {report['clock_mhz']} MHz"),
        (
            "engine",
            f"PE {engine['pe']} x SIMD {engine['simd']}, {engine['vector_lanes']} vector lanes,"
            f" {engine['requant_lanes']} results and {engine['bus_bytes']} DRAM bytes per cycle",
        ),
        ("MAC per multiplier per cycle", f"{report['macs_per_multiplier_cycle']:.3f}"),
        ("MACs", f"{report['macs']:,} ({_share(report['macs'], report['dense_macs'])} of dense)"),
        ("DSP slices", f"{report['dsp']} of {report['dsp_budget']}"),
        (
            "on-chip memory",
            f"{report['memory_bytes']:,} of {report['memory_budget_bytes']:,} bytes"
            f" ({report['arena_bytes']:,} arena); {report['bram18']} BRAM18, {report['uram']} URAM",
        ),
        ("weights", f"{len(report['resident'])} ops resident, {len(report['fetched'])} fetched"),
        ("decomposed", _choices(report["decomposed"])),
        ("recomputed", _names(step["name"] for step in report["recomputed"])),
    ]
    if report["accuracy"]:
        rows.append(("top-1", _accuracy(report["accuracy"])))
    return _pairs(f"{report['network']} on {report['board']}", rows)


def _share(part: int, whole: int) -> str:
    return f"{part / whole if whole else 1:.1%}"


def _choices(choices: Sequence[Mapping[str, Any]]) -> str:
    return _names(
        f"{choice['op']} ({Method(**choice['method'])}, error {choice['error']:.3f})"
        for choice in choices
    )


def _names(names: Iterable[str]) -> str:
    return "\n".join(names) or "none"


def _accuracy(accuracy: Mapping[str, Any]) -> str:
    return (
        f"float {accuracy['float_top1']:.4f}, integer {accuracy['integer_top1']:.4f} on"
        f" {accuracy['images']} images ({accuracy['same_class']:.1%} same class)"
    )


def inspect_table(report: Mapping[str, Any]) -> Table:
    """What an ONNX file holds."""
    operators = ", ".join(f"{name} {count}" for name, count in report["operators"].items())
    rows = [("operators", operators)]
    rows += [("input", f"{name} {shape}") for name, shape in report["inputs"].items()]
    rows += [("output", f"{name} {shape}") for name, shape in report["outputs"].items()]
    if report["macs"] is not None:
        rows += [
            ("MACs", f"{report['macs']:,}"),
            ("parameters", f"{report['parameters']:,}"),
        ]
    if report["peak_activation_bytes"] is not None:
        rows += [
            ("activations", f"{report['activation_bits']:,} bits (int8)"),
            ("peak activations", f"{report['peak_activation_bytes']:,} bytes (int8, in order)"),
        ]
    rows += [
        (
            op["name"].split("/")[-1][-40:],
            f"{op['kind']} -> {'x'.join(map(str, op['shape']))}, {op['macs']:,} MACs",
        )
        for op in report["ops"]
    ]
    rows += [("on the host", name) for name in report["on_host"]]
    rows += [
        ("imports, not yet on hardware", f"{item['node']}: {item['reason']}")
        for item in report["not_on_hardware"]
    ]
    rows += [
        ("NOT SUPPORTED", f"{item['node']}: {item['reason']}") for item in report["unsupported"]
    ]
    return _pairs(report["name"], rows)


def memory_table(report: Mapping[str, Any]) -> Table:
    """The curve memory -> extra cycles."""
    table = Table(
        title=Text("memory of activations -> cycles more than whole tensors without a limit"),
        caption=Text(
            "rows: of a strip's output; steps: runs of all strips, of which so many run again;"
            " needs: bytes that one step alone takes"
        ),
        title_justify="left",
        caption_justify="left",
    )
    for name in ("bytes", "of the peak", "whole tensors", "strips", "rows", "steps", "again"):
        table.add_column(name, justify="right")
    for budget in report["memory_curve"]:
        whole, strips = budget["whole"], budget["strips"]
        shape = [f"{strips[key]:,}" for key in ("height", "runs", "again")] if strips else [""] * 3
        table.add_row(
            f"{budget['budget_bytes']:,}",
            f"{budget['share']:.0%}",
            _extra(whole, budget["whole_needs_bytes"], budget["budget_bytes"]),
            _extra(strips, budget["strips_need_bytes"], budget["budget_bytes"]),
            *shape,
        )
    return table


def _extra(point: Mapping[str, Any] | None, needs: int | None, budget: int) -> str:
    if needs is None:
        return "one row"
    if needs > budget:
        return f"needs {needs:,}"
    return "none found" if point is None else f"{point['extra']:.2%}"


def quantize_table(report: Mapping[str, Any]) -> Table:
    """How a network was quantized."""
    rows = [
        ("calibration images", f"{report['images']}"),
        ("ranges", report["estimator"]),
        ("bias correction", "yes" if report["correct_bias"] else "no"),
    ]
    rows += [
        (
            f"error of {item['estimator']}{', bias corrected' * item['correct_bias']}",
            f"{item['error']:.4f} of the outputs, on the half that was not calibrated on",
        )
        for item in report["errors"]
    ]
    return _pairs(report["network"], rows)


def decompose_table(report: Mapping[str, Any]) -> Table:
    """What a decomposition saved, and what it cost."""
    proof = "the best choice (proved)" if report["status"] == "optimal" else "not proved best"
    on = f"{report['images']} {report['measured_on']}"
    rows = [
        ("MACs", f"{report['macs']:,} ({_share(report['macs'], report['dense_macs'])} of dense)"),
        (
            "weights",
            f"{report['weights']:,} ({_share(report['weights'], report['dense_weights'])} of"
            " dense)",
        ),
        ("selection", proof),
        ("expected error", f"{report['expected_error']:.1%} of the outputs"),
        (
            "measured error",
            f"{report['error']['float']:.1%} in float, {report['error']['int8']:.1%} in int8, on"
            f" {on}",
        ),
    ]
    if report["top1"] is not None:
        top1 = report["top1"]
        rows.append(
            (
                "top-1",
                f"{top1['original']:.4f}, decomposed {top1['float']:.4f}, in int8"
                f" {top1['int8']:.4f}, on {on}",
            )
        )
    rows.append(("decomposed", _choices(report["decomposed"])))
    return _pairs(report["network"], rows)


def run_table(report: Mapping[str, Any]) -> Table:
    """What a run of a network gave."""
    rows = [
        ("arithmetic", report["arithmetic"]),
        ("images", f"{report['images']:,} in {report['seconds']:.2f} s"),
        ("speed", f"{report['giga_macs_per_second']:.2f} GMAC/s"),
    ]
    if report["top1"] is not None:
        rows.append(("top-1", f"{report['top1']:.4f}"))
    return _pairs(report["network"], rows)


def simulate_table(data: Mapping[str, Any]) -> Table:
    """A simulated image, step by step."""
    table = Table(
        title=(
            f"{data['cycles']:,} cycles per image, {data['fps']:,.1f} images/s at"
            f" {data['clock_mhz']} MHz, {data['stall_cycles']:,} stall cycles,"
            f" {data['peak_arena_bytes']:,} bytes of arena"
        ),
        title_justify="left",
    )
    for name in ("step", "kind", "from", "to", "cycles", "computing", "fetching"):
        table.add_column(name, justify="left" if name in ("step", "kind") else "right")
    for step in data["steps"]:
        again = f" (again, {step['instance'] + 1})" if step["instance"] else ""
        table.add_row(
            Text(step["source"][-48:] + again),
            step["kind"],
            f"{step['start_cycle']:,}",
            f"{step['end_cycle']:,}",
            f"{step['cycles']:,}",
            f"{step['compute_trips']:,}",
            f"{step['fetch_words']:,}",
        )
    return table


def boards_table(boards: Sequence[Mapping[str, Any]]) -> Table:
    """The built-in boards."""
    table = Table()
    names = ("name", "part", "dsp", "bram18", "uram", "lut", "clock_mhz", "dram_port_bits")
    for name in names:
        table.add_column(name)
    for board in boards:
        table.add_row(*(str(board[name]) for name in names))
    return table
