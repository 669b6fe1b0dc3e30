"""hwmap inspect: what a model holds, and its curve memory -> extra cycles."""

import json
from functools import cache
from pathlib import Path
from unittest.mock import patch

from hwmap import api
from tests.command import fails, run
from tests.models import ModelBuilder
from tests.networks import ROOT

DIGITS = str(ROOT / "examples" / "digits.onnx")
CALIB = str(ROOT / "examples" / "digits_calib.npz")


def test_inspect_prints_what_a_model_holds():
    data = json.loads(run("inspect", DIGITS, "--json").stdout)

    assert data["operators"]["Conv"] == 6
    assert data["macs"] == 1_559_520
    assert data["peak_activation_bytes"] == 6144
    assert data["unsupported"] == []
    assert "1,559,520" in run("inspect", DIGITS).stdout


def test_inspect_lists_every_unsupported_node(tmp_path: Path):
    net = ModelBuilder((2, 4, 4))
    net.node("Hardmax", net.node("Det", "x", name="wave"), name="out")
    path = net.save(tmp_path / "net.onnx", "out")

    data = json.loads(run("inspect", path, "--json").stdout)

    assert [item["node"] for item in data["unsupported"]] == ["wave", "out"]


def test_something_that_is_no_model_is_one_line(tmp_path: Path):
    fails("not a valid ONNX model", "inspect", CALIB)
    fails("no such file; expected an ONNX model", "inspect", tmp_path / "none.onnx")
    fails("a directory; expected an ONNX model", "inspect", tmp_path)


def test_the_curve_of_memory_has_a_row_per_budget():
    arguments = ("inspect", DIGITS, "--memory", "--time-limit", "0.1")

    # A curve takes its time: JSON and table are of one.
    with patch("hwmap.api.inspect", cache(api.inspect)):
        curve = json.loads(run(*arguments, "--json").stdout)["memory_curve"]
        table = run(*arguments).stdout

    whole, half = (point for point in curve if point["share"] in (1.0, 0.5))
    assert whole["budget_bytes"] == whole["whole"]["memory_bytes"] == 6144
    assert whole["whole"]["extra"] == 0
    assert half["strips"]["memory_bytes"] <= half["budget_bytes"] == 3072
    assert "needs 6,144" in table
    assert f"{half['strips']['extra']:.2%}" in table


def test_a_curve_of_a_network_that_is_not_on_hardware_names_the_nodes(tmp_path: Path):
    net = ModelBuilder((2, 4, 4))
    net.node("Hardmax", net.node("Det", "x", name="wave"), name="out")
    path = net.save(tmp_path / "net.onnx", "out")

    fails("node 'wave': operator 'Det'", "inspect", path, "--memory")
    fails("node 'out': operator 'Hardmax'", "inspect", path, "--memory")


def test_a_wrong_time_limit_of_a_curve_is_one_clear_line():
    fails("time_limit is 0.0; expected seconds above 0", "inspect", DIGITS, "--memory",
          "--time-limit", "0")  # fmt: skip
