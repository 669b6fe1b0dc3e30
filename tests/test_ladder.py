"""Every op on engines of every shape: reference = simulator = compiled C++, values and cycles."""

from pathlib import Path

import numpy as np
import pytest

from hwmap.board import budget_of, load_board
from hwmap.compiler import Compiled, load_source
from hwmap.data.dataset import DataSet
from hwmap.errors import MismatchError
from hwmap.files.write import write_folder
from hwmap.ladder import climb, require, run_simulation
from hwmap.project import Project, project_files, read_project
from hwmap.quantize.calibrate import measure_ranges
from hwmap.quantize.lower import lower
from hwmap.report.compiled import compile_report
from hwmap.rung import Rung
from hwmap.sequential.design.build import build_design
from hwmap.sequential.engine import Engine
from hwmap.solve.settings import Settings
from tests.models import ModelBuilder, everything, everything_else
from tests.sequential.plans import plan_of, tight_plan

BOARD = load_board("u250")
ENGINES = (
    Engine(8, 8, 8, 1, 8, 8, 32),
    Engine(24, 40, 16, 4, 32, 8, 64),
    Engine(16, 8, 32, 8, 64, 16, 32),
    Engine(8, 64, 24, 2, 16, 16, 64),
    Engine(64, 32, 16, 16, 128, 32, 32),
)


def _project(
    net: ModelBuilder, tmp_path: Path, engine: Engine, *, resident: bool, outputs
) -> Project:
    model = net.save(tmp_path / "net.onnx", *outputs)
    source = load_source(model)
    rng = np.random.default_rng(1)
    inputs = {n: rng.standard_normal((4, *source.shape(n))).astype("f") for n in source.inputs}
    made = plan_of if resident else tight_plan
    plan = made(source, BOARD, engine)
    assert plan is not None
    graph = lower(source, measure_ranges(source, inputs))
    settings = Settings(BOARD, budget_of(BOARD), 0.0, 0.0)
    compiled = Compiled(settings, source, graph, plan, build_design(graph, plan, BOARD))
    write_folder(
        tmp_path / "build",
        project_files(compiled, model, DataSet(inputs, None), compile_report(compiled, None)),
    )
    return read_project(tmp_path / "build")


@pytest.mark.parametrize("model", [everything, everything_else])
@pytest.mark.parametrize("resident", [True, False], ids=["resident", "fetched"])
@pytest.mark.parametrize("engine", ENGINES, ids=lambda e: f"{e.pe}x{e.simd}")
def test_every_op_on_every_engine(engine: Engine, resident: bool, model, tmp_path: Path):
    project = _project(model(), tmp_path, engine, resident=resident, outputs=("out",))

    rungs = list(climb(project, run_simulation(project)))

    assert [rung for rung in rungs if rung.holds is False] == []


def test_several_outputs_and_inputs_stream_in_order(tmp_path: Path):
    net = ModelBuilder((3, 5, 5))
    net.inputs.append(type(net.inputs[0])())
    net.inputs[1].CopyFrom(net.inputs[0])
    net.inputs[1].name = "z"
    a = net.conv("x", (3, 4), (3, 3), name="a")
    b = net.conv("z", (3, 4), (3, 3), name="b", strides=[1, 1])
    net.node("Add", a, b, name="sum")
    net.node("Relu", a, name="positive")

    project = _project(net, tmp_path, ENGINES[1], resident=False, outputs=("sum", "b", "positive"))
    rungs = list(climb(project, run_simulation(project)))

    assert [rung for rung in rungs if rung.holds is False] == []
    assert len(project.compiled.design.outputs) == 3


def test_a_tensor_added_to_itself(tmp_path: Path):
    net = ModelBuilder((2, 4, 4))
    a = net.conv("x", (2, 6), (1, 1), name="a")
    net.node("Add", a, a, name="out")

    project = _project(net, tmp_path, ENGINES[2], resident=True, outputs=("out",))

    assert all(r.holds is not False for r in climb(project, run_simulation(project)))


def test_a_failed_rung_is_an_error_with_its_numbers():
    rungs = (Rung("a = b", True, "fine"), Rung("b = c", False, "3 of 4 values differ"))

    with pytest.raises(MismatchError, match="b = c: 3 of 4 values differ"):
        require(rungs)
