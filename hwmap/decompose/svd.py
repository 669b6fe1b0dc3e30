"""Two convolutions in the place of one: the window's axes are shared out between them.

    svd-input     1 x 1, then K_h x K_w          (C_in | C_out K_h K_w)
    svd-spatial   1 x K_w, then K_h x 1          (C_in K_w | C_out K_h)
    svd-output    K_h x K_w, then 1 x 1          (C_in K_h K_w | C_out)

With the data's second moments as the metric, the truncated singular value decomposition of the
least squares weights is reduced-rank regression (Izenman, 1975), which gives svd-output in closed
form. The others start from it, with the moments averaged over the positions that the first factor
does not see, and are then fitted by turns. Groups split the output channels, each with inner
channels of its own (the second factor is grouped); for svd-output the input channels (the first one
is, as in ALDS, Liebenwein et al., 2021, section 2.1).
"""

import numpy as np

from hwmap.decompose.target import (
    Factors,
    Floats,
    Split,
    Target,
    fit_second,
    improve_first,
    powers,
)

INNER = {"svd-input": "c", "svd-spatial": "cw", "svd-output": "chw"}
SWEEPS = 2
STEPS = 6
"""Turns between the two factors, and steps for the first one in each: more change the error by less
than 2 % on ResNet-20."""
GROUP_SWEEPS = 3


def svd(target: Target, kind: str, rank: int, groups: int) -> Factors:
    """The weights of the two convolutions of inner size `rank`, in each of `groups`."""
    if kind == "svd-output" and groups > 1:
        return _input_groups(target, rank, groups)
    size = len(target.weight) // groups
    whole = target.split(INNER[kind])
    pairs = [_two(whole.rows(group * size, (group + 1) * size), rank) for group in range(groups)]
    first = np.concatenate([pair[0] for pair in pairs])
    second = np.concatenate([pair[1] for pair in pairs])
    return _kernels(target, INNER[kind], first, second)


def leading(parts: Split, rank: int) -> Floats:
    """The first factor (rank, inner) of the decomposition that takes the moments of the data for
    the same at all outer positions."""
    metric, inverse = parts.metric.roots
    weights = np.einsum("ois,ij->osj", parts.weight, metric, optimize=True)
    _, vectors = np.linalg.eigh(np.einsum("osi,osj->ij", weights, weights, optimize=True))
    return np.asarray(vectors[:, ::-1].T[:rank] @ inverse)


def _two(parts: Split, rank: int) -> tuple[Floats, Floats]:
    """Factors (rank, inner) and (C_out, rank, outer)."""
    first = leading(parts, rank)
    second = fit_second(parts, first)
    for _ in range(SWEEPS if parts.weight.shape[2] > 1 else 0):
        first = improve_first(parts, first, second, STEPS)
        second = fit_second(parts, first)
    power = powers(first, parts.metric.inner)
    return first / power[:, None], second * power[:, None]


def _kernels(target: Target, inner: str, first: Floats, second: Floats) -> Factors:
    """Factors as the weights (C_out, C_in / groups, K_h, K_w) of convolutions."""
    sizes = target.weight.shape[1:]
    inside = [size if "chw"[axis] in inner else 1 for axis, size in enumerate(sizes)]
    outside = [1 if "chw"[axis] in inner else sizes[axis] for axis in (1, 2)]
    return (
        first.reshape(len(first), *inside),
        second.reshape(*second.shape[:2], *outside),
    )


def _input_groups(target: Target, rank: int, groups: int) -> Factors:
    """Reduced-rank regression of each group of inputs on what the other groups leave, by turns."""
    out, channels, *kernel = target.weight.shape
    whole = target.weight.reshape(out, -1)
    size = whole.shape[1] // groups
    blocks = [slice(group * size, (group + 1) * size) for group in range(groups)]
    pairs = [regress_to(whole[:, block], target.gram[block, block], rank) for block in blocks]
    change = whole - np.concatenate([second @ first for first, second in pairs], axis=1)
    for _ in range(GROUP_SWEEPS):
        for index, block in enumerate(blocks):
            first, second = pairs[index]
            change[:, block] += second @ first
            gram = target.gram[block, block]
            best = np.linalg.solve(gram, (change @ target.gram[:, block]).T).T
            first, second = pairs[index] = regress_to(best, gram, rank)
            change[:, block] -= second @ first
    scales = [powers(first, target.gram[b, b]) for (first, _), b in zip(pairs, blocks, strict=True)]
    first = np.concatenate([f / s[:, None] for (f, _), s in zip(pairs, scales, strict=True)])
    second = np.concatenate([g * s for (_, g), s in zip(pairs, scales, strict=True)], axis=1)
    return first.reshape(groups * rank, channels // groups, *kernel), second[:, :, None, None]


def regress_to(weight: Floats, gram: Floats, rank: int) -> tuple[Floats, Floats]:
    """Reduced-rank regression: the factors (rank, n) and (C_out, rank) of the best approximation of
    `weight` (C_out, n) in the metric `gram` (n, n)."""
    _, vectors = np.linalg.eigh(weight @ gram @ weight.T)
    second = vectors[:, ::-1][:, :rank]
    return np.asarray(second.T @ weight), np.asarray(second)
