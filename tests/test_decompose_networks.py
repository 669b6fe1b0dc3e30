"""Decompositions of the shared networks: every one of them, and what they cost."""

from pathlib import Path

import numpy as np
import pytest

from hwmap.accuracy import output_loss
from hwmap.decompose.apply import apply_parts
from hwmap.decompose.chain import is_decomposable
from hwmap.decompose.method import Method, fit_factors, product
from hwmap.decompose.samples import moments
from hwmap.decompose.target import Target, given_target
from hwmap.frontend.export import export_float
from hwmap.frontend.reader import read_model
from hwmap.frontend.runtime import run_model
from hwmap.ir.evaluate import evaluate, run_ops
from hwmap.ir.ops import Conv
from tests.decomposed import load_decomposable, methods_tried
from tests.integer import real_inputs
from tests.networks import ALL_CASES, SHARED, load_case

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared networks are not here")

QDQ = "resnet8_cifar10_int8_qdq"


@pytest.mark.soak
def test_resnet8_at_60_percent_of_its_macs_loses_little():
    made = load_decomposable("resnet8_cifar10", 512, step=4)
    cases = [load_case("resnet8_cifar10", "cifar10_test_jpeg")]
    parts = made.fitted(made.selected("macs", 0.6))

    (before,), (after,) = made.accuracies((), cases), made.accuracies(parts, cases)

    assert made.kept(made.selected("macs", 0.6), "macs") <= 0.6
    assert 100 * (before[0] - after[1]) < 1.5


@pytest.mark.soak
@pytest.mark.parametrize("name", [name for name in ALL_CASES if name != QDQ])
def test_every_network_is_decomposed_and_written_as_an_ordinary_model(name: str, tmp_path: Path):
    made = load_decomposable(name, 32)
    able = [op for op in made.source.ops if is_decomposable(op, made.source)]
    tried = {op.name: methods_tried(op, made.source) for op in able[::3]}
    methods = {name: found[len(found) // 2] for name, found in tried.items() if found}
    parts = made.fitted(methods)
    whole = apply_parts(made.network.whole, parts)
    path = tmp_path / "net.onnx"
    path.write_bytes(export_float(whole))

    again = read_model(path)

    assert methods
    factors = {op.name for op in whole.ops if isinstance(op, Conv) and op.factor}
    assert factors == {op.name for op in again.ops if isinstance(op, Conv) and op.factor}
    assert len(factors) >= 2 * len(methods)
    images = made.case.images[:4]
    inputs = real_inputs(made.network, images)
    (output,) = run_model(path, {whole.inputs[0]: images}).values()
    wanted = evaluate(whole, inputs)[whole.outputs[0]].reshape(output.shape)
    assert np.abs(output - wanted).max() <= 1e-3 * max(np.abs(wanted).max(), 1)
    source = evaluate(made.source, inputs)
    found = evaluate(apply_parts(made.source, parts), inputs)
    assert output_loss(found, source) < 1


def test_a_qdq_network_keeps_its_integers():
    made = load_decomposable(QDQ, 32)

    assert not any(is_decomposable(op, made.source) for op in made.source.ops)


def test_fits_to_few_images_hold_for_others():
    made = load_decomposable("mobilenetv1_050_160_imagenet", 128)
    x = real_inputs(made.network, made.case.images[:128])
    *_, (op, (fitted,), _) = run_ops(made.source, made.calibration)
    *_, (_, (other,), _) = run_ops(made.source, x)
    assert isinstance(op, Conv)
    weight = made.source.constants[op.weight].values.astype(np.float64)
    few, held = (np.asarray(values, np.float64).reshape(128, -1) for values in (fitted, other))
    held -= few.mean(0)

    def error(target: Target) -> float:
        change = product(fit_factors(target, Method("svd-output", (128,))), 512) - weight
        return float(np.square(held @ change.reshape(len(weight), -1).T).sum())

    # Against the moments as Ledoit and Wolf estimate them, as they are, and without data.
    plain = moments(few.astype("f"))
    target = given_target(plain, weight)
    likely = plain.chance / (1 - plain.chance) * np.trace(plain.gram) / 512
    for ridge in (likely, 0.01 * likely, 100 * likely):
        assert error(target) < 0.95 * error(Target(weight, plain.gram + ridge * np.eye(512)))
