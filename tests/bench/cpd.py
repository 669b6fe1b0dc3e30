"""CPD against tensorly's parafac at equal rank, on every 3 x 3 convolution of ResNet-20.

Relative error of the op's output on images that neither was fitted to, and the ratio of times, the
sum over all ops; parafac with its defaults (100 iterations at most, from singular vectors).
"""

import time
import warnings
from collections.abc import Iterator

import numpy as np

from hwmap.decompose.cpd import cpd
from hwmap.decompose.method import product
from hwmap.decompose.samples import draw_positions, mean_and_gram, moments
from hwmap.decompose.target import given_target
from hwmap.ir.evaluate import run_ops
from hwmap.ir.ops import Conv
from tests.decomposed import load_decomposable
from tests.networks import SHARED

IMAGES = 128
RANK_PER_CHANNEL = (1.0, 2.0)


def run() -> Iterator[dict[str, object]]:
    """A row per convolution and rank."""
    if not SHARED.is_dir():
        return
    from tensorly.decomposition import parafac

    made = load_decomposable("resnet20_cifar10", 512)
    few = {name: values[:IMAGES] for name, values in made.calibration.items()}
    for op, (source, *_), _ in run_ops(made.source, few):
        if not (isinstance(op, Conv) and made.counted(op.name)):
            continue
        weight = made.source.constants[op.weight].values.astype(np.float64)
        positions = draw_positions(op, made.source, len(source))
        read = positions.windows(source, op, made.source)
        half = len(read) // 2
        known = moments(read[:half], positions.each)
        _, other = mean_and_gram(read[half:])
        for share in RANK_PER_CHANNEL:
            rank = int(share * len(weight))
            if rank * sum(weight.shape) >= weight.size:
                continue
            start = time.perf_counter()
            ours = product(cpd(given_target(known, weight), rank), weight.shape[1])
            middle = time.perf_counter()
            with warnings.catch_warnings(action="ignore"):
                scales, factors = parafac(weight, rank, init="svd", random_state=0)
            end = time.perf_counter()
            theirs = np.einsum("r,or,cr,hr,wr->ochw", scales, *factors, optimize=True)
            errors = [_error(found - weight, weight, other) for found in (ours, theirs)]
            yield {
                "op": op.name,
                "rank": rank,
                "ours": f"{errors[0]:.4f}",
                "parafac": f"{errors[1]:.4f}",
                "error, ours / parafac": f"{errors[0] / errors[1]:.2f}",
                "time, ours / parafac": f"{(middle - start) / (end - middle):.2f}",
            }


def _error(change: np.ndarray, weight: np.ndarray, gram: np.ndarray) -> float:
    lost, whole = (values.reshape(len(values), -1) for values in (change, weight))
    power = np.einsum("oi,oi->", whole @ gram, whole)
    return float(np.sqrt(np.einsum("oi,oi->", lost @ gram, lost) / power))
