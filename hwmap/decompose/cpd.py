"""Canonical polyadic decomposition of a convolution's weights, by alternating least squares.

    W[o, c, h, w]  ~  sum over r of  out[o, r] * in[c, r] * rows[h, r] * columns[w, r]

(Kolda and Bader, Tensor Decompositions and Applications, SIAM Review 2009, section 3.4.)
"""

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]
SWEEPS = 30
RIDGE = 1e-6
"""Weight of the squared factor norms: without it, factors of nearly parallel components grow
without bound, and do not survive 8-bit weights."""


def cpd(weight: Weights, rank: int) -> tuple[Weights, Weights, Weights, Weights]:
    """Weights of the chain 1 x 1, depthwise K_h x 1, depthwise 1 x K_w, 1 x 1, of rank `rank`."""
    factors = _start(weight, rank)
    for _ in range(SWEEPS):
        for mode in range(4):
            factors[mode] = _solve(weight, factors, mode)
            if mode < 3:
                norms = np.linalg.norm(factors[mode], axis=0)
                factors[mode] = factors[mode] / np.where(norms > 0, norms, 1.0)
    out, channels, rows, columns = _balance(factors)
    return (
        channels.T[:, :, None, None],
        rows.T[:, None, :, None],
        columns.T[:, None, None, :],
        out[:, :, None, None],
    )


def _start(weight: Weights, rank: int) -> list[Weights]:
    """The leading left singular vectors of every unfolding, filled up with fixed random columns."""
    rng = np.random.default_rng(0)
    factors = []
    for mode, size in enumerate(weight.shape):
        u, _, _ = np.linalg.svd(np.moveaxis(weight, mode, 0).reshape(size, -1), full_matrices=False)
        extra = rng.standard_normal((size, max(rank - u.shape[1], 0)))
        factors.append(np.concatenate([u, extra], axis=1)[:, :rank])
    return factors


def _solve(weight: Weights, factors: list[Weights], mode: int) -> Weights:
    """The least squares solution for one factor, the others fixed."""
    others = [factor for i, factor in enumerate(factors) if i != mode]
    gram = np.ones((others[0].shape[1],) * 2)
    for factor in others:
        gram = gram * (factor.T @ factor)
    product = others[0]
    for factor in others[1:]:
        product = (product[:, None, :] * factor[None, :, :]).reshape(-1, product.shape[1])
    unfolded = np.moveaxis(weight, mode, 0).reshape(weight.shape[mode], -1)
    ridge = RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    return np.asarray(np.linalg.solve(gram + ridge, (unfolded @ product).T).T)


def _balance(factors: list[Weights]) -> list[Weights]:
    """The same sum, with the norm of each component spread evenly over the four factors."""
    norms = np.array([np.linalg.norm(factor, axis=0) for factor in factors])
    total = norms.prod(0) ** 0.25
    return [
        factor * (total / np.where(norm > 0, norm, 1.0))
        for factor, norm in zip(factors, norms, strict=True)
    ]
