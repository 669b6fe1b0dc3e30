"""Truncated singular value decompositions of a convolution's weights.

Each unfolding of the weights (C_out, C_in, K_h, K_w) into a matrix gives a chain of two
convolutions; the truncation is the best one of its rank in the weights' Frobenius norm
(Eckart-Young). The singular values are split evenly, so that both factors quantize alike.
"""

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]


def svd_input(weight: Weights, rank: int) -> tuple[Weights, Weights]:
    """(C_in | C_out K_h K_w): a 1 x 1 convolution to `rank` channels, then K_h x K_w."""
    out, channels, rows, columns = weight.shape
    left, right = _truncate(weight.transpose(1, 0, 2, 3).reshape(channels, -1), rank)
    second = right.reshape(rank, out, rows, columns).transpose(1, 0, 2, 3)
    return left.T[:, :, None, None], second


def svd_output(weight: Weights, rank: int) -> tuple[Weights, Weights]:
    """(C_in K_h K_w | C_out): K_h x K_w to `rank` channels, then a 1 x 1 convolution."""
    out, channels, rows, columns = weight.shape
    left, right = _truncate(weight.reshape(out, -1), rank)
    return right.reshape(rank, channels, rows, columns), left[:, :, None, None]


def svd_spatial(weight: Weights, rank: int) -> tuple[Weights, Weights]:
    """(C_in K_w | C_out K_h): a 1 x K_w convolution to `rank` channels, then K_h x 1."""
    out, channels, rows, columns = weight.shape
    left, right = _truncate(weight.transpose(1, 3, 0, 2).reshape(channels * columns, -1), rank)
    first = left.T.reshape(rank, channels, 1, columns)
    second = right.reshape(rank, out, rows, 1).transpose(1, 0, 2, 3)
    return first, second


def _truncate(matrix: Weights, rank: int) -> tuple[Weights, Weights]:
    """(m, rank) and (rank, n) whose product is the best approximation of `matrix` (m, n)."""
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, root[:, None] * vt[:rank]
