"""The real networks that tests use, with calibration and labelled test images."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
CALIBRATION_IMAGES = 64
Floats = NDArray[np.float32]

CASES = {
    "digits": "example",
    "cnn_mnist": "shared:mnist_test",
    "dscnn_kws": "shared:kws_features",
    "resnet8_cifar10": "shared:cifar10_test_exact",
    "resnet20_cifar10": "shared:cifar10_test_exact",
    "mobilenetv1_025_vww": "shared:vww_96",
}


@dataclass(frozen=True, eq=False)
class Case:
    """A network, images to calibrate with, and labelled images that are not among them."""

    name: str
    model: Path
    calibration: Floats
    images: Floats
    labels: NDArray[np.int64]


def _cifar(scale: bool) -> tuple[Floats, Floats, NDArray[np.int64]]:
    calibration = np.load(SHARED / "data" / "cifar10_train_calib.npz")["x"][:CALIBRATION_IMAGES]
    test = np.load(SHARED / "data" / "cifar10_test_exact.npz")
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])

    def prepare(x: NDArray[np.uint8]) -> Floats:
        values = x.astype(np.float32)
        if scale:
            values = (values / 255 - mean[:, None, None]) / deviation[:, None, None]
        return values.astype(np.float32)

    return prepare(calibration), prepare(test["x"]), test["y"]


def _split(x: Floats, y: NDArray[np.int64]) -> tuple[Floats, Floats, NDArray[np.int64]]:
    cut = CALIBRATION_IMAGES
    return x[:cut].astype(np.float32), x[cut:].astype(np.float32), y[cut:]


def load_case(name: str) -> Case:
    """The network `name` of CASES with its data, prepared as ../shared/models/README.md says."""
    if name == "digits":
        calibration = np.load(ROOT / "examples" / "digits_calib.npz")["x"]
        test = np.load(ROOT / "examples" / "digits_test.npz")
        model = ROOT / "examples" / "digits.onnx"
        return Case(name, model, calibration, test["x"], test["y"])
    model = SHARED / "models" / f"{name}.onnx"
    if name.startswith("resnet"):
        return Case(name, model, *_cifar(scale=name != "resnet8_cifar10"))
    data = np.load(SHARED / "data" / f"{CASES[name].removeprefix('shared:')}.npz")
    if name == "cnn_mnist":
        return Case(name, model, *_split(data["x"][:1064], data["y"][:1064]))
    if name == "dscnn_kws":
        features = (data["x"].astype(np.float32) - 83) * 0.5847029089927673
        return Case(name, model, *_split(features[:, None], data["y"]))
    pixels = data["x"].transpose(0, 3, 1, 2).astype(np.float32) / 255
    return Case(name, model, *_split(pixels, data["y"]))
