"""onnxruntime on the model as it was given: the top rung of the ladder of proof."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from hwmap.errors import ModelError
from hwmap.ir.types import Array


def check_model(path: Path) -> None:
    """Pass if onnxruntime accepts the model: what it refuses could never be verified.

    Raises:
        ModelError: it does not.
    """
    _session(path)


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    onnxruntime.set_default_logger_severity(4)
    try:
        return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no public base class
        raise ModelError(f"{path}: onnxruntime cannot load it ({error})") from error


def run_model(path: Path, inputs: Mapping[str, Array]) -> dict[str, NDArray[np.float32]]:
    """The model's outputs (N, values) for images (N, C, H, W), one image at a time.

    Raises:
        ModelError: onnxruntime refuses the model.
    """
    session = _session(path)
    shapes = {
        item.name: [size if isinstance(size, int) else 1 for size in item.shape]
        for item in session.get_inputs()
    }
    names = list(dict.fromkeys(item.name for item in session.get_outputs()))
    rows: dict[str, list[Array]] = {name: [] for name in names}
    for index in range(len(next(iter(inputs.values())))):
        # An input that no output needs is not imported; any values will do.
        image = {
            name: inputs[name][index].astype(np.float32).reshape(shape)
            if name in inputs
            else np.zeros(shape, np.float32)
            for name, shape in shapes.items()
        }
        try:
            results = session.run(names, image)
        except Exception as error:  # as above
            raise ModelError(f"{path}: onnxruntime cannot run it ({error})") from error
        for name, value in zip(names, results, strict=True):
            rows[name].append(np.asarray(value).reshape(-1))
    return {name: np.array(values, np.float32) for name, values in rows.items()}
