"""`hwmap decompose`: goals, the model it writes, `--max-drop`, and bad input."""

from pathlib import Path

import numpy as np
import onnx
import pytest

import hwmap
from hwmap.compiler import find_candidates, load_source
from hwmap.data.dataset import DataSet
from hwmap.decompose.apply import apply_parts
from hwmap.decompose.fit import fit_network
from hwmap.errors import InfeasibleError
from hwmap.frontend.reader import read_model
from hwmap.frontend.runtime import run_model
from hwmap.ir.ops import Conv
from hwmap.report.decomposed import DecomposeReport
from hwmap.solve.drop import LEVELS, loss_limit, measure_drop
from hwmap.solve.select import Limit, select
from tests.command import fails, run
from tests.models import ModelBuilder
from tests.networks import CACHE, ROOT

DIGITS = ROOT / "examples" / "digits.onnx"
CALIB = ROOT / "examples" / "digits_calib.npz"
TEST = ROOT / "examples" / "digits_test.npz"


@pytest.fixture
def cache() -> Path:
    return CACHE


@pytest.fixture(scope="module")
def half(tmp_path_factory) -> tuple[Path, DecomposeReport]:
    """The example network with half of its MACs."""
    path = tmp_path_factory.mktemp("half") / "half.onnx"
    result = hwmap.decompose(DIGITS, path, calib=CALIB, macs=0.5, test_data=TEST, cache=CACHE)
    return path, result.report


def test_a_share_of_the_macs_is_kept(half):
    _, report = half

    assert report.macs <= 0.5 * report.dense_macs
    assert report.status == "optimal"
    assert report.decomposed


def test_the_decomposed_network_is_as_accurate_as_expected(half):
    _, report = half

    assert report.top1["original"] == pytest.approx(0.9972, abs=1e-4)
    assert report.top1["int8"] > 0.98
    assert report.error["float"] < 2 * report.expected_error


def test_the_written_model_is_the_network_that_was_measured(half):
    path, report = half
    onnx.checker.check_model(str(path), full_check=True)
    test = np.load(TEST)

    (output,) = run_model(path, {"input": test["x"].astype("f")}).values()

    top1 = (output.reshape(len(output), -1).argmax(1) == test["y"]).mean()
    assert top1 == pytest.approx(report.top1["float"])
    assert hwmap.inspect(path).macs == report.macs


def test_a_decomposed_model_is_not_decomposed_twice(half, cache: Path):
    path, report = half
    factors = {op.name for op in read_model(path).ops if isinstance(op, Conv) and op.factor}
    assert len(factors) >= 2 * len(report.decomposed)

    again = hwmap.decompose(path, calib=CALIB, max_drop=5, cache=cache).report

    assert not factors.intersection(choice.op for choice in again.decomposed)


def test_weights_are_a_goal_too(cache: Path):
    report = hwmap.decompose(DIGITS, calib=CALIB, weights=0.4, cache=cache).report

    assert report.weights <= 0.4 * report.dense_weights


def test_more_drop_allows_fewer_macs(cache: Path):
    reports = [
        hwmap.decompose(DIGITS, calib=CALIB, max_drop=drop, cache=cache).report
        for drop in (0, 5, 40)
    ]

    macs = [report.macs for report in reports]
    assert macs == sorted(macs, reverse=True)
    assert macs[2] < macs[0]


def test_the_limit_on_the_loss_is_the_largest_that_held_on_other_images(cache: Path):
    """Checked against a fit and a measurement made here."""
    source = load_source(DIGITS)
    x = np.load(CALIB)["x"].reshape(-1, *source.shape("input")).astype("f")
    data = DataSet({"input": x}, None)
    candidates = find_candidates(source, data, cache, lambda _: None)

    limit = loss_limit(source, candidates, data, 12.0)

    drops = []
    for level in (limit, LEVELS[LEVELS.index(limit) + 1]):
        methods = select(candidates, "macs", Limit(loss=level)).methods
        after = apply_parts(source, fit_network(source, methods, {"input": x[:48]}))
        drops.append(measure_drop(source, after, DataSet({"input": x[48:]}, None)).percent)
    assert drops[0] <= 12 < drops[1]


