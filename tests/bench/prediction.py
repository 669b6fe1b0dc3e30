"""Does the expected loss predict what a plan costs? 30 random plans per network.

Spearman's rank correlation between the loss that the solver adds up and the relative error of the
outputs that was measured on test images, after the fit, in float and after int8; and the median of
measured (float) / expected. Losses of the autoencoder's layers do not quite add up: losses
fitted to the measured plans themselves reach 0.89.
"""

from collections.abc import Iterator

import numpy as np

from hwmap.accuracy import output_loss
from hwmap.decompose.apply import apply_parts
from hwmap.decompose.method import DENSE
from hwmap.inference import dequantized
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import Graph
from hwmap.ir.types import Array
from hwmap.quantize.choose import quantize_inputs
from tests.decomposed import Decomposable, Inputs, Methods, load_decomposable
from tests.integer import real_inputs
from tests.networks import SHARED

PLANS = 30
TEST_IMAGES = 100
FIT_IMAGES = 128
NETWORKS = {
    "dscnn_kws": 128,
    "mobilenetv1_025_vww": 64,
    "autoencoder_ad": 64,
    "resnet8_cifar10": 512,
    "resnet20_cifar10": 512,
    "mobilenetv1_050_160_imagenet": 128,
    "squeezenet11_imagenet": 128,
    "resnet56_cifar10": 512,
}


def run() -> Iterator[dict[str, object]]:
    """A row per network."""
    for name, calibration in NETWORKS.items() if SHARED.is_dir() else ():
        made = load_decomposable(name, calibration)
        rng = np.random.default_rng(0)
        expected, measured, rounded = [], [], []
        inputs = real_inputs(made.network, made.case.images[:TEST_IMAGES])
        wanted = evaluate(made.source, inputs)
        for _ in range(PLANS):
            methods, loss = random_plan(made, rng)
            parts = made.fitted(methods, FIT_IMAGES)
            decomposed = apply_parts(made.source, parts)
            expected.append(loss)
            measured.append(output_loss(evaluate(decomposed, inputs), wanted))
            found = integer_outputs(made, decomposed, inputs)
            rounded.append(output_loss(found, wanted))
        ratio = np.sqrt(np.array(measured) / np.array(expected))
        yield {
            "network": name,
            "plans": PLANS,
            "error, measured": f"{min(measured) ** 0.5:.1%} to {max(measured) ** 0.5:.1%}",
            "Spearman": f"{spearman(expected, measured):.3f}",
            "after int8": f"{spearman(expected, rounded):.3f}",
            "measured / expected error": f"{np.median(ratio):.2f}",
        }


def integer_outputs(made: Decomposable, graph: Graph, inputs: Inputs) -> dict[str, Array]:
    """The outputs of `graph` after int8, as real values."""
    integer = made.quantized(graph)
    return dequantized(integer, evaluate(integer, quantize_inputs(integer, inputs)))


def random_plan(made: Decomposable, rng: np.random.Generator) -> tuple[Methods, float]:
    """A share of the ops, drawn too, each with a candidate drawn from its list; with the loss."""
    share = rng.uniform(0.1, 1.0)
    chosen = [
        items[rng.integers(1, len(items))]
        for items in made.candidates.values()
        if len(items) > 1 and rng.random() < share
    ]
    if not chosen:
        return random_plan(made, rng)
    assert all(candidate.method != DENSE for candidate in chosen)
    return {c.op: c.method for c in chosen}, sum(c.loss for c in chosen)


def spearman(first: list[float], second: list[float]) -> float:
    """Spearman's rank correlation, for values without ties."""
    ranks = [np.argsort(np.argsort(values)) for values in (first, second)]
    return float(np.corrcoef(*ranks)[0, 1])
