"""Candidates: the ways to build each op, fitted, measured and Pareto-pruned."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from hwmap.decompose.cache import NO_CACHE, Cache, Measure
from hwmap.decompose.chain import is_decomposable, without_values
from hwmap.decompose.fit import MOST_INPUTS
from hwmap.decompose.method import DENSE, Method, methods_of
from hwmap.decompose.samples import draw_positions, first_images, fitting_images
from hwmap.decompose.sensitivity import propagate
from hwmap.decompose.threads import AT_A_TIME, one_thread
from hwmap.decompose.trial import Trial, trial
from hwmap.ir.evaluate import evaluate_float, run_ops, walk
from hwmap.ir.graph import Graph, hardware_ops, macs, peak_elements
from hwmap.ir.ops import Conv, HardwareOp, Weighted
from hwmap.ir.types import Array, Constant
from hwmap.progress import Progress, quiet

FIT_IMAGES = 128
HELD_SHARE = 0.5
"""Images for candidates, and the share of them that they are measured on, not fitted to."""
FOLDS, EVERY_FOLD = 4, 2
HELD_IMAGES = 64
"""If those would be fewer, a quarter is held back, and then another one. Measured over 30 plans:
Spearman's correlation of mobilenetv1_025 (64 images) is as high with two neighbouring quarters as
with four in turn."""
PROBE_IMAGES = 64
"""Images on which the sensitivity of an op is measured."""
PROBE_ERRORS = (0.15, 0.4)
"""Relative errors at which it is measured: by a candidate with about such an error. Of two folds
each takes one of them."""
CLEARLY = 1.25
"""A method that another one of no more MACs and weights beats by so much in the first fold is not
fitted again: it is no candidate."""
LEARNING_OPS = 160
"""Convolutions that make up for the error of an op, in all probes of one error, and at least two
each. Measured: Spearman's correlation (`tests/bench/prediction.py`) of dscnn is 0.90 with two for
each op, 0.97 with all. ResNet-56 gets two, for time."""
Item = TypeVar("Item")
TINY = 1e-9
"""Smaller errors count as this."""
MOST_ERROR = 0.7
MOST_LOSS = 0.25
"""Candidates with a larger relative error, or a larger loss alone, are not kept: they destroy any
network."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One way to build `op`: a chain of ops as a graph from its input to its output, without the
    values of the weights, what it costs, and how good it is (see `Measure`)."""

    op: str
    method: Method
    graph: Graph
    error: float
    loss: float
    macs: int
    weights: int


def enumerate_candidates(
    graph: Graph,
    inputs: Mapping[str, Array],
    cache: Cache = NO_CACHE,
    progress: Progress = quiet,
) -> dict[str, tuple[Candidate, ...]]:
    """For every op of a canonical float graph its candidates, dense first.

    A candidate survives if none other has no more MACs, weights and error. `progress` is told
    of each op.
    """
    wanted = {
        op.name: list(methods_of(_weight_shape(op, graph), seen_once=_is_pixel(op, graph)))
        for op in _decomposable(graph)
    }
    measures = measure(graph, inputs, wanted, cache, progress)
    found = {}
    for op in hardware_ops(graph):
        known = measures.get(op.name, ())
        kept = [m for m in known if m.error < MOST_ERROR and m.loss < MOST_LOSS]
        others = [make_candidate(op, graph, item) for item in kept]
        found[op.name] = tuple(_pareto([_dense(op, graph), *others]))
    return found


def dense_candidates(graph: Graph) -> dict[str, tuple[Candidate, ...]]:
    """Every op as it is, and nothing else."""
    return {op.name: (_dense(op, graph),) for op in hardware_ops(graph)}


def _dense(op: HardwareOp, graph: Graph) -> Candidate:
    return make_candidate(op, graph, Measure(DENSE, 0.0, 0.0))


def _decomposable(graph: Graph) -> list[HardwareOp]:
    """The ops that have candidates besides dense."""
    return [
        op for op in hardware_ops(graph) if is_decomposable(op, graph) and _is_measurable(op, graph)
    ]


def _weight_shape(op: HardwareOp, graph: Graph) -> tuple[int, ...]:
    assert isinstance(op, Conv)
    shape: tuple[int, ...] = graph.constants[op.weight].values.shape
    return shape


def _is_pixel(op: HardwareOp, graph: Graph) -> bool:
    return graph.shape(op.output)[1:] == (1, 1)


def _is_measurable(op: HardwareOp, graph: Graph) -> bool:
    return int(np.prod(_weight_shape(op, graph)[1:])) <= MOST_INPUTS


def make_candidate(op: HardwareOp, graph: Graph, measured: Measure) -> Candidate:
    """The candidate of `op` that was measured.

    Raises:
        PlanError: its method does not fit `op`.
    """
    part = without_values(op, graph, measured.method)
    cost = sum(macs(link, part) for link in part.ops)
    weights = sum(
        part.constants[link.weight].values.size for link in part.ops if isinstance(link, Weighted)
    )
    return Candidate(op.name, measured.method, part, measured.error, measured.loss, cost, weights)


def measure(
    graph: Graph,
    inputs: Mapping[str, Array],
    wanted: Mapping[str, Sequence[Method]],
    cache: Cache = NO_CACHE,
    progress: Progress = quiet,
) -> dict[str, tuple[Measure, ...]]:
    """The methods in `wanted` (op: methods), fitted and measured on the original network's
    activations for `inputs` (N, C, H, W). What `cache` has is not measured again."""
    known = {name: cache.load(name, methods) for name, methods in wanted.items()}
    found = {name: item for name, item in known.items() if item is not None}
    left = {name: methods for name, methods in wanted.items() if name not in found}
    if not left:
        return found
    images = first_images(inputs, FIT_IMAGES)
    count = len(next(iter(images.values())))
    folds = FOLDS if FOLDS <= count < 2 * HELD_IMAGES else 1
    # The folds go from op to op together, so that what the first one drops the others do not fit.
    with one_thread(), ThreadPoolExecutor(AT_A_TIME) as threads:
        runs = [
            _measured(graph, _turned(images, fold * count // folds), left, fold, folds, threads)
            for fold in range(0, folds, EVERY_FOLD)
        ]
        for op in _one_later(_together(graph, runs, left)):
            name = op[0].op
            found[name] = _mean(wanted[name], op)
            cache.save(name, found[name])
            progress(f"decomposing op {len(found)} of {len(wanted)}")
    return found


def _together(
    graph: Graph, runs: Sequence[Iterator["_Fold"]], left: dict[str, Sequence[Method]]
) -> Iterator[list["_Fold"]]:
    """The folds of one op after the other; the first one's errors say what the others fit."""
    for first in runs[0]:
        if runs[1:]:
            left[first.op] = _worth_another(graph, first.op, first.errors)
        yield [first, *map(next, runs[1:])]


