"""The command line: prints results, turns a HwmapError into one line and an exit code."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hwmap import api
from hwmap.board import board_names, load_board, parse_bytes
from hwmap.errors import HwmapError
from hwmap.ladder import require
from hwmap.progress import Progress, quiet
from hwmap.quantize.calibrate import parse_estimator
from hwmap.reduce.goal import parse_share
from hwmap.report.inspect import MemoryReport
from hwmap.report.tables import (
    BoardsReport,
    Report,
    boards_table,
    compile_table,
    decompose_table,
    inspect_table,
    memory_table,
    quantize_table,
    run_table,
    simulate_table,
)
from hwmap.rung import Rung
from hwmap.style import DEFAULT_STYLE, STYLES, sim_summary

app = typer.Typer(
    help="Compile trained ONNX networks into FPGA accelerators.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console()
err = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Model = Annotated[Path, typer.Argument(help="The ONNX file.")]
Calib = Annotated[Path | None, typer.Option(help="Calibration images (.npz with x).")]
Preprocess = Annotated[
    Path | None, typer.Option(help="A .toml recipe from images of uint8 to what the model takes.")
]
BuildFolder = Annotated[Path, typer.Argument(help="A directory that `hwmap compile` wrote.")]

CacheFolder = Annotated[
    Path, typer.Option(help="Folder that keeps what was measured about decompositions.")
]
CACHE = Path("build") / "cache"

USAGE_ERROR: Any = typer.BadParameter.__bases__[0]
"""click's UsageError, of whichever click typer has."""
USAGE_EXIT_CODE = 2
INTERRUPTED, INTERRUPTED_EXIT_CODE = "interrupted", 130


@contextmanager
def _progress(*, silent: bool) -> Iterator[Progress]:
    """A line on standard error that says what is going on, where that is a terminal."""
    if silent or not err.is_terminal:
        yield quiet
        return
    with err.status("starting") as status:
        yield lambda text: status.update(text)


def _print(table: Callable[[Report], Table], report: Report, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=1))
    else:
        out.print(table(report))


@app.command()
def inspect(
    model: Model,
    memory: Annotated[
        bool, typer.Option("--memory", help="Also the curve of memory and extra cycles.")
    ] = False,
    time_limit: Annotated[
        float, typer.Option(help="Seconds for one schedule of the curve.")
    ] = api.CURVE_SECONDS,
    as_json: Json = False,
) -> None:
    """Show operators, shapes, MACs and memory of a model, and every node that is not supported."""
    with _progress(silent=as_json) as progress:
        report = api.inspect(model, memory=memory, time_limit=time_limit, progress=progress)
    _print(inspect_table, report, as_json=as_json)
    if isinstance(report, MemoryReport) and not as_json:
        out.print(memory_table(report))


