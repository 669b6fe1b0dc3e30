"""onnxruntime: the top rung of the ladder of proof."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from hwmap.errors import ModelError
from hwmap.ir.types import Array

TYPES = {
    "tensor(float16)": np.float16,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
}


class Session:
    """A model that onnxruntime has loaded: a file, or its content. Unless `optimized`, every node
    is computed as it stands, without fusion.

    Raises:
        ModelError: onnxruntime refuses it.
    """

    def __init__(self, model: Path | bytes, *, optimized: bool = False) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        if not optimized:
            level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.graph_optimization_level = level
        onnxruntime.set_default_logger_severity(4)
        self.name = "the model" if isinstance(model, bytes) else str(model)
        source = model if isinstance(model, bytes) else str(model)
        try:
            self._session = onnxruntime.InferenceSession(source, options, ["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no public base class
            raise ModelError(f"{self.name}: onnxruntime cannot load it ({error})") from error
        inputs = self._session.get_inputs()
        self.types = {item.name: TYPES.get(item.type, np.float32) for item in inputs}
        self.shapes = {
            item.name: [size if isinstance(size, int) else 1 for size in item.shape]
            for item in inputs
        }
        self.outputs = list(dict.fromkeys(item.name for item in self._session.get_outputs()))

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        """The outputs, in the order of `outputs`.

        Raises:
            ModelError: onnxruntime cannot run it.
        """
        try:
            return [np.asarray(value) for value in self._session.run(self.outputs, dict(feeds))]
        except Exception as error:  # as above
            raise ModelError(f"{self.name}: onnxruntime cannot run it ({error})") from error


def check_model(path: Path) -> None:
    """Pass if onnxruntime accepts the model as it stands: what it refuses could never be verified.

    Raises:
        ModelError: it does not.
    """
    Session(path)


def run_model(path: Path, inputs: Mapping[str, Array]) -> dict[str, NDArray[np.float32]]:
    """The model's outputs (N, values) for images (N, C, H, W) as the model takes them, one image at
    a time, every node as it stands. Integers come back as numbers.

    Raises:
        ModelError: onnxruntime refuses the model.
    """
    session = Session(path)
    rows: dict[str, list[Array]] = {name: [] for name in session.outputs}
    for index in range(len(next(iter(inputs.values())))):
        # An input that no output needs is not imported; any values will do.
        image = {
            name: inputs[name][index].astype(session.types[name]).reshape(shape)
            if name in inputs
            else np.zeros(shape, session.types[name])
            for name, shape in session.shapes.items()
        }
        for name, value in zip(session.outputs, session.run(image), strict=True):
            rows[name].append(value.reshape(-1))
    return {name: np.array(values, np.float32) for name, values in rows.items()}