def _one_later(items: Iterator[Item]) -> Iterator[Item]:
    """Each item when the next one is there: the losses of an op are measured meanwhile."""
    before = next(items, None)
    while before is not None:
        after = next(items, None)
        yield before
        before = after


def _turned(inputs: Mapping[str, Array], by: int) -> dict[str, Array]:
    """The first `by` images moved to the end."""
    return (
        {name: np.roll(values, -by, 0) for name, values in inputs.items()} if by else dict(inputs)
    )


@dataclass(frozen=True, eq=False)
class _Fold:
    """What was measured of an op in one fold: the errors of methods, and the losses of the network
    by the error that caused them, which are perhaps still under way."""

    op: str
    errors: Mapping[Method, float]
    probes: Mapping[float, "Future[float]"]


def _worth_another(graph: Graph, name: str, errors: Mapping[Method, float]) -> list[Method]:
    """The methods that no other one clearly beats."""
    (op,) = (op for op in _decomposable(graph) if op.name == name)
    made = [make_candidate(op, graph, Measure(method, errors[method], 0.0)) for method in errors]
    costs = np.array([(c.macs, c.weights, c.error) for c in made])

    def beaten(index: int) -> bool:
        wanted = costs[index] / (1, 1, CLEARLY)
        return bool(((costs <= wanted).all(1) & (np.arange(len(costs)) != index)).any())

    return [candidate.method for index, candidate in enumerate(made) if not beaten(index)]


def _mean(methods: Sequence[Method], folds: Sequence[_Fold]) -> tuple[Measure, ...]:
    """The methods with their mean squared errors, and the losses that these are expected to
    cause."""
    probes = {error: loss.result() for fold in folds for error, loss in fold.probes.items()}
    found = []
    for method in methods:
        squares = [fold.errors[method] ** 2 for fold in folds if method in fold.errors]
        error = float(np.sqrt(np.mean(squares)))
        found.append(Measure(method, error, expected_loss(error, probes)))
    return tuple(found)


