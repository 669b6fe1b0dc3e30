"""The real networks that tests use, with calibration and labelled test images."""

import io
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
CALIBRATION_IMAGES = 64
CACHE = ROOT / "build" / "cache"
"""What was measured about decompositions: that of the command line and of the examples."""
Floats = NDArray[np.float32]

CASES = {
    "digits": "example",
    "cnn_mnist": "mnist_test",
    "dscnn_kws": "kws_features",
    "resnet8_cifar10": "cifar10_test_exact",
    "mobilenetv1_025_vww": "vww_96",
}
"""Networks that are compiled in the default tests, and where their labelled images come from."""

LONG_CASES = {"mobilenetv1_025_vww"}
"""Those of them that are compiled in the long runs only."""

LARGE_CASES = {
    "resnet20_cifar10": "cifar10_test_exact",
    "resnet56_cifar10": "cifar10_test_exact",
    "resnet8_cifar10_int8_qdq": "cifar10_test_exact",
    "autoencoder_ad": "ad_windows",
    "squeezenet11_imagenet": "imagenet_224_jpeg",
    "mobilenetv1_050_160_imagenet": "imagenet_224_jpeg",
    "fastestdet_coco": "coco_352_jpeg",
}
"""The other shared networks."""

ALL_CASES = {**CASES, **LARGE_CASES}


@dataclass(frozen=True, eq=False)
class Case:
    """A network, images to calibrate with, and labelled images that are not among them. `labels`
    are classes (N,); for a detector boxes (M, 6): image, class, centre, size; without any, zeros.

    Images are as the model takes them.
    """

    name: str
    model: Path
    calibration: Floats
    images: Floats
    labels: NDArray[np.int64] | Floats


def _split(x: Floats, y: NDArray[np.int64], cut: int) -> tuple[Floats, Floats, NDArray[np.int64]]:
    return x[:cut].astype(np.float32), x[cut:].astype(np.float32), y[cut:]


def _data(name: str) -> dict[str, NDArray]:
    with np.load(SHARED / "data" / f"{name}.npz") as file:
        return {key: file[key] for key in file.files}


def _cifar(name: str, source: str, count: int) -> tuple[Floats, Floats, NDArray[np.int64]]:
    calibration = _data("cifar10_train_calib")["x"][:count]
    test = _data(source)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])

    def prepare(x: NDArray[np.uint8]) -> Floats:
        values = x.astype(np.float32)
        if name == "resnet8_cifar10_int8_qdq":
            values = values - 128
        elif name != "resnet8_cifar10":
            values = (values / 255 - mean[:, None, None]) / deviation[:, None, None]
        return values.astype(np.float32)

    return prepare(calibration), prepare(test["x"]), test["y"].astype(np.int64)


def _jpegs(name: str, source: dict[str, NDArray]) -> Floats:
    """The images of a file of JPEGs, as the README of the networks says for `name`."""
    from PIL import Image

    images = []
    for start, end in pairwise(source["offsets"]):
        image = Image.open(io.BytesIO(source["data"][start:end].tobytes()))
        if name == "mobilenetv1_050_160_imagenet":
            image = image.resize((160, 160), Image.Resampling.BILINEAR)
        images.append(np.asarray(image, np.float32).transpose(2, 0, 1))
    x = np.stack(images)
    if name == "squeezenet11_imagenet":
        x = x[:, ::-1] - np.array([103.94, 116.78, 123.68], np.float32)[:, None, None]
    elif name == "fastestdet_coco":
        x = x[:, ::-1] / 255
    else:
        x = x / 127.5 - 1
    return np.ascontiguousarray(x, np.float32)


def load_case(
    name: str,
    source: str | None = None,
    calibration: int = CALIBRATION_IMAGES,
    *,
    drawn: bool = False,
) -> Case:
    """The network `name` of ALL_CASES with its data (of the file `source`, or the usual one),
    prepared as ../shared/models/README.md says, and that many calibration images (the rest of the
    file is tested on; a detector has half as many, the example its own). `drawn`: ImageNet images,
    whose file is sorted by class, are divided at random, not into the first ones and the rest."""
    if name == "digits":
        calibration = np.load(ROOT / "examples" / "digits_calib.npz")["x"]
        test = np.load(ROOT / "examples" / "digits_test.npz")
        model = ROOT / "examples" / "digits.onnx"
        return Case(name, model, calibration, test["x"], test["y"])
    model = SHARED / "models" / f"{name}.onnx"
    source = source or ALL_CASES[name]
    if source.startswith("cifar10"):
        return Case(name, model, *_cifar(name, source, calibration))
    data = _data(source)
    if source == "mnist_test":
        return Case(name, model, *_split(data["x"][:1064], data["y"][:1064], calibration))
    if source == "kws_features":
        features = (data["x"].astype(np.float32) - 83) * 0.5847029089927673
        return Case(name, model, *_split(features[:, None], data["y"], calibration))
    if source == "ad_windows":
        zeros = np.zeros(len(data["x"]), np.int64)
        return Case(name, model, *_split(data["x"], zeros, calibration))
    if source == "vww_96":
        pixels = data["x"].transpose(0, 3, 1, 2).astype(np.float32) / 255
        return Case(name, model, *_split(pixels, data["y"], calibration))
    images = _jpegs(name, data)
    if source == "coco_352_jpeg":
        cut = calibration // 2
        boxes = data["boxes"][data["boxes"][:, 0] >= cut] - np.array([cut, 0, 0, 0, 0, 0])
        return Case(name, model, images[:cut], images[cut:], boxes.astype(np.float32))
    labels = data["y"].astype(np.int64) + (name == "mobilenetv1_050_160_imagenet")
    if drawn:
        order = np.random.default_rng(0).permutation(len(images))
        images, labels = images[order], labels[order]
    return Case(name, model, *_split(images, labels, calibration))