@app.command()
def quantize(
    model: Model,
    output: Annotated[Path, typer.Option("-o", "--output", help="The QDQ model to write.")],
    calib: Calib = None,
    preprocess: Preprocess = None,
    ranges: Annotated[
        str | None,
        typer.Option(help="min-max, percentile or mse (the best by measurement if left out)."),
    ] = None,
    bias_correction: Annotated[
        bool | None,
        typer.Option(help="Correct biases for rounded weights (left out: if it helps)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Quantize a model to int8, and write it as an ONNX model with QuantizeLinear nodes."""
    with _progress(silent=as_json) as progress:
        result = api.quantize(
            model,
            output,
            calib=calib,
            preprocess=preprocess,
            estimator=parse_estimator(ranges),
            correct_bias=bias_correction,
            progress=progress,
        )
    _print(quantize_table, result.report, as_json=as_json)
    if not as_json:
        typer.echo(f"model: {output}   next: hwmap run {output} DATA.npz --integer")


@app.command()
def run(
    model: Model,
    data: Annotated[Path, typer.Argument(help="Images (.npz with x, and labels y if known).")],
    integer: Annotated[
        bool, typer.Option("--integer", help="As the exact integer network, not in float.")
    ] = False,
    calib: Calib = None,
    preprocess: Preprocess = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the outputs to this .npz.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a model on data, in float or as the integer network; with labels, measure accuracy."""
    with _progress(silent=as_json) as progress:
        result = api.run(
            model,
            data,
            integer=integer,
            calib=calib,
            preprocess=preprocess,
            output=output,
            progress=progress,
        )
    _print(run_table, result.report, as_json=as_json)


@app.command()
def decompose(
    model: Model,
    output: Annotated[Path, typer.Option("-o", "--output", help="The ONNX model to write.")],
    calib: Annotated[Path, typer.Option(help="Images to fit to (.npz with x, y if known).")],
    macs: Annotated[str | None, typer.Option(help="Share of the MACs to keep, e.g. 60%.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="Share of the weights to keep, e.g. 50%.")
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            help="Points of top-1 (no labels: percent of error before a softmax) to give up."
        ),
    ] = None,
    test_data: Annotated[
        Path | None, typer.Option(help="Images to measure on (those of --calib if left out).")
    ] = None,
    preprocess: Preprocess = None,
    cache: CacheFolder = CACHE,
    as_json: Json = False,
) -> None:
    """Replace layers by low-rank chains fitted to data, and write an ordinary ONNX model."""
    with _progress(silent=as_json) as progress:
        result = api.decompose(
            model,
            output,
            calib=calib,
            macs=parse_share(macs),
            weights=parse_share(weights),
            max_drop=max_drop,
            test_data=test_data,
            preprocess=preprocess,
            cache=cache,
            progress=progress,
        )
    _print(decompose_table, result.report, as_json=as_json)
    if not as_json:
        typer.echo(f"model: {output}   next: hwmap compile {output} --board BOARD --calib {calib}")


@app.command()
def compile(
    model: Model,
    board: Annotated[str, typer.Option(help="A built-in board, or a .toml file.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="New directory (build/<model> if left out)."),
    ] = None,
    calib: Calib = None,
    test_data: Annotated[
        Path | None, typer.Option(help="Labelled images (.npz with x, y): measures accuracy.")
    ] = None,
    preprocess: Preprocess = None,
    mem: Annotated[str | None, typer.Option(help="On-chip memory budget, e.g. 256KiB.")] = None,
    dsp: Annotated[int | None, typer.Option(help="DSP slice budget.")] = None,
    lut: Annotated[int | None, typer.Option(help="LUT budget.")] = None,
    clock: Annotated[
        int | None, typer.Option(help="Clock in MHz (the board's if left out).")
    ] = None,
    max_drop: Annotated[
        float,
        typer.Option(
            help="Points of top-1 (without labels: percent of error before a softmax) to give up."
        ),
    ] = 0.0,
    time_limit: Annotated[
        float, typer.Option(help="Seconds for the solver.")
    ] = api.TIME_LIMIT_SECONDS,
    style: Annotated[
        str, typer.Option(help=f"{', '.join(STYLES)}, or auto: the faster of them.")
    ] = DEFAULT_STYLE,
    plan: Annotated[Path | None, typer.Option(help="Use this plan.json; do not solve.")] = None,
    cache: CacheFolder = CACHE,
    as_json: Json = False,
) -> None:
    """Compile a model for a board into a directory of HLS C++."""
    target = output if output is not None else Path("build") / model.stem
    with _progress(silent=as_json) as progress:
        result = api.compile(
            model,
            board,
            target,
            calib=calib,
            test_data=test_data,
            preprocess=preprocess,
            mem=None if mem is None else parse_bytes(mem),
            dsp=dsp,
            lut=lut,
            clock_mhz=clock,
            max_drop=max_drop,
            time_limit=time_limit,
            style=style,
            plan=plan,
            cache=cache,
            progress=progress,
        )
    _print(compile_table, result.report, as_json=as_json)
    if not as_json:
        typer.echo(f"project: {target}   next: hwmap verify {target}")


@app.command()
def simulate(
    build: BuildFolder,
    images: Annotated[
        int | None, typer.Option(help="How many test images (all if left out).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Simulate a compiled design: its cycles, stalls, and what its memories held."""
    with _progress(silent=as_json) as progress:
        progress("simulating")
        result = api.simulate(build, images)
    _print(simulate_table, sim_summary(result), as_json=as_json)


@app.command()
def verify(build: BuildFolder, as_json: Json = False) -> None:
    """Compare onnxruntime, reference, simulator and compiled C++ of a design, rung by rung."""

    def show(rung: Rung) -> None:
        if not as_json:
            mark = {True: "ok", False: "FAILED", None: "measured"}[rung.holds]
            typer.echo(f"{mark:>8}  {rung.name}: {rung.detail}")

    result = api.verify(build, show)
    if as_json:
        data = {"holds": result.holds, "rungs": [asdict(rung) for rung in result.rungs]}
        typer.echo(json.dumps(data, indent=1))
    require(result.rungs)


@app.command()
def boards(as_json: Json = False) -> None:
    """List the built-in boards."""
    found = BoardsReport(tuple(load_board(name) for name in board_names()))
    _print(boards_table, found, as_json=as_json)


def main() -> None:
    """The command `hwmap`."""
    logging.basicConfig(format="hwmap: %(message)s", level=logging.WARNING)
    arguments = sys.argv[1:] or ["--help"]
    try:
        code = app(arguments, standalone_mode=False)
        if code != INTERRUPTED_EXIT_CODE:
            sys.exit(code)
        message = INTERRUPTED
    except typer.Abort:  # what older versions of typer make of Ctrl-C
        message, code = INTERRUPTED, INTERRUPTED_EXIT_CODE
    except HwmapError as error:
        message, code = str(error), error.exit_code
    except USAGE_ERROR as error:
        message, code = f"{error.format_message()} (see hwmap --help)", USAGE_EXIT_CODE
    except OSError as error:
        message, code = f"cannot write the result ({error.strerror})", 1
    typer.echo(f"hwmap: {' '.join(message.split())}", err=True)
    sys.exit(code)
