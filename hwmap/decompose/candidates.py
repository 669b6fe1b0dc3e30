"""Candidates: the ways to build each op, fitted, measured and Pareto-pruned."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

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
FOLDS = 4
HELD_IMAGES = 64
"""If those would be fewer, each quarter is held back in turn. Measured over 120 plans: Spearman's
correlation of mobilenetv1_025 (64 images) is 0.84 with one half held back, 0.91 so."""
PROBE_IMAGES = 64
"""Images on which the sensitivity of an op is measured."""
PROBE_ERRORS = (0.15, 0.4)
"""Relative errors at which it is measured: by a candidate with about such an error."""
LEARNING_OPS = 160
"""Convolutions that make up for the error of an op, in all probes of one error, and at least two
each. Measured: Spearman's correlation (`tests/bench/prediction.py`) of dscnn is 0.90 with two for
each op, 0.97 with all. ResNet-56 gets two, for time."""
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
    runs = [
        _measured(graph, _turned(images, fold * count // folds), left, folds)
        for fold in range(folds)
    ]
    with one_thread():
        for items in zip(*runs, strict=True):
            name = items[0][0]
            found[name] = _mean([measures for _, measures in items])
            cache.save(name, found[name])
            progress(f"decomposing op {len(found)} of {len(wanted)}")
    return found


def _turned(inputs: Mapping[str, Array], by: int) -> dict[str, Array]:
    """The first `by` images moved to the end."""
    return (
        {name: np.roll(values, -by, 0) for name, values in inputs.items()} if by else dict(inputs)
    )


def _mean(folds: Sequence[tuple[Measure, ...]]) -> tuple[Measure, ...]:
    """The mean squared errors, and losses, of the same methods."""
    return tuple(
        Measure(
            items[0].method,
            float(np.sqrt(np.mean([item.error**2 for item in items]))),
            float(np.mean([item.loss for item in items])),
        )
        for items in zip(*folds, strict=True)
    )


def _measured(
    graph: Graph, inputs: Mapping[str, Array], wanted: Mapping[str, Sequence[Method]], folds: int
) -> Iterator[tuple[str, tuple[Measure, ...]]]:
    """The measures of one op after the other: fitted to the first images, measured on the last;
    one of `folds` such measurements that are under way together."""
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
            yield op.name, ()
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
            yield op.name, _measures(op, graph, found, probe, wanted[op.name], learning)


def _all_values(graph: Graph) -> int:
    return sum(tensor.elements for tensor in graph.tensors.values())


def _measures(
    op: Conv,
    graph: Graph,
    tried: Trial,
    probe: Mapping[str, Array],
    methods: Sequence[Method],
    learning: int,
) -> tuple[Measure, ...]:
    """The methods of one op, with the losses of the network on `probe`."""

    def loss(method: Method) -> float:
        weight, bias = (Constant(values.astype(np.float32)) for values in tried.dense(method))
        constants = {**graph.constants, op.weight: weight, op.bias: bias}
        changed = evaluate_float(op, replace(graph, constants=constants), [probe[op.inputs[0]]])
        return propagate(graph, probe, op.output, changed, learning)

    def nearest(wanted: float) -> Method:
        return min(methods, key=lambda method: abs(np.log(max(errors[method], TINY) / wanted)))

    with ThreadPoolExecutor(AT_A_TIME) as threads:
        errors = dict(zip(methods, threads.map(tried.error, methods), strict=True))
        chosen = list(dict.fromkeys(map(nearest, PROBE_ERRORS)))
        losses = threads.map(loss, chosen)
        probes = {errors[method]: found for method, found in zip(chosen, losses, strict=True)}
    return tuple(
        Measure(method, errors[method], expected_loss(errors[method], probes)) for method in methods
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