def _measured(
    graph: Graph,
    inputs: Mapping[str, Array],
    wanted: Mapping[str, Sequence[Method]],
    fold: int,
    folds: int,
    threads: ThreadPoolExecutor,
) -> Iterator[_Fold]:
    """The measures of one op after the other: fitted to the first images, measured on the last;
    number `fold` of `folds` such measurements that are under way together."""
    count = len(next(iter(inputs.values())))
    held = HELD_SHARE if folds == 1 else 1 / folds
    fitted = fitting_images(folds * peak_elements(graph), count)
    probed = min(PROBE_IMAGES, fitting_images(folds * _all_values(graph), count))
    # Down: the parts that are held back then cover all images.
    cut = max(int(fitted * (1 - held)), 1)
    # `propagate` measures on the last quarter: of images that the op was not fitted to.
    first = max(cut - probed * 3 // 4, 0)
    few = {name: values[first : first + probed] for name, values in inputs.items()}
    probe = dict(walk(graph, few))
    # Of the network, not of what is asked for: a plan that is read must get the same losses.
    learning = max(LEARNING_OPS // max(len(_decomposable(graph)), 1), 2)
    for op, sources, _ in run_ops(graph, first_images(inputs, fitted)):
        if op.name in wanted and not wanted[op.name]:
            yield _Fold(op.name, {}, {})
        elif op.name in wanted:
            assert isinstance(op, Conv)
            positions = draw_positions(op, graph, fitted)
            read = positions.windows(sources[0], op, graph)
            share = cut / fitted if fitted > 1 else 1 - held
            split = max(round(len(read) * share), 1)
            weight, bias = (
                graph.constants[name].values.astype(np.float64) for name in (op.weight, op.bias)
            )
            held_back = read[min(split, len(read) - 1) :]
            found = trial(weight, bias, read[:split], held_back, positions.each)
            probed_at = PROBE_ERRORS if folds == 1 else PROBE_ERRORS[fold // EVERY_FOLD :][:1]
            yield _measures(op, graph, found, probe, wanted[op.name], probed_at, learning, threads)


def _all_values(graph: Graph) -> int:
    return sum(tensor.elements for tensor in graph.tensors.values())


def _measures(
    op: Conv,
    graph: Graph,
    tried: Trial,
    probe: Mapping[str, Array],
    methods: Sequence[Method],
    probed_at: Sequence[float],
    learning: int,
    threads: ThreadPoolExecutor,
) -> _Fold:
    """The errors of the methods of one op, and the losses of the network on `probe` at those that
    are nearest to `probed_at`."""

    def loss(method: Method) -> float:
        weight, bias = (Constant(values.astype(np.float32)) for values in tried.dense(method))
        constants = {**graph.constants, op.weight: weight, op.bias: bias}
        changed = evaluate_float(op, replace(graph, constants=constants), [probe[op.inputs[0]]])
        return propagate(graph, probe, op.output, changed, learning)

    def nearest(wanted: float) -> Method:
        return min(methods, key=lambda method: abs(np.log(max(errors[method], TINY) / wanted)))

    errors = dict(zip(methods, threads.map(tried.error, methods), strict=True))
    chosen = dict.fromkeys(map(nearest, probed_at))
    return _Fold(
        op.name, errors, {errors[method]: threads.submit(loss, method) for method in chosen}
    )


def expected_loss(error: float, probes: Mapping[float, float]) -> float:
    """The loss for a relative error of the op, from what was measured at other errors: a power law
    between two of them, the square of the error outside."""
    known = sorted((max(e, TINY), max(loss, TINY**2)) for e, loss in probes.items())
    x, y = np.log([e for e, _ in known]), np.log([loss for _, loss in known])
    y = np.maximum.accumulate(y)
    at = np.log(max(error, TINY))
    outside = min(at - x[0], 0.0) + max(at - x[-1], 0.0)
    return float(np.exp(np.interp(at, x, y) + 2 * outside))


def _pareto(candidates: list[Candidate]) -> list[Candidate]:
    """Those that no other beats in MACs, weights and error at once, dense first; and none that has
    both more MACs and more weights than dense."""
    dense = candidates[0]
    costs = np.array([(c.macs, c.weights, c.error) for c in candidates])

    def beaten(index: int) -> bool:
        no_worse = (costs <= costs[index]).all(1)
        return bool((no_worse & (costs != costs[index]).any(1)).any())

    return [
        dense,
        *(
            candidate
            for index, candidate in enumerate(candidates[1:], start=1)
            if (candidate.macs < dense.macs or candidate.weights < dense.weights)
            and not beaten(index)
        ),
    ]
