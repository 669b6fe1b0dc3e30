"""From the drop that a user allows to the loss that a solver may add up, by trial.

Plans of rising loss are fitted to three quarters of the calibration images and tried on the rest.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil

import numpy as np
from numpy.typing import NDArray

from hwmap.accuracy import Drop, drop_of, top1
from hwmap.data.dataset import DataSet
from hwmap.decompose.apply import apply_parts
from hwmap.decompose.candidates import Candidate
from hwmap.decompose.fit import fit_network
from hwmap.decompose.threads import AT_A_TIME, one_thread
from hwmap.errors import DataError
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import Graph
from hwmap.ir.types import Array
from hwmap.progress import Progress, quiet
from hwmap.solve.select import Limit, select

LEVELS = tuple(1e-4 * 2**k for k in range(13))
"""Losses that are tried, from an error of 1 % of the outputs to one of 64 %."""
LEAST_IMAGES = 16
"""Calibration images that are refused as too few. A choice: of 16, four are left to measure on."""

RANDOM_ERROR = 2.0
"""The size of a random error that costs as many classes as one of a decomposition (ResNet-20)."""
LEAST_MARGIN = 0.05
"""A network whose top-1 is not that much above chance is not measured with its own labels."""

log = logging.getLogger(__name__)


def check_images(data: DataSet) -> None:
    """Refuse calibration data that nothing can be fitted to.

    Raises:
        DataError: there is too little, or all images are the same.
    """
    if data.count < LEAST_IMAGES:
        raise DataError(
            f"{data.count} calibration images; a decomposition is fitted to {LEAST_IMAGES} or more,"
            " better 100 and more"
        )
    different = len({_levels(images) for images in zip(*data.inputs.values(), strict=True)})
    if different < LEAST_IMAGES:
        one = different == 1
        found = f"all {data.count}" if one else f"all but {different} of {data.count}"
        raise DataError(
            f"{found} calibration images are the same{'' if one else ' as others'}; a decomposition"
            f" is fitted to what differs between images; give {LEAST_IMAGES} different ones or more"
        )


def _levels(images: Iterable[Array]) -> bytes:
    """What is left of an image for every input in 8 bits of its own range."""
    levels = []
    for values in images:
        _, exponent = np.frexp(np.abs(values).max())
        levels += [exponent, np.rint(np.ldexp(values, 7 - exponent)).astype(np.int16)]
    return b"".join(np.asarray(item).tobytes() for item in levels)


def labels_for(graph: Graph, data: DataSet) -> NDArray[np.int64] | None:
    """The labels (N,) if they can be compared with the outputs: there must be one."""
    return data.labels if len(graph.outputs) == 1 else None


def check_labels(source: Graph, data: DataSet) -> None:
    """Refuse labels that are not this network's.

    Raises:
        DataError: they are as good as random.
    """
    labels = labels_for(source, data)
    if labels is None:
        return
    classes = source.tensors[source.outputs[0]].elements
    right = top1(evaluate(source, data.inputs), labels)
    if right < 1 / classes + LEAST_MARGIN:
        raise DataError(
            f"the network is right on {right:.0%} of the calibration images; labels or"
            " preprocessing do not fit it; leave 'y' out to limit the error of the outputs"
        )


def measure_drop(before: Graph, after: Graph, data: DataSet) -> Drop:
    """What `after` lost against `before` on `data`, in float."""
    wanted, found = evaluate(before, data.inputs), evaluate(after, data.inputs)
    return drop_of(found, wanted, labels_for(before, data))


def _likely(source: Graph, data: DataSet, max_drop: float) -> int:
    """The largest level of which random errors drop by no more: a guess."""
    exact, labels = evaluate(source, data.inputs), labels_for(source, data)
    size = 1.0 if labels is None else RANDOM_ERROR
    rng = np.random.default_rng(0)
    noise = {name: rng.standard_normal(values.shape) for name, values in exact.items()}

    def drop(level: int) -> float:
        found = {
            name: values + size * noise[name] * np.sqrt(LEVELS[level] * np.square(values).mean())
            for name, values in exact.items()
        }
        return drop_of(found, exact, labels).size

    return sum(drop(level) <= max_drop for level in range(len(LEVELS))) - 1


def _tried_next(low: int, high: int, likely: int) -> list[int]:
    """The levels between two others to try next: at first where the limit is likely to be, then
    from there on."""
    if low == -1 and high == len(LEVELS):
        near = {likely, likely + 1}
    elif low == -1:
        near = {high - 1, high - 3}
    else:
        near = {low + 1, low + 3}
    return sorted(level for level in near if low < level < high)


def loss_limit(
    source: Graph,
    candidates: Mapping[str, Sequence[Candidate]],
    data: DataSet,
    max_drop: float,
    progress: Progress = quiet,
) -> float:
    """The largest of `LEVELS` at which the plan of fewest MACs drops by at most `max_drop` (see
    `Drop`) on images that it was not fitted to; 0 if there is none. Where one of those images is
    more than `max_drop`, the level below: what they cannot show is not all used.
    """
    if max_drop == 0:
        return 0.0
    cut = data.count * 3 // 4
    fitted, held = data.first(cut), data.rest(cut)
    coarse = labels_for(source, held) is not None and max_drop < 100 / held.count
    if coarse:
        log.warning(
            "%d calibration images cannot show a drop of %g points, only whether one of %d is lost;"
            " half the loss is allowed; give %d or more",
            data.count,
            max_drop,
            held.count,
            ceil(400 / max_drop),
        )

    def holds(level: int) -> bool:
        selection = select(candidates, "macs", Limit(loss=LEVELS[level]))
        parts = fit_network(source, selection.methods, fitted.inputs)
        return measure_drop(source, apply_parts(source, parts), held).size <= max_drop

    low, high, likely = -1, len(LEVELS), _likely(source, held, max_drop)
    # Fits take one thread each (`one_thread`): two of them are under way at a time.
    with one_thread(), ThreadPoolExecutor(AT_A_TIME) as threads:
        while high - low > 1:
            tried = _tried_next(low, high, likely)
            errors = (f"{LEVELS[level] ** 0.5:.1%}" for level in tried)
            progress(f"trying errors of {' and '.join(errors)}")
            for level, good in zip(tried, threads.map(holds, tried), strict=True):
                if not good:
                    high = level
                    break
                low = level
    low -= coarse
    return LEVELS[low] if low >= 0 else 0.0
