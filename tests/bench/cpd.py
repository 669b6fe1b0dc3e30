"""CPD against tensorly's parafac at equal rank, on every 3 x 3 convolution of ResNet-20.

Relative error of the op's output on images that neither was fitted to, and the ratio of times, the
least of five each, by turns; parafac with its defaults (100 iterations at most, from singular
vectors).
"""

import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from hwmap.decompose.cpd import cpd
from hwmap.decompose.method import product
from hwmap.decompose.samples import Moments, draw_positions, mean_and_gram, moments
from hwmap.decompose.target import given_target
from hwmap.ir.evaluate import run_ops
from hwmap.ir.ops import Conv
from tests.decomposed import load_decomposable
from tests.networks import SHARED

IMAGES = 128
RANK_PER_CHANNEL = (1.0, 2.0)
REPEATS = 5


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
            fits = (
                partial(_ours, known, weight, rank),
                partial(parafac, weight, rank, init="svd", random_state=0),
            )
            with warnings.catch_warnings(action="ignore"):
                runs = [[_timed(fit) for fit in fits] for _ in range(REPEATS)]
            (ours, _), ((scales, factors), _) = runs[0]
            our_time, their_time = (
                min(seconds for _, seconds in each) for each in zip(*runs, strict=True)
            )
            theirs = np.einsum("r,or,cr,hr,wr->ochw", scales, *factors, optimize=True)
            errors = [_error(found - weight, weight, other) for found in (ours, theirs)]
            yield {
                "op": op.name,
                "rank": rank,
                "ours": f"{errors[0]:.4f}",
                "parafac": f"{errors[1]:.4f}",
                "error, ours / parafac": f"{errors[0] / errors[1]:.2f}",
                "time, ours / parafac": f"{our_time / their_time:.2f}",
            }


def _ours(known: Moments, weight: np.ndarray, rank: int) -> np.ndarray:
    return product(cpd(given_target(known, weight), rank), weight.shape[1])


def _timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and the seconds it took."""
    start = time.perf_counter()
    return function(), time.perf_counter() - start


def _error(change: np.ndarray, weight: np.ndarray, gram: np.ndarray) -> float:
    lost, whole = (values.reshape(len(values), -1) for values in (change, weight))
    power = np.einsum("oi,oi->", whole @ gram, whole)
    return float(np.sqrt(np.einsum("oi,oi->", lost @ gram, lost) / power))
