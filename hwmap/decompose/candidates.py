"""Candidates: the ways to build each op, Pareto-pruned."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from hwmap.decompose.cpd import cpd
from hwmap.decompose.moments import Moments, measure_moments, relative_error
from hwmap.decompose.svd import svd_input, svd_output, svd_spatial
from hwmap.errors import PlanError
from hwmap.ir.graph import Graph, hardware_ops, macs, output_shape
from hwmap.ir.ops import NO_CLAMP, Conv, HardwareOp, Weighted, constant_names
from hwmap.ir.types import Array, Constant, Tensor

DENSE = "dense"
RANK_STEP = 4
"""Ranks are multiples of this: they fold onto PE and SIMD of 4 without a remainder."""
RANK_SHARES = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875)
CPD_RANK_SHARES = (0.125, 0.25, 0.5)
"""Ranks tried per family, as shares of the rank at which it costs as much as dense. CPD has three
only: a rank takes it as long as all SVDs of a convolution together."""
MOST_INPUTS = 6000
"""Convolutions with more inputs per output stay dense."""
MOST_ERROR = 0.5
"""Candidates with a larger relative error are not kept: they destroy any network."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One way to build `op`: a chain of ops, as a graph from its input to its output.

    `error` is the relative error of the op's output on the calibration inputs, 0 for dense.
    """

    op: str
    method: str
    ranks: tuple[int, ...]
    graph: Graph
    error: float
    macs: int
    weights: int


def enumerate_candidates(
    graph: Graph, inputs: Mapping[str, Array], report: Callable[[int, int], None] = lambda *_: None
) -> dict[str, tuple[Candidate, ...]]:
    """For every op of a canonical float graph its candidates, dense first.

    A candidate survives if none other has no more MACs, weights and error. `report(done, all)` is
    called after each op.
    """
    ops = hardware_ops(graph)
    convs = tuple(
        op
        for op in ops
        if isinstance(op, Conv) and is_decomposable(op) and _is_measurable(op, graph)
    )
    moments = measure_moments(graph, inputs, convs)
    found: dict[str, tuple[Candidate, ...]] = {}
    for count, op in enumerate(ops, start=1):
        dense = make_candidate(op, graph, DENSE, ())
        found[op.name] = (dense,)
        if op.name in moments:
            assert isinstance(op, Conv)
            others = list(_measured(op, graph, moments[op.name]))
            found[op.name] = tuple(_pareto([dense, *others]))
        report(count, len(ops))
    return found


def is_decomposable(op: Conv) -> bool:
    """Whether `op` has weights that may be factored: one group, and learned."""
    return op.groups == 1 and not op.fixed


def _is_measurable(op: Conv, graph: Graph) -> bool:
    """Whether the second moments of what `op` reads fit memory: n * n numbers of 8 bytes."""
    return bool(graph.constants[op.weight].values[0].size <= MOST_INPUTS)


def make_candidate(op: HardwareOp, graph: Graph, method: str, ranks: tuple[int, ...]) -> Candidate:
    """The candidate of `op` with the given method ("dense", "svd-input", "svd-output",
    "svd-spatial", "cpd") and ranks; its error is not measured yet.

    Raises:
        PlanError: the method or the ranks do not fit `op`.
    """
    if method == DENSE:
        chain: tuple[HardwareOp, ...] = (op,)
        constants: dict[str, Constant] = {}
    else:
        if not isinstance(op, Conv) or not is_decomposable(op) or method not in METHODS:
            raise PlanError(f"op '{op.name}': cannot be built by '{method}'")
        most = graph.constants[op.weight].values.size
        if len(ranks) != 1 or not 1 <= ranks[0] <= most:
            raise PlanError(f"op '{op.name}': ranks {list(ranks)}; expected one from 1 to {most}")
        chain, constants = _chain(op, graph, method, ranks[0])
    part = _as_graph(op, graph, chain, constants)
    total = sum(macs(link, part) for link in chain)
    weights = sum(
        part.constants[link.weight].values.size for link in chain if isinstance(link, Weighted)
    )
    return Candidate(op.name, method, ranks, part, 0.0, total, weights)


def _svd_rank(a: int, b: int) -> int:
    """The rank from which two factors of an (a, b) matrix are no smaller than the matrix."""
    return a * b // (a + b)


def _ranks(op: Conv, graph: Graph) -> Iterator[tuple[str, int]]:
    """(method, rank) of everything worth trying for `op`."""
    out, channels, rows, columns = graph.constants[op.weight].values.shape
    most = {"svd-output": _svd_rank(channels * rows * columns, out)}
    if rows * columns > 1 and graph.shape(op.output)[1:] != (1, 1):
        most["svd-input"] = _svd_rank(channels, out * rows * columns)
        most["cpd"] = prod((out, channels, rows, columns)) // (out + channels + rows + columns)
        if rows > 1 and columns > 1:
            most["svd-spatial"] = _svd_rank(channels * columns, out * rows)
    for method, limit in sorted(most.items()):
        shares = CPD_RANK_SHARES if method == "cpd" else RANK_SHARES
        steps = {max(int(share * limit) // RANK_STEP, 1) * RANK_STEP for share in shares}
        yield from ((method, rank) for rank in sorted(steps) if rank < limit)


def _measured(op: Conv, graph: Graph, moments: Moments) -> Iterator[Candidate]:
    for method, rank in _ranks(op, graph):
        candidate = measure_candidate(make_candidate(op, graph, method, (rank,)), graph, moments)
        if candidate.error < MOST_ERROR:
            yield candidate


def measure_candidate(candidate: Candidate, graph: Graph, moments: Moments) -> Candidate:
    """`candidate` with the error it has on the data that `moments` were measured on."""
    op = graph.op(candidate.op)
    assert isinstance(op, Conv)
    weight, bias = (graph.constants[n].values.astype(np.float64) for n in (op.weight, op.bias))
    flat = weight.reshape(len(weight), -1)
    change = effective_weight(candidate, weight.shape).reshape(flat.shape) - flat
    return replace(candidate, error=relative_error(flat, bias, change, moments))


def effective_weight(candidate: Candidate, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The weights (C_out, C_in, K_h, K_w) of the one convolution that the chain equals."""
    chain = [op for op in candidate.graph.ops if isinstance(op, Conv)]
    parts = [candidate.graph.constants[op.weight].values.astype(np.float64) for op in chain]
    if candidate.method == "cpd":
        first, rows, columns, last = parts
        product = np.einsum(
            "rc,rh,rw,or->ochw",
            first[:, :, 0, 0],
            rows[:, 0, :, 0],
            columns[:, 0, 0, :],
            last[:, :, 0, 0],
            optimize=True,
        )
    else:
        product = np.einsum("rchw,orij->ochiwj", *parts)
    return np.asarray(product, np.float64).reshape(shape)