def test_compile_stays_within_the_drop(cache: Path, tmp_path: Path):
    dense = hwmap.compile(DIGITS, "pynq-z2", calib=CALIB, time_limit=5)

    result = hwmap.compile(
        DIGITS,
        "pynq-z2",
        tmp_path / "build",
        calib=CALIB,
        test_data=TEST,
        max_drop=2,
        time_limit=5,
        cache=cache,
    )

    report, plan = result.report, result.compiled.plan
    assert report.cycles < 0.7 * dense.report.cycles
    assert report.accuracy.integer_top1 > report.accuracy.float_top1 - 0.02
    assert plan.loss <= result.compiled.settings.max_loss
    assert hwmap.verify(tmp_path / "build").holds
    again = hwmap.compile(
        DIGITS,
        "pynq-z2",
        calib=CALIB,
        max_drop=2,
        plan=tmp_path / "build" / "plan.json",
        cache=cache,
    )
    assert again.compiled.plan.choices == plan.choices
    assert again.compiled.plan.cycles == plan.cycles


def test_the_same_command_writes_the_same_bytes(half, cache: Path, tmp_path: Path):
    path, _ = half

    hwmap.decompose(DIGITS, tmp_path / "again.onnx", calib=CALIB, macs=0.5, cache=cache)

    assert (tmp_path / "again.onnx").read_bytes() == path.read_bytes()


def _decompose(tmp_path: Path, *rest: object) -> tuple[object, ...]:
    calib = () if "--calib" in rest else ("--calib", CALIB)
    output = ("-o", tmp_path / "out.onnx", "--cache", CACHE)
    return ("decompose", DIGITS, *output, *calib, *rest)


def test_the_command_prints_what_was_saved_and_what_it_cost(tmp_path: Path):
    result = run(*_decompose(tmp_path, "--macs", "60%", "--test-data", TEST))

    assert result.returncode == 0
    for part in ("of dense", "the best choice (proved)", "in int8", "top-1", "hwmap compile"):
        assert part in result.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "0 goals; give one of --macs 60%, --weights 50% and --max-drop 1"),
        (("--macs", "50%", "--max-drop", "1"), "2 goals; give one of"),
        (("--macs", "lots"), "share 'lots': expected, for example, 60% or 0.6"),
        (("--macs", "0%"), "0 of the MACs; give a share above 0 and up to 1"),
        (("--weights", "120%"), "1.2 of the weights; give a share"),
        (("--max-drop", "-1"), "drop of -1.0; give points or percent from 0 to 100"),
    ],
)
def test_a_wrong_goal_is_one_clear_line(options, message, tmp_path: Path):
    fails(message, *_decompose(tmp_path, *options))

    assert not (tmp_path / "out.onnx").exists()


