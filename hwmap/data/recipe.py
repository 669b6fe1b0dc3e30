"""Preprocessing recipes: from images of uint8 to what a model takes.

A recipe is a TOML file; every field may be left out:

    channel_order = "rgb"   # what the model takes: "rgb" keeps the file's order, "bgr" turns it
    layout = "nchw"         # of the file: "nchw" or "nhwc"
    scale = 1.0             # value = (pixel * scale - mean) / std
    mean = [0.0, 0.0, 0.0]  # a number, or one per channel in the model's order
    std = [1.0, 1.0, 1.0]
"""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwmap.errors import DataError
from hwmap.ir.types import Array

ORDERS = ("rgb", "bgr")
LAYOUTS = ("nchw", "nhwc")
Numbers = tuple[float, ...]
LARGEST = 1e20
"""Numbers beyond it, and divisors below its inverse, overflow float32."""


@dataclass(frozen=True)
class Recipe:
    """How pixels become inputs."""

    channel_order: str = "rgb"
    layout: str = "nchw"
    scale: float = 1.0
    mean: Numbers = (0.0,)
    std: Numbers = (1.0,)

    def apply(self, images: Array, what: str) -> NDArray[np.float32]:
        """`images` (N, C, H, W), (N, H, W, C) or grey (N, H, W) as (N, C, H, W) float32.

        Raises:
            DataError: they are none, or the recipe has another number of channels.
        """
        if images.ndim not in (3, 4) or images.dtype.kind not in "iu":
            raise DataError(
                f"{what} has shape {images.shape} of {images.dtype}; a recipe needs images of"
                " integers, (N, C, H, W), (N, H, W, C) or (N, H, W)"
            )
        if images.ndim == 3:
            images = images[..., None] if self.layout == "nhwc" else images[:, None]
        turned = images.transpose(0, 3, 1, 2) if self.layout == "nhwc" else images
        if self.channel_order == "bgr":
            turned = turned[:, ::-1]
        channels = turned.shape[1]
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if len(numbers) not in (1, channels):
                raise DataError(
                    f"{what} has {channels} channels; the recipe's {name} has {len(numbers)}"
                    f" (its layout is '{self.layout}')"
                )
        mean, std = (
            np.asarray(numbers, np.float32)[:, None, None] for numbers in (self.mean, self.std)
        )
        return ((turned * np.float32(self.scale) - mean) / std).astype(np.float32)


def load_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file.

    Raises:
        DataError: no such file, no TOML, or a wrong field.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path}: not a readable TOML file ({error})") from error
    known = [field.name for field in fields(Recipe)]
    for name in values:
        if name not in known:
            raise DataError(f"{path}: field '{name}' is not known; expected {', '.join(known)}")
    for name, allowed in (("channel_order", ORDERS), ("layout", LAYOUTS)):
        if values.get(name, allowed[0]) not in allowed:
            raise DataError(f"{path}: {name}={values[name]!r}; expected one of {allowed}")
    for name in ("scale", "mean", "std"):
        if name in values:
            values[name] = _numbers(values[name], f"{path}: {name}")
    if any(abs(number) * LARGEST < 1 for number in values.get("std", ())):
        raise DataError(f"{path}: std is 0; expected what to divide by")
    if "scale" in values:
        (values["scale"], *more) = values["scale"]
        if more:
            raise DataError(f"{path}: scale must be one number")
    return Recipe(**values)


def _numbers(value: Any, what: str) -> Numbers:
    items = value if isinstance(value, list) else [value]
    plain = [type(item) in (int, float) and abs(item) < LARGEST for item in items]
    if not items or not all(plain):
        raise DataError(f"{what}={value!r}; expected a number, or a list of numbers")
    return tuple(float(item) for item in items)
