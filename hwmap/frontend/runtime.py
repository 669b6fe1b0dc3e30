"""onnxruntime on the model as it was given: the top rung of the ladder of proof."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from hwmap.errors import ModelError
from hwmap.ir.types import Array

TYPES = {"tensor(int8)": np.int8, "tensor(uint8)": np.uint8}


def check_model(path: Path) -> None:
    """Pass if onnxruntime accepts the model: what it refuses could never be verified.

    Raises:
        ModelError: it does not.
    """
    _session(path)


def _session(model: Path | bytes, *, plain: bool = False) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if plain:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    onnxruntime.set_default_logger_severity(4)
    given, name = (model, "the model") if isinstance(model, bytes) else (str(model), str(model))
    try:
        return onnxruntime.InferenceSession(given, options, ["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no public base class
        raise ModelError(f"{name}: onnxruntime cannot load it ({error})") from error


def run_bytes(model: bytes, inputs: Mapping[str, Array]) -> list[Array]:
    """The outputs of a serialized model, every node computed as it stands (no fusion).

    Raises:
        ModelError: onnxruntime refuses the model.
    """
    session = _session(model, plain=True)
    try:
        return [np.asarray(value) for value in session.run(None, dict(inputs))]
    except Exception as error:  # as above
        raise ModelError(f"onnxruntime cannot run it ({error})") from error


def run_model(path: Path, inputs: Mapping[str, Array]) -> dict[str, NDArray[np.float32]]:
    """The model's outputs (N, values) for images (N, C, H, W) as the model takes them, one image at
    a time. Integers come back as numbers.

    Raises:
        ModelError: onnxruntime refuses the model.
    """
    session = _session(path)
    shapes = {
        item.name: [size if isinstance(size, int) else 1 for size in item.shape]
        for item in session.get_inputs()
    }
    types = {item.name: TYPES.get(item.type, np.float32) for item in session.get_inputs()}
    names = list(dict.fromkeys(item.name for item in session.get_outputs()))
    rows: dict[str, list[Array]] = {name: [] for name in names}
    for index in range(len(next(iter(inputs.values())))):
        # An input that no output needs is not imported; any values will do.
        image = {
            name: inputs[name][index].astype(types[name]).reshape(shape)
            if name in inputs
            else np.zeros(shape, types[name])
            for name, shape in shapes.items()
        }
        try:
            results = session.run(names, image)
        except Exception as error:  # as above
            raise ModelError(f"{path}: onnxruntime cannot run it ({error})") from error
        for name, value in zip(names, results, strict=True):
            rows[name].append(np.asarray(value).reshape(-1))
    return {name: np.array(values, np.float32) for name, values in rows.items()}
