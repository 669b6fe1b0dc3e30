"""onnxruntime: the top rung of the ladder of proof."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
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

    def run_image(self, inputs: Mapping[str, Array], index: int) -> dict[str, Array]:
        """The outputs, flat, for the image `index` of `inputs` (N, C, H, W) as the model takes
        them.

        Raises:
            ModelError: onnxruntime cannot run it.
        """
        # An input that no output needs is not imported; any values will do.
        image = {
            name: inputs[name][index].astype(self.types[name]).reshape(shape)
            if name in inputs
            else np.zeros(shape, self.types[name])
            for name, shape in self.shapes.items()
        }
        values = zip(self.outputs, self.run(image), strict=True)
        return {name: value.reshape(-1) for name, value in values}


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
    images = [session.run_image(inputs, i) for i in range(len(next(iter(inputs.values()))))]
    return {
        name: np.stack([image[name] for image in images]).astype(np.float32)
        for name in session.outputs
    }


def with_tensors(path: Path, wanted: Iterable[str]) -> bytes:
    """The model with those of the tensors `wanted` that its nodes write as outputs too."""
    proto = onnx.load(path)
    outputs = {info.name for info in proto.graph.output}
    written = {name for node in proto.graph.node for name in node.output}
    extra = sorted(written.intersection(wanted) - outputs)
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in extra)
    content: bytes = proto.SerializeToString()
    return content


def has_half(path: Path) -> bool:
    """Whether any of the model is computed in float16."""
    graph = onnx.load(path).graph
    half = onnx.TensorProto.FLOAT16
    infos = [info.type.tensor_type.elem_type for info in (*graph.input, *graph.output)]
    casts = [item.i for node in graph.node if node.op_type == "Cast" for item in node.attribute]
    return half in (*infos, *casts, *(init.data_type for init in graph.initializer))
