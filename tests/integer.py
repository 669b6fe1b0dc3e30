"""Integer networks of the shared networks, and what they are worth; for tests and benchmarks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwmap.inference import Network, load_network, run_float
from hwmap.ir.graph import Graph
from hwmap.passes import integer_part
from hwmap.quantize.choose import SCHEMES, Quantized, Scheme, quantize_graph
from tests.agreement import reference_outputs, runtime_outputs
from tests.detection import mean_average_precision
from tests.networks import Case, load_case


@dataclass(frozen=True, eq=False)
class IntegerCase:
    """A case with its integer network, calibrated on the case's calibration images."""

    case: Case
    network: Network
    quantized: Quantized

    @property
    def integer(self) -> Graph:
        return self.quantized.graph

    @property
    def inputs(self) -> dict[str, NDArray[np.float32]]:
        """The test images as real values."""
        return real_inputs(self.network, self.case.images)

    def few(self, count: int) -> dict[str, NDArray[np.float32]]:
        """The first of them."""
        return real_inputs(self.network, self.case.images[:count])


def real_inputs(network: Network, images: NDArray) -> dict[str, NDArray[np.float32]]:
    """Images as the model takes them, as the values that they stand for."""
    (name,) = network.whole.inputs
    given = network.whole.tensors[name].given
    values = images if given is None else given.dequantize(images)
    return {name: values.astype(np.float32).reshape(-1, *network.whole.shape(name))}


def integer_case(
    name: str, schemes: tuple[Scheme, ...] = SCHEMES, source: str | None = None
) -> IntegerCase:
    """The network `name`, quantized by the best of `schemes`; a QDQ model keeps its scales."""
    case = load_case(name, source)
    network = load_network(case.model)
    calibration = real_inputs(network, case.calibration)
    return IntegerCase(
        case, network, quantize_graph(integer_part(network.whole), calibration, schemes)
    )


@dataclass(frozen=True)
class Measured:
    """Accuracy of the float and the integer network (top-1; for a detector mAP, for an autoencoder
    the mean squared error), and the shares of images (for a detector: of cells) that get the same
    class from the integer reference and from onnxruntime on the exported model, with every node as
    it stands and fused, and from onnxruntime both ways."""

    images: int
    float: float
    integer: float
    same_as_plain: float
    same_as_fused: float
    plain_as_fused: float


def measure(made: IntegerCase) -> Measured:
    """What the integer network of a case is worth on all its test images."""
    inputs = made.inputs
    name = made.network.whole.outputs[0]
    exact = run_float(made.network, inputs)[name]
    exact = exact.reshape(len(exact), -1)
    ours = reference_outputs(made.network, made.integer, inputs)
    plain, fused = (
        runtime_outputs(made.network, made.integer, inputs, optimized=optimized)
        for optimized in (False, True)
    )
    classes = [_classes(made.case, outputs) for outputs in (ours, plain, fused)]
    return Measured(
        len(ours),
        accuracy(made.case, exact),
        accuracy(made.case, ours),
        *(float((classes[a] == classes[b]).mean()) for a, b in ((0, 1), (0, 2), (1, 2))),
    )


def _classes(case: Case, outputs: NDArray) -> NDArray:
    if case.name == "fastestdet_coco":
        # The class of every cell that shows an object.
        maps = outputs.reshape(len(outputs), 85, -1)
        return np.where(maps[:, 0] > 0.5, maps[:, 5:].argmax(1), -1)
    if case.name == "autoencoder_ad":
        return (_errors(case, outputs) > 10).astype(int)
    return outputs.argmax(1)


def _errors(case: Case, outputs: NDArray) -> NDArray:
    return np.square(outputs - case.images.reshape(outputs.shape)).mean(1)


def accuracy(case: Case, outputs: NDArray) -> float:
    """Top-1; of a detector mAP, of an autoencoder the mean squared error."""
    if case.name == "fastestdet_coco":
        return mean_average_precision(outputs.reshape(-1, 85, 22, 22), case.labels)
    if case.name == "autoencoder_ad":
        return float(_errors(case, outputs).mean())
    return float((outputs.argmax(1) == case.labels).mean())
