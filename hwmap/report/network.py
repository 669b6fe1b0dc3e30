"""What quantizing or running a network gave."""

from dataclasses import dataclass
from typing import Literal

from hwmap.quantize.calibrate import Estimator
from hwmap.quantize.choose import Quantized


@dataclass(frozen=True)
class SchemeError:
    """A way to quantize (see `Scheme`), and the relative error of the outputs on images that were
    not calibrated on."""

    estimator: Estimator
    correct_bias: bool
    error: float


@dataclass(frozen=True)
class QuantizeReport:
    """How a network was quantized; without an `estimator` by the scales of the model."""

    network: str
    images: int
    estimator: Estimator | None
    correct_bias: bool
    errors: tuple[SchemeError, ...]


def quantize_report(made: Quantized, images: int) -> QuantizeReport:
    """The report of an integer network that was calibrated on so many images."""
    return QuantizeReport(
        network=made.graph.name,
        images=images,
        estimator=None if made.scheme is None else made.scheme.estimator,
        correct_bias=made.scheme is not None and made.scheme.correct_bias,
        errors=tuple(
            SchemeError(scheme.estimator, scheme.correct_bias, error)
            for scheme, error in made.errors.items()
        ),
    )


@dataclass(frozen=True)
class RunReport:
    """A run of a network on data; `top1` is None without labels."""

    network: str
    arithmetic: Literal["float32", "int8"]
    images: int
    seconds: float
    giga_macs_per_second: float
    top1: float | None
