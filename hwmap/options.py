"""The options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from hwmap.quantize.scales import SCALES

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Model = Annotated[Path, typer.Argument(help="The ONNX file.")]
Calib = Annotated[Path | None, typer.Option(help="Calibration images (.npz with x).")]
TestData = Annotated[
    Path | None, typer.Option(help="Labelled images (.npz with x, y): measures accuracy.")
]
Preprocess = Annotated[
    Path | None, typer.Option(help="A .toml recipe from images of uint8 to what the model takes.")
]
ScalesOption = Annotated[
    str | None,
    typer.Option(
        help=f"{' or '.join(SCALES)} (kernels shift to requantize; left out: the model's, or free)."
    ),
]
SweepFolder = Annotated[
    Path | None, typer.Option("--from", help="Build a point of this sweep (hwmap explore).")
]
EngineFolder = Annotated[
    Path | None,
    typer.Option(
        "--engine", help="A build whose engine this network is to run on (instead of a board)."
    ),
]
WholeMemory = Annotated[
    bool,
    typer.Option(
        "--whole-memory",
        help="Give the engine all memory of the budget, and a port for spills: for --engine.",
    ),
]
Clock = Annotated[int | None, typer.Option(help="Clock in MHz (the board's if left out).")]
Seconds = Annotated[float, typer.Option(help="Seconds for the solver.")]
MaxDrop = Annotated[
    float,
    typer.Option(
        help="Points of top-1 (without labels: percent of error before a softmax) to give up."
    ),
]
DropLimit = Annotated[
    float | None,
    typer.Option(help="Points of top-1 (no labels: percent of error before a softmax) to give up."),
]
BuildFolder = Annotated[Path, typer.Argument(help="A directory that `hwmap compile` wrote.")]

CacheFolder = Annotated[
    Path, typer.Option(help="Folder that keeps what was measured about decompositions.")
]
CACHE = Path("build") / "cache"