def _saved(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def test_bad_calibration_data_is_one_clear_line(tmp_path: Path):
    x = np.load(CALIB)["x"].astype("f")
    broken = x.copy()
    broken[3, 0, 0, 0] = np.nan
    wrong = _saved(tmp_path / "wrong.npz", x=x[:, :, :-1])
    few = _saved(tmp_path / "few.npz", x=x[:7])
    nan = _saved(tmp_path / "nan.npz", x=broken)
    labels = _saved(tmp_path / "labels.npz", x=x, y=np.full(len(x), 10))

    same = _saved(tmp_path / "same.npz", x=np.ones_like(x))
    two = _saved(tmp_path / "two.npz", x=np.resize(x[:2], x.shape) + 1e-7)
    large = _saved(tmp_path / "large.npz", x=x * 1e18)

    for path, message in (
        (same, "all 64 calibration images are the same"),
        (two, "all but 2 of 64 calibration images are the same as others"),
        (large, "decompositions are fitted to values up to 1e+15"),
        (wrong, "expected (N, 1, 8, 8)"),
        (few, "7 calibration images; a decomposition is fitted to 16 or more"),
        (nan, "holds NaN or infinite values"),
        (labels, "'y' holds labels outside 0 to 9"),
    ):
        fails(message, *_decompose(tmp_path, "--macs", "60%", "--calib", path))
    assert not (tmp_path / "out.onnx").exists()


def test_labels_of_another_network_are_refused_where_they_count(tmp_path: Path):
    data = np.load(CALIB)
    calib = _saved(tmp_path / "calib.npz", x=data["x"], y=(data["y"] + 1) % 10)

    for goal in (("--max-drop", "1"), ("--macs", "60%")):
        fails(
            "the network is right on 0% of the calibration images; labels or preprocessing do not"
            " fit",
            *_decompose(tmp_path, *goal, "--calib", calib),
        )


def test_too_few_images_for_a_limit_are_a_warning(cache: Path, caplog):
    hwmap.decompose(DIGITS, calib=CALIB, max_drop=1, cache=cache)

    assert "64 calibration images cannot show a drop of 1 points" in caplog.text
    assert "give 400 or more" in caplog.text


def _outlier(tmp_path: Path, value: float) -> tuple[Path, Path, Path]:
    """A small network, calibration images with one value like no other, and images without."""
    net = ModelBuilder((2, 8, 8))
    a = net.node("Relu", net.conv("x", (2, 16), (3, 3), name="a", pads=[1] * 4), name="a+")
    b = net.node("Relu", net.conv(a, (16, 16), (3, 3), name="b", pads=[1] * 4), name="b+")
    net.conv(b, (16, 6), (3, 3), name="out")
    x = np.random.default_rng(0).standard_normal((64, 2, 8, 8))
    tests = _saved(tmp_path / "tests.npz", x=x)
    x[0, 0, 0, 0] = value
    return net.save(tmp_path / "net.onnx", "out"), _saved(tmp_path / "x.npz", x=x), tests


def test_data_that_nothing_can_be_fitted_to_is_a_warning(tmp_path: Path, caplog):
    model, calib, _ = _outlier(tmp_path, 1e6)

    dense = hwmap.decompose(model, calib=calib, max_drop=5, cache=tmp_path / "cache")

    assert dense.report.decomposed == ()
    assert "of no op anything smaller comes near it" in caplog.text
    caplog.clear()
    with pytest.raises(InfeasibleError):
        hwmap.decompose(model, calib=calib, macs=0.6, cache=tmp_path / "cache")
    assert "is the calibration data like the rest" in caplog.text


def test_data_that_is_not_like_the_rest_is_a_warning(tmp_path: Path, caplog):
    model, calib, tests = _outlier(tmp_path, 200)

    hwmap.decompose(model, calib=calib, max_drop=5, test_data=tests)

    assert "the outputs' error is" in caplog.text
    assert "is the calibration data like the rest" in caplog.text


def test_no_drop_is_no_decomposition(cache: Path):
    report = hwmap.decompose(DIGITS, calib=CALIB, max_drop=0, cache=cache).report

    assert report.decomposed == ()
    assert report.macs == report.dense_macs


def test_compile_without_data_does_not_decompose(tmp_path: Path):
    fails(
        "decompositions are fitted to data; give --calib, or --max-drop 0",
        *("compile", DIGITS, "--board", "pynq-z2", "-o", tmp_path / "out", "--max-drop", "1"),
    )


def test_factors_that_stay_are_named_where_a_share_is_too_small(half, cache: Path):
    path, _ = half

    with pytest.raises(InfeasibleError, match=r"\(proved\); \d+ ops are factors already, and stay"):
        hwmap.decompose(path, calib=CALIB, macs=0.05, cache=cache)


def test_integers_that_stay_are_named_where_a_share_is_too_small(tmp_path: Path):
    hwmap.quantize(DIGITS, tmp_path / "qdq.onnx", calib=CALIB)

    with pytest.raises(
        InfeasibleError, match=r"\(proved\); \d+ ops are integers already, and stay"
    ):
        hwmap.decompose(tmp_path / "qdq.onnx", calib=CALIB, macs=0.6)


def test_a_share_below_the_least_says_so(tmp_path: Path):
    result = run(*_decompose(tmp_path, "--macs", "1%"))

    assert result.returncode == 3
    assert "no choice of decompositions is within" in result.stderr
    assert "(proved)" in result.stderr


def test_a_network_without_learned_weights_stays_as_it_is(tmp_path: Path):
    net = ModelBuilder((4, 6, 6))
    net.node("Relu", net.node("GlobalAveragePool", "x", name="pool"), name="out")
    model = net.save(tmp_path / "net.onnx", "out")
    calib = _saved(tmp_path / "x.npz", x=np.random.default_rng(0).random((20, 4, 6, 6)))

    report = hwmap.decompose(model, tmp_path / "out.onnx", calib=calib, max_drop=1).report

    assert report.decomposed == ()
