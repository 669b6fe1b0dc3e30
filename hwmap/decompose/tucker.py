"""Tucker-2: 1 x 1 to fewer channels, K_h x K_w among them, 1 x 1 to the output channels
(Kim et al., Compression of Deep CNNs, 2016, section 3.1), fitted to data.

For a given first factor the other two are a reduced-rank regression on what it makes of the data,
in closed form. The first one is improved for them by conjugate gradients.
"""

import numpy as np

from hwmap.decompose.svd import STEPS, SWEEPS, leading, regress_to
from hwmap.decompose.target import (
    Factors,
    Floats,
    Split,
    Target,
    behind,
    fit_second,
    improve_first,
    powers,
)


def tucker(target: Target, inner: int, outer: int) -> Factors:
    """The weights of the three convolutions, with `inner` channels after the first and `outer`
    after the second."""
    parts = target.split("c")
    first = leading(parts, inner)
    core, last = _regress(parts, first, outer)
    for _ in range(SWEEPS):
        first = improve_first(parts, first, np.tensordot(last, core, 1), STEPS)
        core, last = _regress(parts, first, outer)
    power = powers(first, parts.metric.inner)
    first, core = first / power[:, None], core * power[:, None]
    power = powers(core.reshape(outer, -1), behind(parts, first)[1])
    kernel = target.weight.shape[2:]
    return (
        first[:, :, None, None],
        (core / power[:, None, None]).reshape(outer, inner, *kernel),
        (last * power)[:, :, None, None],
    )


def _regress(parts: Split, first: Floats, rank: int) -> tuple[Floats, Floats]:
    """The core (rank, len(first), positions) and the last factor (C_out, rank)."""
    best = fit_second(parts, first)
    core, last = regress_to(best.reshape(len(best), -1), behind(parts, first)[1], rank)
    return core.reshape(rank, *best.shape[1:]), last
