"""Canonical polyadic decomposition of a convolution's weights.

    cpd         W[o, c, h, w]  ~  sum over r of  out[o, r] * in[c, r] * rows[h, r] * columns[w, r]
                1 x 1, depthwise K_h x 1, depthwise 1 x K_w, 1 x 1
    cpd-plane   W[o, c, h, w]  ~  sum over r of  out[o, r] * in[c, r] * plane[h, w, r]
                1 x 1, depthwise K_h x K_w, 1 x 1

Alternating least squares (Kolda and Bader, Tensor Decompositions and Applications, 2009, section
3.4), first on the weights with their channels scaled by the data, then in the metric of the data:
the out factor in closed form, the others by a few steps of conjugate gradients. Turns begin ahead
of where the last one ended (Mitchell, Ye and De Sterck, Nesterov Acceleration of Alternating Least
Squares for Canonical Tensor Decomposition, 2020). The better of two starts is kept. A small pull
towards zero and factors of norm 1 keep components from growing against each other, which 8-bit
weights would not survive.
"""

from collections.abc import Callable

import numpy as np

from hwmap.decompose.target import Factors, Floats, Target, descend, powers

STARTS = 2
START_SWEEPS = 3
QUICK_SWEEPS, SWEEPS = 10, 60
QUICK_DATA_SWEEPS, DATA_SWEEPS = 5, 16
STEPS = 4
"""Starting points, sweeps over the weights from each, from the best of them, and then in the metric
of the data (to compare ranks, and for good), and steps for each factor there."""
RIDGE = 1e-3
"""The pull towards zero, as a share of the mean of the normal equations' diagonal. On ResNet-20 at
60 % of its MACs it leaves the float error as it is (12.0 %, against 12.2 % with 1e-6), and takes
what int8 adds from 12.0 % to 8.6 %."""
TINY = 1e-300
"""What keeps the equations of components that are zeros solvable."""


def cpd(target: Target, rank: int, *, quick: bool = False) -> Factors:
    """The weights of the four convolutions of `rank` components; `quick`: good enough to compare
    ranks."""
    factors = _fit(target, rank, quick=quick)
    out, channels, rows, columns = _scaled(target, factors)
    return (
        channels.T[:, :, None, None],
        rows.T[:, None, :, None],
        columns.T[:, None, None, :],
        out[:, :, None, None],
    )


def cpd_plane(target: Target, rank: int, *, quick: bool = False) -> Factors:
    """The weights of the three convolutions of `rank` components: rows and columns as one axis."""
    kernel = target.weight.shape[2:]
    last, channels, plane, ones = _scaled(target.flat, _fit(target.flat, rank, quick=quick))
    return (
        channels.T[:, :, None, None],
        (plane * ones).T.reshape(rank, 1, *kernel),
        last[:, :, None, None],
    )


def _fit(target: Target, rank: int, *, quick: bool) -> list[Floats]:
    """Factors (size, rank) of the axes o, c, h, w."""
    metric, inverse = target.split("c").metric.roots
    weight = np.einsum("ochw,cd->odhw", target.weight, metric, optimize=True)
    starts = [_sweep(weight, _begin(weight, rank, seed), START_SWEEPS) for seed in range(STARTS)]
    begun, _ = min(starts, key=lambda start: start[1])
    factors, _ = _sweep(weight, begun, QUICK_SWEEPS if quick else SWEEPS)
    factors[1] = inverse @ factors[1]

    def turn(factors: list[Floats]) -> tuple[list[Floats], float]:
        factors = list(factors)
        for mode in _modes(target.weight)[1:]:
            factors[mode] = _improve(target, factors, mode)
        factors = _normal(factors)
        factors[0], error = _last(target, factors)
        return factors, error

    return _turns(factors, turn, QUICK_DATA_SWEEPS if quick else DATA_SWEEPS)


def _turns(
    factors: list[Floats], turn: Callable[[list[Floats]], tuple[list[Floats], float]], count: int
) -> list[Floats]:
    """Where `count` turns lead; one gives better factors, and their error. Each begins further
    along the way that the last one went, the further the longer that went well; one that began
    ahead and makes the error larger is dropped."""
    before, least, well = factors, np.inf, 0
    for _ in range(count):
        pace = well / (well + 3)
        ahead = [now + pace * (now - old) for now, old in zip(factors, before, strict=True)]
        new, error = turn(ahead)
        if well and error > least:
            well = 0
        else:
            before, factors, least, well = factors, new, error, well + 1
    return factors


def _begin(weight: Floats, rank: int, seed: int) -> list[Floats]:
    """Factors (size, rank) of the tensor `weight` to start from: the leading singular vectors of
    its unfoldings, filled up with fixed random columns; all random with a seed above 0."""
    rng = np.random.default_rng(seed)
    factors = []
    for mode, size in enumerate(weight.shape):
        flat = np.moveaxis(weight, mode, 0).reshape(size, -1)
        _, vectors = np.linalg.eigh(flat @ flat.T)
        known = vectors[:, ::-1][:, : 0 if seed else rank]
        extra = rng.standard_normal((size, rank - known.shape[1]))
        factors.append(np.concatenate([known, extra], axis=1))
    return factors