def _pareto(candidates: list[Candidate]) -> list[Candidate]:
    """Those that no other beats in MACs, weights and error at once; dense stays first."""

    def beaten(candidate: Candidate) -> bool:
        mine = (candidate.macs, candidate.weights, candidate.error)
        return any(
            other is not candidate
            and (other.macs, other.weights, other.error) != mine
            and other.macs <= mine[0]
            and other.weights <= mine[1]
            and other.error <= mine[2]
            for other in candidates
        )

    dense = candidates[0]
    return [dense, *(c for c in candidates[1:] if c.macs < dense.macs and not beaten(c))]


METHODS = ("svd-input", "svd-output", "svd-spatial", "cpd")


def _chain(
    op: Conv, graph: Graph, method: str, rank: int
) -> tuple[tuple[Conv, ...], dict[str, Constant]]:
    """The ops that replace `op`, with their constants. Strides, pads and dilations go to the
    factor that has the axis; bias and clamp to the last one."""
    weight = graph.constants[op.weight].values.astype(np.float64)
    (high, wide), (dilated_high, dilated_wide) = op.strides, op.dilations
    top, left, bottom, right = op.pads
    point = replace(op, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1))
    down = replace(op, strides=(high, 1), pads=(top, 0, bottom, 0), dilations=(dilated_high, 1))
    across = replace(op, strides=(1, wide), pads=(0, left, 0, right), dilations=(1, dilated_wide))
    factors: tuple[NDArray[np.float64], ...]
    shapes: tuple[Conv, ...]
    match method:
        case "svd-input":
            factors, shapes = svd_input(weight, rank), (point, op)
        case "svd-output":
            factors, shapes = svd_output(weight, rank), (op, point)
        case "svd-spatial":
            factors, shapes = svd_spatial(weight, rank), (across, down)
        case _:
            factors = cpd(weight, rank)
            shapes = (point, replace(down, groups=rank), replace(across, groups=rank), point)
    return _link(op, graph, method, factors, shapes)


def _link(
    op: Conv,
    graph: Graph,
    method: str,
    factors: tuple[NDArray[np.float64], ...],
    shapes: tuple[Conv, ...],
) -> tuple[tuple[Conv, ...], dict[str, Constant]]:
    """Convolutions one after the other, with the weights `factors` and the strides, pads, dilations
    and groups of `shapes`."""
    chain: list[Conv] = []
    constants: dict[str, Constant] = {}
    source = op.inputs[0]
    for index, (factor, shape) in enumerate(zip(factors, shapes, strict=True)):
        name = f"{op.name}/{method}.{index}"
        last = index == len(factors) - 1
        bias = graph.constants[op.bias].values if last else np.zeros(len(factor))
        constants[f"{name}.weight"] = Constant(np.ascontiguousarray(factor, np.float32))
        constants[f"{name}.bias"] = Constant(np.array(bias, np.float32))
        link = replace(
            shape,
            name=name,
            inputs=(source,),
            output=op.output if last else name,
            weight=f"{name}.weight",
            bias=f"{name}.bias",
            clamp=op.clamp if last else NO_CLAMP,
        )
        chain.append(link)
        source = link.output
    return tuple(chain), constants


def _as_graph(
    op: HardwareOp, graph: Graph, chain: tuple[HardwareOp, ...], constants: Mapping[str, Constant]
) -> Graph:
    """`chain` as a graph of its own, from the inputs of `op` to its output."""
    tensors = {name: graph.tensors[name] for name in (*op.inputs, op.output)}
    known = {**graph.constants, **constants}
    part = Graph(op.name, tuple(dict.fromkeys(op.inputs)), (op.output,), chain, tensors, known)
    for link in chain[:-1]:
        shape = output_shape(link, part)
        assert shape is not None
        part = replace(part, tensors={**part.tensors, link.output: Tensor(link.output, shape)})
    needed = {name for link in chain for name in constant_names(link)}
    return replace(part, constants={name: known[name] for name in sorted(needed)})
