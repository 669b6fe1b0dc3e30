"""Decompositions of the shared networks, ours and two plainer schemes, for tests and benchmarks."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hwmap.decompose.apply import apply_parts
from hwmap.decompose.cache import cache_for
from hwmap.decompose.candidates import (
    MOST_LOSS,
    Candidate,
    dense_candidates,
    enumerate_candidates,
    make_candidate,
    measure,
)
from hwmap.decompose.chain import is_decomposable, with_factors
from hwmap.decompose.fit import fit_network
from hwmap.decompose.method import DENSE, Method, fit_factors, methods_of, product
from hwmap.decompose.target import Target
from hwmap.inference import Network, load_network, run_float, run_integer
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.ir.ops import Conv, Op
from hwmap.passes import device_part, integer_part
from hwmap.quantize.choose import quantize_graph
from hwmap.solve.select import Limit, select
from tests.integer import accuracy, real_inputs
from tests.networks import CACHE, Case, load_case

QUANTIZE_IMAGES = 64
Inputs = dict[str, NDArray[np.float32]]
Methods = dict[str, Method]


@dataclass(frozen=True, eq=False)
class Decomposable:
    """A network with its data, and what it may be decomposed to."""

    case: Case
    network: Network
    source: Graph
    step: int = 1
    """One of so many methods is measured."""

    @cached_property
    def calibration(self) -> Inputs:
        return real_inputs(self.network, self.case.calibration)

    @cached_property
    def candidates(self) -> dict[str, tuple[Candidate, ...]]:
        if self.step > 1:
            return some_candidates(self.source, self.calibration, self.step)
        cache = cache_for(CACHE, self.source, self.calibration)
        return enumerate_candidates(self.source, self.calibration, cache)

    def counted(self, name: str) -> bool:
        """Whether an op counts: 3 x 3 convolutions of the CIFAR ResNets, elsewhere all ops."""
        op = self.source.op(name)
        return "resnet" not in self.case.name or (
            isinstance(op, Conv) and self.source.constants[op.weight].values.shape[2:] == (3, 3)
        )

    def limit(self, cost: str, share: float) -> int:
        """The MACs or weights of all ops, if those that count keep `share`."""
        total = 0.0
        for name, (dense, *_) in self.candidates.items():
            total += getattr(dense, cost) * (share if self.counted(name) else 1.0)
        return int(total)

    def kept(self, methods: Methods, cost: str) -> float:
        """The share of the MACs or weights of the ops that count."""
        dense = chosen = 0
        for name, items in self.candidates.items():
            if self.counted(name):
                dense += getattr(items[0], cost)
                wanted = methods.get(name, DENSE)
                chosen += next(getattr(c, cost) for c in items if c.method == wanted)
        return chosen / dense

    def selected(self, cost: str, share: float) -> Methods:
        """Our choice: least expected loss."""
        return self._least_loss(self.candidates, cost, share)

    def uniform(self, cost: str, share: float) -> Methods:
        """The same share of every op, with the candidate of least error for it."""
        methods = {}
        for name, items in self.candidates.items():
            within = [c for c in items if getattr(c, cost) <= share * getattr(items[0], cost)]
            if within and self.counted(name):
                methods[name] = min(within, key=lambda c: c.error).method
        return methods

    def blind(self, cost: str, share: float) -> Methods:
        """The choice by the error of the weights alone (SVD and CPD, as in Mixed-TD)."""
        return self._least_loss(self.blind_candidates, cost, share)

    def _least_loss(
        self, candidates: dict[str, tuple[Candidate, ...]], cost: str, share: float
    ) -> Methods:
        """Of the ops that count; the others stay."""
        counted = {
            name: items if self.counted(name) else items[:1] for name, items in candidates.items()
        }
        return select(counted, "loss", Limit(**{cost: self.limit(cost, share)})).methods

    @cached_property
    def blind_candidates(self) -> dict[str, tuple[Candidate, ...]]:
        """The candidates with the squared relative error of their weights as the loss."""
        return {
            name: tuple(
                replace(c, loss=self._weight_loss(c))
                for c in items
                if c.method.kind != "tucker" and c.method.groups == 1
            )
            for name, items in self.candidates.items()
        }

    def _weight(self, name: str) -> NDArray[np.float64]:
        op = self.source.op(name)
        assert isinstance(op, Conv)
        return self.source.constants[op.weight].values.astype(np.float64)

    def _weight_loss(self, candidate: Candidate) -> float:
        if candidate.method == DENSE:
            return 0.0
        weight = self._weight(candidate.op)
        target = Target(weight, np.eye(weight[0].size))
        factors = fit_factors(target, candidate.method, quick=True)
        made = product(factors, weight.shape[1])
        return target.loss(made) / float(np.square(weight).sum())

    def fitted(self, methods: Methods, images: int | None = None) -> tuple[Graph, ...]:
        """Parts fitted to the calibration images."""
        few = {name: values[:images] for name, values in self.calibration.items()}
        return fit_network(self.source, methods, few)

    def unfitted(self, methods: Methods) -> tuple[Graph, ...]:
        """Parts with factors of the weights alone."""
        parts = []
        for name, method in methods.items():
            op, weight = self.source.op(name), self._weight(name)
            assert isinstance(op, Conv)
            factors = fit_factors(Target(weight, np.eye(weight[0].size)), method)
            bias = self.source.constants[op.bias].values
            parts.append(with_factors(op, self.source, method, factors, bias))
        return tuple(parts)

    def quantized(self, graph: Graph) -> Graph:
        """The integer graph of a decomposed one."""
        few = {name: values[:QUANTIZE_IMAGES] for name, values in self.calibration.items()}
        return quantize_graph(graph, few).graph

    def accuracies(
        self, parts: Iterable[Graph], cases: Iterable[Case]
    ) -> list[tuple[float, float]]:
        """Accuracy in float and after int8 on each case's test images."""
        parts = tuple(parts)
        network = Network(apply_parts(self.network.whole, parts))
        integer = self.quantized(device_part(network.whole))
        found = []
        for case in cases:
            inputs = real_inputs(network, case.images)
            outputs = (run_float(network, inputs), run_integer(network, integer, inputs))
            (name,) = network.whole.outputs
            found.append(
                tuple(accuracy(case, o[name].reshape(len(case.images), -1)) for o in outputs)
            )
        return found


