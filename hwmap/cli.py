"""The command line: prints results, turns a HwmapError into one line and an exit code."""

import json
import logging
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from hwmap import api
from hwmap.board import board_names, load_board
from hwmap.errors import HwmapError
from hwmap.explore.axes import parse_counts, parse_drops, parse_names, parse_sizes
from hwmap.explore.table import explore_table
from hwmap.files.write import check_file, write_file
from hwmap.ladder import require
from hwmap.options import (
    CACHE,
    BuildFolder,
    CacheFolder,
    Calib,
    Clock,
    DropLimit,
    EngineFolder,
    Json,
    MaxDrop,
    Model,
    Preprocess,
    ScalesOption,
    Seconds,
    SweepFolder,
    TestData,
    WholeMemory,
)
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
from hwmap.terminal import out, progress_line, sweep_line

app = typer.Typer(
    help="Compile trained ONNX networks into FPGA accelerators.",
    add_completion=False,
    pretty_exceptions_enable=False,
)

USAGE_ERROR: Any = typer.BadParameter.__bases__[0]
"""click's UsageError, of whichever click typer has."""
USAGE_EXIT_CODE = 2
INTERRUPTED, INTERRUPTED_EXIT_CODE = "interrupted", 130


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
    with progress_line(silent=as_json) as progress:
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
    scales: ScalesOption = None,
    as_json: Json = False,
) -> None:
    """Quantize a model to int8, and write it as an ONNX model with QuantizeLinear nodes."""
    with progress_line(silent=as_json) as progress:
        result = api.quantize(
            model,
            output,
            calib=calib,
            preprocess=preprocess,
            estimator=parse_estimator(ranges),
            correct_bias=bias_correction,
            scales=scales,
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
    with progress_line(silent=as_json) as progress:
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
    max_drop: DropLimit = None,
    test_data: Annotated[
        Path | None, typer.Option(help="Images to measure on (those of --calib if left out).")
    ] = None,
    preprocess: Preprocess = None,
    cache: CacheFolder = CACHE,
    as_json: Json = False,
) -> None:
    """Replace layers by low-rank chains fitted to data, and write an ordinary ONNX model."""
    with progress_line(silent=as_json) as progress:
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
    model: Annotated[Path | None, typer.Argument(help="The ONNX file.")] = None,
    board: Annotated[str | None, typer.Option(help="A built-in board, or a .toml file.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="New directory (build/<model> if left out)."),
    ] = None,
    calib: Calib = None,
    test_data: TestData = None,
    preprocess: Preprocess = None,
    mem: Annotated[str | None, typer.Option(help="On-chip memory budget, e.g. 256KiB.")] = None,
    dsp: Annotated[int | None, typer.Option(help="DSP slice budget.")] = None,
    lut: Annotated[int | None, typer.Option(help="LUT budget.")] = None,
    clock: Clock = None,
    max_drop: MaxDrop = 0.0,
    time_limit: Seconds = api.TIME_LIMIT_SECONDS,
    style: Annotated[
        str, typer.Option(help=f"{', '.join(STYLES)}, or auto: the faster of them.")
    ] = DEFAULT_STYLE,
    scales: ScalesOption = None,
    plan: Annotated[Path | None, typer.Option(help="Use this plan.json; do not solve.")] = None,
    engine: EngineFolder = None,
    whole_memory: WholeMemory = False,
    sweep: SweepFolder = None,
    point: Annotated[int | None, typer.Option(help="The number of the point.")] = None,
    cache: CacheFolder = CACHE,
    as_json: Json = False,
) -> None:
    """Compile a model for a board into a directory of HLS C++."""
    if sweep is not None:
        others = (model, board, calib, test_data, preprocess, mem, dsp, lut, clock, scales, plan,
                  engine)  # fmt: skip
        if point is None or whole_memory or any(other is not None for other in others):
            raise typer.BadParameter("--from goes with --point and --output alone")
        target = output if output is not None else Path("build") / f"{sweep.name}_{point}"
        with progress_line(silent=as_json) as progress:
            result = api.compile_point(sweep, point, target, progress=progress)
        _compiled(result, target, as_json=as_json)
        return
    if model is None or point is not None:
        raise typer.BadParameter(
            "give MODEL and --board (or --engine), or --from SWEEP and --point"
        )
    if board is None and engine is None:
        raise typer.BadParameter("Missing option '--board' (or '--engine')")
    target = output if output is not None else Path("build") / model.stem
    with progress_line(silent=as_json) as progress:
        result = api.compile(
            model,
            board,
            target,
            calib=calib,
            test_data=test_data,
            preprocess=preprocess,
            mem=mem,
            dsp=dsp,
            lut=lut,
            clock_mhz=clock,
            max_drop=max_drop,
            time_limit=time_limit,
            style=style,
            scales=scales,
            plan=plan,
            engine=engine,
            whole_memory=whole_memory,
            cache=cache,
            progress=progress,
        )
    _compiled(result, target, as_json=as_json)