def _sweep(weight: Floats, factors: list[Floats], sweeps: int) -> tuple[list[Floats], float]:
    """Alternating least squares on the tensor `weight`; with the error (see `_least_squares`)."""

    def turn(factors: list[Floats]) -> tuple[list[Floats], float]:
        factors, error = list(factors), 0.0
        for mode in _modes(weight):
            factor, error = _solve(weight, factors, mode)
            factors[mode] = factor / _norms(factor)
        return factors, error

    factors = _turns(factors, turn, sweeps)
    factors[0], error = _solve(weight, factors, 0)
    return factors, error


def _modes(weight: Floats) -> list[int]:
    """The axes that have something to solve."""
    return [mode for mode in range(4) if mode == 0 or weight.shape[mode] > 1]


def _product(factors: list[Floats]) -> Floats:
    """The weights (C_out, n) that the factors make."""
    return np.asarray(factors[0] @ _window(factors).reshape(-1, factors[0].shape[1]).T)


def _norms(factor: Floats) -> Floats:
    norms = np.linalg.norm(factor, axis=0)
    return np.where(norms > 0, norms, 1.0)


def _normal(factors: list[Floats]) -> list[Floats]:
    """All but the first with columns of norm 1."""
    return [factors[0], *(factor / _norms(factor) for factor in factors[1:])]


def _solve(weight: Floats, factors: list[Floats], mode: int) -> tuple[Floats, float]:
    """See `_least_squares`: one factor of the tensor `weight`, the others fixed."""
    return _least_squares(_gram(factors, mode), _gather(weight, factors, mode))


def _least_squares(gram: Floats, wanted: Floats) -> tuple[Floats, float]:
    """A factor (size, rank), and how much its squared error is above that of zeros: for the
    products of the components with each other (rank, rank), and with what they make (size, rank).
    """
    factor = np.asarray(np.linalg.solve(gram + _ridge(gram), wanted.T).T)
    return factor, float((factor.T @ factor * gram).sum() - 2 * (factor * wanted).sum())


def _ridge(gram: Floats) -> Floats:
    """What pulls components towards zero; nearly nothing for one alone, which has none to grow
    against, and where all are zeros."""
    rank = len(gram)
    share = RIDGE * (1 - 1 / rank) * float(np.trace(gram)) / rank
    return (share + TINY) * np.eye(rank)


def _gram(factors: list[Floats], mode: int) -> Floats:
    """The products (rank, rank) of the components without one factor."""
    gram = np.ones((factors[0].shape[1],) * 2)
    for other in (factor for index, factor in enumerate(factors) if index != mode):
        gram = gram * (other.T @ other)
    return gram


def _window(factors: list[Floats]) -> Floats:
    """The components (c, h, w, rank) of the window: all factors but the first."""
    _, channels, rows, columns = factors
    return channels[:, None, None, :] * rows[None, :, None, :] * columns[None, None, :, :]


def _gather(weight: Floats, factors: list[Floats], mode: int) -> Floats:
    """The tensor `weight` times the components without one factor: (size of `mode`, rank)."""
    flat = weight.reshape(len(weight), -1)
    if mode == 0:
        return np.asarray(flat @ _window(factors).reshape(flat.shape[1], -1))
    values = (flat.T @ factors[0]).reshape(*weight.shape[1:], -1)
    for axis in (1, 2, 3):
        if axis != mode:
            shape = [1, 1, 1, -1]
            shape[axis - 1] = len(factors[axis])
            values = (values * factors[axis].reshape(shape)).sum(axis - 1, keepdims=True)
    return np.asarray(values.reshape(len(factors[mode]), -1))


def _last(target: Target, factors: list[Floats]) -> tuple[Floats, float]:
    """See `_least_squares`: the out factor (C_out, rank) for what the others make of the data."""
    window = _window(factors).reshape(-1, factors[0].shape[1])
    wanted = target.image.reshape(len(target.weight), -1) @ window
    return _least_squares(window.T @ target.gram @ window, wanted)


def _improve(target: Target, factors: list[Floats], mode: int) -> Floats:
    """A better factor for one axis of the window, by preconditioned conjugate gradients."""
    shape = target.weight.shape
    gram = _gram(factors, mode)
    by_rank = np.linalg.inv(gram + _ridge(gram))
    by_input = target.split("chw"[mode - 1]).metric.inverse

    def image(factor: Floats) -> Floats:
        changed = [factor if index == mode else f for index, f in enumerate(factors)]
        values = _product(changed) @ target.gram
        return _gather(values.reshape(shape), factors, mode)

    wanted = _gather(target.image, factors, mode)
    return descend(factors[mode], wanted, image, lambda r: by_input @ r @ by_rank, STEPS)


def _scaled(target: Target, factors: list[Floats]) -> list[Floats]:
    """The same sum, with the norms where every convolution makes values of equal power."""
    _, *window = _normal(factors)
    out = factors[0]
    for factor in factors[1:]:
        out = out * _norms(factor)
    before = np.ones(out.shape[1])
    seen = np.ones((1, out.shape[1]))
    scaled = []
    for axes, factor in zip(("c", "ch", "chw"), window, strict=True):
        seen = (seen[:, None, :] * factor[None, :, :]).reshape(-1, out.shape[1])
        power = powers(seen.T, target.split(axes).metric.inner)
        scaled.append(factor * before / power)
        before = power
    return [out * before, *scaled]