def methods_tried(op: Op, graph: Graph) -> list[Method]:
    """The methods that are tried for an op."""
    if not is_decomposable(op, graph):
        return []
    assert isinstance(op, Conv)
    seen_once = graph.shape(op.output)[1:] == (1, 1)
    return list(methods_of(graph.constants[op.weight].values.shape, seen_once=seen_once))


def some_candidates(
    source: Graph, inputs: Inputs, step: int, most_loss: float = MOST_LOSS
) -> dict[str, tuple[Candidate, ...]]:
    """Every op as it is, and one of `step` of the methods that are tried for it, up to a loss: only
    these are measured."""
    wanted = {op.name: methods_tried(op, source)[::step] for op in source.ops}
    wanted = {name: methods for name, methods in wanted.items() if methods}
    cache = cache_for(CACHE / f"one of {step}", source, inputs)
    found = measure(source, inputs, wanted, cache)
    dense = dense_candidates(source)
    return {
        op.name: dense[op.name]
        + tuple(
            make_candidate(op, source, item)
            for item in found.get(op.name, ())
            if item.loss <= most_loss
        )
        for op in hardware_ops(source)
    }


def load_decomposable(name: str, calibration: int, step: int = 1) -> Decomposable:
    """The network `name` of ALL_CASES."""
    case = load_case(name, calibration=calibration, drawn=True)
    network = load_network(case.model)
    return Decomposable(case, network, integer_part(network.whole), step)
