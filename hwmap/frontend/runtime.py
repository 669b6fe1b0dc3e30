"""onnxruntime on the model as it was given: the top rung of the ladder of proof."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from hwmap.errors import ModelError
from hwmap.ir.types import Array


def run_model(path: Path, inputs: Mapping[str, Array]) -> dict[str, NDArray[np.float32]]:
    """The model's outputs (N, values) for images (N, C, H, W), one image at a time.

    Raises:
        ModelError: onnxruntime refuses the model.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    onnxruntime.set_default_logger_severity(4)
    try:
        session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
        shapes = {
            item.name: [size if isinstance(size, int) else 1 for size in item.shape]
            for item in session.get_inputs()
        }
        names = [item.name for item in session.get_outputs()]
        rows: dict[str, list[Array]] = {name: [] for name in names}
        for index in range(len(next(iter(inputs.values())))):
            # An input that no output needs is not imported; any values will do.
            image = {
                name: inputs[name][index].astype(np.float32).reshape(shape)
                if name in inputs
                else np.zeros(shape, np.float32)
                for name, shape in shapes.items()
            }
            for name, value in zip(names, session.run(names, image), strict=True):
                rows[name].append(np.asarray(value).reshape(-1))
    except Exception as error:  # onnxruntime's exceptions share no public base class
        raise ModelError(f"{path}: onnxruntime cannot run it ({error})") from error
    return {name: np.array(values, np.float32) for name, values in rows.items()}
