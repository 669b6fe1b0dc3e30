"""The methods of an op, fitted to some windows of its input and tried on others."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from hwmap.decompose.method import Method, fit_factors, product
from hwmap.decompose.samples import mean_and_gram, moments
from hwmap.decompose.target import Factors, Floats, Target, given_target
from hwmap.ir.types import Array

CREST = 8
"""The range of a value between two factors, in its root mean square: the weights' rounding, and
what the range estimators cut off, are in it. Measured on ResNet-8: with 8, `rounding_noise` is
within a factor of two of what int8 adds to most chains."""


@dataclass(frozen=True, eq=False)
class Trial:
    """An op with the weights that `target` was made from as a matrix (C_out, n), its bias (C_out,),
    the `mean` (n,) of the windows that its methods are fitted to, and mean and second moments of
    those that they are tried on."""

    target: Target
    weight: Floats
    bias: Floats
    mean: Floats
    tried_mean: Floats
    tried_gram: Floats

    def error(self, method: Method) -> float:
        """The relative error of the op's output (before its clamp), that of int8 included."""
        factors = fit_factors(self.target, method, quick=True)
        change = self._product(factors) - self.weight
        shift = change @ (self.tried_mean - self.mean)
        noise = rounding_noise(factors, self._squares(factors))
        lost = self._power(change) + float(shift @ shift) + noise
        level = self.weight @ self.tried_mean + self.bias
        power = self._power(self.weight) + float(level @ level)
        return float(np.sqrt(lost / max(power, 1e-30)))

    def dense(self, method: Method) -> tuple[Floats, Floats]:
        """Weights (C_out, C_in, K_h, K_w) and bias of the convolution that the factors equal."""
        made = self._product(fit_factors(self.target, method, quick=True))
        bias = self.bias + (self.weight - made) @ self.mean
        return made.reshape(self.target.weight.shape), bias

    def _squares(self, factors: Factors) -> Iterator[float]:
        """The largest mean square of a channel of the values behind each factor: 1 in the target's
        moments, less in those of windows if the target's are drawn to the identity."""
        _, *window = self.target.weight.shape
        for index in range(1, len(factors)):
            seen = product(factors[:index], window[0])
            padded = np.zeros((len(seen), *window))
            padded[:, :, : seen.shape[2], : seen.shape[3]] = seen
            flat = padded.reshape(len(seen), -1)
            yield float(np.einsum("ri,ri->r", flat @ self.tried_gram, flat).max())

    def _product(self, factors: Factors) -> Floats:
        return product(factors, self.target.weight.shape[1]).reshape(self.weight.shape)

    def _power(self, weight: Floats) -> float:
        """The mean square of the output, over all channels, around its mean."""
        return max(float(np.einsum("oi,oi->", weight @ self.tried_gram, weight)), 0.0)


def trial(weight: Floats, bias: Floats, fitted: Array, tried: Array, each: int) -> Trial:
    """The trial of an op with weights (C_out, C_in, K_h, K_w), with the windows (m, n) of its input
    to fit to, and to try on, `each` of one image in a row."""
    known, new = moments(fitted, each), mean_and_gram(tried)
    flat = weight.reshape(len(weight), -1)
    return Trial(given_target(known, weight), flat, bias, known.mean, *new)


def rounding_noise(factors: Factors, squares: Iterable[float]) -> float:
    """The squared error of the output, over all channels, if the values between `factors`, the
    channels of mean squares of at most `squares`, are rounded to int8."""
    rests = (product(factors[index:], len(factors[index - 1])) for index in range(1, len(factors)))
    steps = (CREST / 127) ** 2 / 12
    return steps * sum(
        square * float(np.square(rest).sum()) for rest, square in zip(rests, squares, strict=False)
    )
