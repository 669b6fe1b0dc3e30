"""The verb for budgets: explore."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path

import numpy as np

from hwmap.api.accelerators import (
    PAGE,
    TIME_LIMIT_SECONDS,
    CompileResult,
    check_limits,
    finish,
)
from hwmap.board import Board, load_board, with_clock
from hwmap.compiler import allow, load_source
from hwmap.data.calibration import read_calibration, read_labelled
from hwmap.errors import BudgetError, DataError, OutputError
from hwmap.explore.page import write_page
from hwmap.explore.point import Job, Point
from hwmap.explore.pool import Cluster, Pool, Processes
from hwmap.explore.store import FILE, Store
from hwmap.explore.sweep import Axes, Show, run
from hwmap.explore.work import compiled_of
from hwmap.files.write import check_output
from hwmap.frontend.file import model_bytes
from hwmap.frontend.runtime import check_model
from hwmap.ir.types import Array
from hwmap.progress import Progress, quiet
from hwmap.quantize.scales import Scales, parse_scales, scales_of
from hwmap.style import DEFAULT_STYLE, parse_style, plan_from_json

CACHE = "cache"


@dataclass(frozen=True)
class Exploration:
    """The points of a sweep, in the order of its axes."""

    points: tuple[Point, ...]
    directory: Path

    def columns(self) -> dict[str, Array]:
        """The points as an array for each of their fields; a number that is None is NaN."""
        found = {}
        for field in fields(Point):
            values = [getattr(point, field.name) for point in self.points]
            numbers = all(value is None or isinstance(value, int | float) for value in values)
            missing = numbers and None in values
            found[field.name] = np.array(
                [np.nan if value is None else value for value in values] if missing else values
            )
        return found

    def to_csv(self) -> str:
        """The points as comma-separated values, with a line of names."""
        text = io.StringIO()
        names = [field.name for field in fields(Point)]
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(point) for point in self.points)
        return text.getvalue()

    def to_json(self) -> str:
        """One JSON object with `points`."""
        return json.dumps({"points": [asdict(point) for point in self.points]}, indent=1)


def explore(
    model: str | Path,
    board: str | Sequence[str],
    output: str | Path,
    *,
    calib: str | Path | None = None,
    test_data: str | Path | None = None,
    preprocess: str | Path | None = None,
    mem: Sequence[int] | None = None,
    dsp: Sequence[int] | None = None,
    lut: Sequence[int] | None = None,
    clock_mhz: Sequence[int] | None = None,
    max_drop: Sequence[float] = (0.0,),
    style: str | Sequence[str] = DEFAULT_STYLE,
    scales: str | None = None,
    time_limit: float = TIME_LIMIT_SECONDS,
    jobs: int | None = None,
    cluster: str | None = None,
    resume: bool = False,
    progress: Progress = quiet,
    show: Show = lambda news: None,
) -> Exploration:
    """Plan a network for every combination of boards, budgets and styles.

    Budgets are as for `compile`, a sequence of each, and `scales` as there; what a board does not
    have is left out. Everything that is found is kept in the directory `output`, where a run that
    was interrupted goes on (`resume`; without one it begins), with a page `report.html`. `jobs`
    processes work at the same time (as many as there are cores), or the workers of the Dask cluster
    at the address `cluster`, which see the same files. `show` is told how far it is, and
    what was found last.

    Raises:
        HwmapError: of the model, data, boards or budgets; OutputError: `output` is that of another
            sweep.
    """
    path, folder = Path(model), Path(output)
    drops = tuple(dict.fromkeys(float(value) for value in max_drop))
    for drop in drops or (-1.0,):
        check_limits(drop, time_limit)
    if any(drops) and calib is None:
        raise DataError("decompositions are fitted to data; give --calib, or --max-drop 0")
    names = (board,) if isinstance(board, str) else tuple(board)
    boards = {
        (name, clock): with_clock(load_board(name), clock)
        for name in names
        for clock in (clock_mhz or (load_board(name).clock_mhz,))
    }
    if not boards:
        raise BudgetError("no board; expected one or more, for example kv260")
    axes = Axes(
        tuple(boards),
        _each(boards, mem, "memory_bytes", "bytes of on-chip memory"),
        _each(boards, dsp, "dsp", "DSP slices"),
        _each(boards, lut, "lut", "LUTs"),
        drops,
        tuple(parse_style(name) for name in ((style,) if isinstance(style, str) else style)),
    )
    if (folder / FILE).exists() and not resume:
        raise OutputError(
            f"{folder}: has a sweep already; go on with it with --resume, or give a new directory"
            " with -o"
        )
    if not (folder / FILE).exists():
        check_output(folder)
    progress("reading the model")
    source = load_source(path)
    check_model(path)
    data = read_calibration(calib, source, preprocess)
    if test_data is not None:
        read_labelled(test_data, source, preprocess)
    chosen = scales_of(source, parse_scales(scales))
    store = Store(folder)
    pool: Pool | None = None
    try:
        files = {"calibration": calib, "test data": test_data, "recipe": preprocess}
        store.begin(_made_of(path, files, boards, time_limit, chosen))
        losses = store.losses()
        for drop in drops:
            if drop not in losses:
                cache = folder / CACHE
                losses[drop] = allow(source, data, drop, cache, progress).max_loss
                store.add_loss(drop, losses[drop])
        job = Job(
            _absolute(path),
            None if calib is None else _absolute(calib),
            None if test_data is None else _absolute(test_data),
            None if preprocess is None else _absolute(preprocess),
            _absolute(folder / CACHE),
            time_limit,
            tuple((drop, losses[drop]) for drop in drops),
            chosen,
        )
        pool = Processes(jobs) if cluster is None else Cluster(cluster)
        found = run(job, axes, store, pool, show)
        points = tuple(item.point for item in found)
        store.finish(found, job)
        profiles = {item.point.number: item.profile for item in found if item.profile}
        write_page(folder / PAGE, source.name, points, profiles, folder)
        return Exploration(points, folder)
    finally:
        if pool is not None:
            pool.close()
        store.close()


def compile_point(
    sweep: str | Path,
    number: int,
    output: str | Path | None = None,
    *,
    progress: Progress = quiet,
) -> CompileResult:
    """Build the design of a point of a finished sweep into the new directory `output`.

    Raises:
        OutputError: there is no such sweep or point, or the model or data are not there any more.
        PlanError: the plan does not hold.
    """
    folder = Path(sweep)
    if output is not None:
        check_output(Path(output))
    if not (folder / FILE).exists():
        raise OutputError(f"{folder}: has no sweep; make one with `hwmap explore`")
    store = Store(folder)
    try:
        job, task, text = store.finished(number)
        files = {"calibration": job.calib, "test data": job.test_data, "recipe": job.preprocess}
        board = load_board(task.board)
        made_of = _made_of(
            Path(job.model), files, {(task.board, 0): board}, job.time_limit, job.scales
        )
        store.begin(made_of)
    finally:
        store.close()
    progress("reading the model")
    compiled = compiled_of(job, task, plan_from_json(text, str(folder)))
    data = read_calibration(job.calib, compiled.source, job.preprocess)
    tests = None
    if job.test_data is not None:
        tests = read_labelled(job.test_data, compiled.source, job.preprocess)
    return finish(compiled, Path(job.model), data, tests, output, progress)


def _absolute(path: str | Path) -> str:
    return str(Path(path).resolve())


def _each(
    boards: Mapping[tuple[str, int], Board], values: Sequence[int] | None, field: str, what: str
) -> dict[str, tuple[int, ...]]:
    """For each board the values of a budget that it has; all of it, if none is given."""
    found = {}
    for (name, _), board in boards.items():
        most = int(getattr(board, field))
        wanted = (most,) if values is None else tuple(sorted(set(values)))
        if any(value < 1 for value in wanted):
            raise BudgetError(f"budget of {min(wanted):,} {what}; give a positive number")
        found[name] = tuple(value for value in wanted if value <= most)
        if not found[name]:
            raise BudgetError(
                f"budget of {min(wanted, default=0):,} {what}: board '{name}' has {most:,}; give a"
                f" number from 1 to {most:,}"
            )
    return found


def _made_of(
    model: Path,
    files: Mapping[str, str | Path | None],
    boards: Mapping[tuple[str, int], Board],
    time_limit: float,
    scales: Scales,
) -> dict[str, str]:
    """What the answers depend on."""
    found = {
        "hwmap": version("hwmap"),
        "model": _digest(model_bytes(model)),
        "time limit": f"{time_limit:g}",
        "scales": scales,
    }
    for name, file in files.items():
        found[name] = "none" if file is None else _digest(_content(Path(file)))
    for name, _ in boards:
        found[f"board {name}"] = _digest(repr(load_board(name)).encode())
    return found


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror})") from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
