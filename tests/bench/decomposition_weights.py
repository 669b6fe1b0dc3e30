"""The same for the share of the weights (bits, at 8 each)."""

from collections.abc import Iterator

from tests.bench.decompositions import rows
from tests.decomposed import load_decomposable
from tests.networks import SHARED

WEIGHTS = {
    "resnet20_cifar10": (512, (0.6, 0.4)),
    "resnet8_cifar10": (512, (0.7, 0.5)),
    "dscnn_kws": (128, (0.8, 0.6)),
    "mobilenetv1_025_vww": (64, (0.7, 0.5)),
    "autoencoder_ad": (64, (0.6, 0.4, 0.2)),
    "squeezenet11_imagenet": (128, (0.7, 0.5)),
    "mobilenetv1_050_160_imagenet": (128, (0.8, 0.7)),
}


def run() -> Iterator[dict[str, object]]:
    """A row per network, share and set of test images."""
    for name, (calibration, shares) in WEIGHTS.items() if SHARED.is_dir() else ():
        yield from rows(load_decomposable(name, calibration), "weights", shares)
