"""Quantization with its choices made by measurement: range estimator and bias correction.

Every choice quantizes the network from one half of the calibration images, and is judged by the
relative error of the outputs on the other half (of each the first images, if there are many). The
best one is then made from all images. A model
that has all its scales (QDQ) leaves nothing to choose.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hwmap.accuracy import worst_error
from hwmap.ir.evaluate import chunks, evaluate, products, run_ops
from hwmap.ir.given import is_given
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Weighted
from hwmap.ir.types import Array
from hwmap.progress import Progress, quiet
from hwmap.quantize.calibrate import ESTIMATORS, Estimator, Range, estimate_ranges
from hwmap.quantize.lower import lower
from hwmap.quantize.resolution import warn_unresolved
from hwmap.quantize.scales import Scales

HALF_IMAGES = 128
"""Images of each half of those by which schemes are compared: enough for that (judgement)."""
CORRECTION_IMAGES = 16
"""Images on which the bias is corrected: a mean over their pixels is enough."""


@dataclass(frozen=True)
class Scheme:
    """How a network is quantized."""

    estimator: Estimator
    correct_bias: bool
    scales: Scales = "free"


SCHEMES = tuple(Scheme(estimator, bias) for bias in (False, True) for estimator in ESTIMATORS)


def schemes_of(
    estimator: Estimator | None = None,
    correct_bias: bool | None = None,
    scales: Scales = "free",
    *,
    synthetic: bool = False,
) -> tuple[Scheme, ...]:
    """The schemes with this estimator and correction; None leaves it open. Random images
    (`synthetic`) tell nothing of either: they give the extremes, and no bias."""
    if synthetic:
        return (Scheme(estimator or "min-max", False, scales),)
    return tuple(
        replace(scheme, scales=scales)
        for scheme in SCHEMES
        if estimator in (None, scheme.estimator) and correct_bias in (None, scheme.correct_bias)
    )


@dataclass(frozen=True, eq=False)
class Quantized:
    """An integer graph, the scheme it was made by (None: by the scales of the model), and the error
    that each scheme had."""

    graph: Graph
    scheme: Scheme | None
    errors: Mapping[Scheme, float]


def quantize_graph(
    graph: Graph,
    inputs: Mapping[str, Array],
    schemes: tuple[Scheme, ...] = SCHEMES,
    progress: Progress = quiet,
) -> Quantized:
    """The integer graph of a float graph of integer ops, calibrated on `inputs` (N, C, H, W), by
    the one of `schemes` that has the least error; or by the model's own scales, if it has all."""
    if is_given(graph):
        integer = lower(graph, {}, scales=schemes[0].scales)
        warn_unresolved(graph, {name: t.integer.range for name, t in integer.tensors.items()})
        return Quantized(integer, None, {})
    if len(schemes) == 1:
        return _final(graph, inputs, schemes[0], {}, progress)
    count = len(next(iter(inputs.values())))
    half = min(max(count // 2, 1), HALF_IMAGES)
    first = {name: values[:half] for name, values in inputs.items()}
    rest = {name: values[count // 2 :][:HALF_IMAGES] for name, values in inputs.items()}
    progress("measuring range estimators")
    exact = evaluate(graph, rest)
    estimators = tuple(dict.fromkeys(scheme.estimator for scheme in schemes))
    ranges = estimate_ranges(graph, first, estimators)
    errors = {
        scheme: output_error(integer, rest, exact)
        for scheme, integer in _made(graph, first, schemes, ranges, progress).items()
    }
    best = min(schemes, key=lambda scheme: errors[scheme])
    return _final(graph, inputs, best, errors, progress)


def _final(
    graph: Graph,
    inputs: Mapping[str, Array],
    scheme: Scheme,
    errors: Mapping[Scheme, float],
    progress: Progress,
) -> Quantized:
    """The network by one scheme, from all images; what 8 bits cannot resolve is warned of."""
    ranges = estimate_ranges(graph, inputs, (scheme.estimator,))
    warn_unresolved(graph, ranges[scheme.estimator])
    return Quantized(_made(graph, inputs, (scheme,), ranges, progress)[scheme], scheme, errors)


def output_error(graph: Graph, inputs: Mapping[str, Array], exact: Mapping[str, Array]) -> float:
    """The relative error (root of squares) of an integer graph's outputs, the worst of them."""
    outputs = evaluate(graph, quantize_inputs(graph, inputs))
    values = {name: graph.tensors[name].integer.dequantize(outputs[name]) for name in exact}
    return worst_error(values, exact)


def quantize_inputs(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Float inputs (N, C, H, W) as the integers that the accelerator takes."""
    return {
        name: graph.tensors[name].integer.quantize(values.astype(np.float32)).astype(np.int8)
        for name, values in inputs.items()
        if name in graph.inputs
    }


def _made(
    graph: Graph,
    inputs: Mapping[str, Array],
    schemes: tuple[Scheme, ...],
    ranges: Mapping[Estimator, Mapping[str, Range]],
    progress: Progress,
) -> dict[Scheme, Graph]:
    made = {}
    for scheme in schemes:
        progress(f"quantizing: {scheme.estimator}{', bias corrected' * scheme.correct_bias}")
        integer = lower(graph, ranges[scheme.estimator], scales=scheme.scales)
        if scheme.correct_bias:
            shift = weight_error_means(graph, integer, inputs)
            integer = lower(graph, ranges[scheme.estimator], shift, scheme.scales)
        made[scheme] = integer
    return made


def weight_error_means(
    graph: Graph, integer: Graph, inputs: Mapping[str, Array]
) -> dict[str, NDArray[np.float64]]:
    """What rounding the weights took from the mean of each output channel (C_out,), by op: the bias
    that restores it (Nagel et al., Data-Free Quantization, 2019, section 4.2, with the means
    measured on the first images)."""
    errors: dict[str, Array] = {}
    for op in integer.ops:
        if isinstance(op, Weighted):
            source = graph.op(op.name)
            assert isinstance(source, Weighted)
            weight = integer.constants[op.weight]
            assert weight.quant is not None
            scales = np.reshape(weight.quant.scale, (-1, 1, 1, 1))
            lost = graph.constants[source.weight].values - weight.values * scales
            errors[op.name] = lost.astype(np.float32)
    few = {name: values[:CORRECTION_IMAGES] for name, values in inputs.items()}
    sums: dict[str, NDArray[np.float64]] = {}
    images = 0
    for chunk in chunks(graph, few):
        images += len(next(iter(chunk.values())))
        for op, sources, _ in run_ops(graph, chunk):
            if isinstance(op, Weighted) and op.name in errors:
                change = products(sources[0], errors[op.name], op)
                total = change.sum(0, dtype=np.float64).mean((1, 2))
                sums[op.name] = sums.get(op.name, 0.0) + total
    return {name: total / images for name, total in sums.items()}
