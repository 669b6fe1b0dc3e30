"""ONNX's own tests of single nodes: those whose first input is float with batch 1."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.backend.test.case.test_case import TestCase
from onnx.backend.test.loader import load_model_tests

from hwmap.data.dataset import as_given
from hwmap.errors import ModelError, UnsupportedOperatorError
from hwmap.inference import load_network
from hwmap.ir.evaluate import evaluate

# onnxruntime, which a network is verified with, differs from ONNX where align_corners meets scales
# whose product with the size is no whole number: it uses the size that is made of them.
AS_ONNXRUNTIME = {
    "resize_downsample_scales_cubic_align_corners",
    "resize_downsample_scales_linear_align_corners",
}
REFUSED = {
    # Attention, recurrence and signals: no form on the accelerator.
    "attention": "",
    "flexattention": "",
    "causal_conv": "",
    "gru": "",
    "lstm": "",
    "simple_rnn": "",
    "dft": "",
    "stft": "",
    # Values that move by values: gathered, sampled, suppressed.
    "basic_deform_conv": "",
    "deform_conv": "",
    "gridsample": "",
    "roialign": "",
    "nonmaxsuppression": "",
    "scatter": "",
    "maxunpool": "",
    "maxpool_with_argmax": "only the first output",
    "col2im": "",
    "scan_sum": "not a valid ONNX model",
    # Statistics of the input.
    "instancenorm": "",
    "lppool": "",
    "hardmax": "",
    # Volumes.
    "averagepool_3d": "must have shape",
    "convtranspose_3d": "must have shape",
    "maxpool_3d": "must have shape",
    # Products of two tensors, or with several matrices.
    "matmul_4d": "",
    # Activations with a scale per channel.
    "quantizelinear_axis": "one scale",
    "resize_tf_crop_and_resize": "must not be tf_crop_and_resize",
}


def _cases() -> Iterator[TestCase]:
    with warnings.catch_warnings():
        # The values of some overflow where they are made.
        warnings.simplefilter("ignore")
        cases = load_model_tests(kind="node")
    for case in cases:
        if case.model is None or not case.data_sets or not case.data_sets[0][0]:
            continue
        first = case.data_sets[0][0][0]
        floats = isinstance(first, np.ndarray) and first.dtype == np.float32 and first.ndim > 1
        if floats and len(first) == 1:
            yield case


CASES = {case.name.removeprefix("test_"): case for case in _cases()}


def _refusal(name: str) -> str | None:
    return next((key for key in REFUSED if name.startswith(key)), None)


def _saved(case: TestCase, path: Path) -> Path:
    """The model of a case, with all inputs but the first as initializers."""
    assert case.model is not None
    proto = onnx.ModelProto.FromString(case.model.SerializeToString())
    for info, value in zip(proto.graph.input[1:], case.data_sets[0][0][1:], strict=False):
        if info.name:
            proto.graph.initializer.append(numpy_helper.from_array(np.asarray(value), info.name))
    del proto.graph.input[1:]
    onnx.save(proto, path)
    return path


@pytest.mark.parametrize("name", [name for name in CASES if _refusal(name) is None])
def test_a_node_gives_what_onnx_says(name: str, tmp_path: Path):
    case = CASES[name]
    whole = load_network(_saved(case, tmp_path / "m.onnx")).whole
    inputs, outputs = case.data_sets[0]
    (source,) = whole.inputs

    found = as_given(whole, evaluate(whole, {source: whole.tensors[source].from_host(inputs[0])}))

    for info, wanted in zip(case.model.graph.output, outputs, strict=True):
        close = np.allclose(
            found[info.name].reshape(wanted.shape), wanted, rtol=case.rtol, atol=1e-5
        )
        assert close != (name in AS_ONNXRUNTIME)


@pytest.mark.parametrize("name", [name for name in CASES if _refusal(name) is not None])
def test_what_is_refused_is_refused_in_one_line(name: str, tmp_path: Path):
    path = _saved(CASES[name], tmp_path / "m.onnx")
    wanted = REFUSED[_refusal(name) or ""] or "node|input|ONNX model"

    with pytest.raises((ModelError, UnsupportedOperatorError), match=wanted) as caught:
        load_network(path)

    assert "\n" not in str(caught.value)


def test_most_of_them_are_right():
    right = [name for name in CASES if _refusal(name) is None and name not in AS_ONNXRUNTIME]

    assert len(right) >= 100