def _compiled(result: api.CompileResult, target: Path, *, as_json: bool) -> None:
    _print(compile_table, result.report, as_json=as_json)
    if not as_json:
        typer.echo(f"project: {target}   next: hwmap verify {target}")


@app.command()
def explore(
    model: Model,
    board: Annotated[str, typer.Option(help="Boards: kv260,pynq-z2.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The directory of the sweep.")],
    calib: Calib = None,
    test_data: TestData = None,
    preprocess: Preprocess = None,
    mem: Annotated[
        str | None, typer.Option(help="Memory budgets: 256KiB,1MiB or from:to:step, 0.5:4:0.25MiB.")
    ] = None,
    dsp: Annotated[str | None, typer.Option(help="DSP slices: 128,256 or 128:512:64.")] = None,
    lut: Annotated[str | None, typer.Option(help="LUTs, the same way.")] = None,
    clock: Annotated[str | None, typer.Option(help="Clocks in MHz, the same way.")] = None,
    max_drop: Annotated[str, typer.Option(help="Limits on the drop (see compile): 0,0.5,1.")] = "0",
    style: Annotated[
        str, typer.Option(help=f"Some of {', '.join(STYLES)}, or auto: the faster of them.")
    ] = DEFAULT_STYLE,
    time_limit: Annotated[
        float, typer.Option(help="Seconds for the solver, at each point and style.")
    ] = api.TIME_LIMIT_SECONDS,
    scales: ScalesOption = None,
    jobs: Annotated[
        int | None, typer.Option(help="Processes at the same time (as many as cores).")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="A Dask scheduler, tcp://...: its workers do the work.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the sweep that is there, if any."),
    ] = False,
    csv: Annotated[Path | None, typer.Option(help="Also write the points to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Plan a model for every combination of boards and budgets: what each of them costs."""
    if csv is not None:
        check_file(csv, model, calib, test_data, preprocess)
    with sweep_line(silent=as_json) as (progress, show):
        found = api.explore(
            model,
            parse_names(board),
            output,
            calib=calib,
            test_data=test_data,
            preprocess=preprocess,
            mem=None if mem is None else parse_sizes(mem),
            dsp=None if dsp is None else parse_counts(dsp),
            lut=None if lut is None else parse_counts(lut),
            clock_mhz=None if clock is None else parse_counts(clock),
            max_drop=parse_drops(max_drop),
            style=parse_names(style),
            scales=scales,
            time_limit=time_limit,
            jobs=jobs,
            cluster=cluster,
            resume=resume,
            progress=progress,
            show=show,
        )
    if csv is not None:
        write_file(csv, found.to_csv().encode())
    if as_json:
        typer.echo(found.to_json())
    else:
        out.print(explore_table(found.points))
        typer.echo(
            f"page: {output / api.PAGE}   next: hwmap compile --from {output} --point NUMBER"
        )


@app.command()
def simulate(
    build: BuildFolder,
    images: Annotated[
        int | None, typer.Option(help="How many test images (all if left out).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Simulate a compiled design: its cycles, stalls, and what its memories held."""
    with progress_line(silent=as_json) as progress:
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
