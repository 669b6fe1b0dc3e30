"""Decompositions fitted to data, op by op through the network.

Each convolution reads what the already decomposed network makes of the calibration images, and is
fitted to what the original one computes there, so that it makes up for the errors before it:

- Where its output only goes into an addition whose other operand is there already, it is fitted to
  the original sum less that operand: it also makes up for the error of the shortcut.
- An output that the clamp behind it cuts off does not matter; the target follows the fit there
  (by turns, as in Zhang et al., Accelerating Very Deep Convolutional Networks, 2015, section 3.2).
- Convolutions that stay as they are get new weights in the same way, or at least a new bias.

No labels and no gradients are used.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from hwmap.decompose.chain import part_of, with_factors
from hwmap.decompose.method import DENSE, Method, fit_factors, product
from hwmap.decompose.samples import (
    MOST_WINDOWS,
    Moments,
    Positions,
    draw_positions,
    first_images,
    fitting_images,
    moments,
)
from hwmap.decompose.target import Factors, Floats, given_target, regress
from hwmap.decompose.threads import one_thread
from hwmap.ir.evaluate import evaluate_float
from hwmap.ir.graph import Graph, peak_elements
from hwmap.ir.ops import NO_CLAMP, Add, Conv, Op, Weighted
from hwmap.ir.types import Array, Constant
from hwmap.progress import Progress, quiet

CLAMP_SWEEPS = 2
"""Turns between the fit and its target where a clamp follows."""
SAMPLES_PER_INPUT = 4
"""Pixels of the output, over all images, for each value of a window, from which on new weights are
learned."""
MOST_INPUTS = 4608
"""Convolutions with more inputs per output (512 channels, 3 x 3) stay as they are: the second
moments of their windows take this number squared times 8 bytes."""


def fit_network(
    graph: Graph,
    methods: Mapping[str, Method],
    inputs: Mapping[str, Array],
    progress: Progress = quiet,
) -> tuple[Graph, ...]:
    """What replaces the ops of `graph` if those in `methods` are decomposed, all fitted to the
    original on `inputs` (N, C, H, W): a part for `apply_parts` for each op that changes."""
    if not methods:
        return ()
    with one_thread():
        return tuple(_fitted_parts(graph, methods, inputs, progress))


def _fitted_parts(
    graph: Graph,
    methods: Mapping[str, Method],
    inputs: Mapping[str, Array],
    progress: Progress,
) -> Iterator[Graph]:
    count = fitting_images(2 * peak_elements(graph), len(next(iter(inputs.values()))))
    original = first_images(inputs, count)
    current = dict(original)
    left = Counter(name for op in graph.ops for name in op.inputs)
    for number, op in enumerate(graph.ops, start=1):
        progress(f"fitting op {number} of {len(graph.ops)}")
        place = Place(op, graph, original, current)
        part = place.replacement(methods.get(op.name, DENSE))
        if part is not None:
            yield part
        original[op.output] = place.original_output
        same = part is None and place.unchanged
        current[op.output] = original[op.output] if same else place.current_output(part)
        left.subtract(op.inputs)
        for name in set(op.inputs):
            if left[name] == 0:
                del original[name], current[name]


@dataclass(frozen=True)
class Place:
    """An op, and every tensor that is there as the original network and as the new one has it.
    Weights are fitted to so many `windows` at most."""

    op: Op
    graph: Graph
    original: Mapping[str, Array]
    current: Mapping[str, Array]
    windows: int = MOST_WINDOWS

    @property
    def unchanged(self) -> bool:
        """Whether the op reads what it reads in the original network."""
        return all(self.original[name] is self.current[name] for name in self.op.inputs)

    @cached_property
    def exact(self) -> Array:
        """What the op writes in the original network, before the clamp of one with weights."""
        op = replace(self.op, clamp=NO_CLAMP) if isinstance(self.op, Weighted) else self.op
        return evaluate_float(op, self.graph, [self.original[name] for name in op.inputs])

    @property
    def original_output(self) -> Array:
        """What the op writes in the original network."""
        if not isinstance(self.op, Weighted):
            return self.exact
        return np.clip(self.exact, self.op.clamp.low, self.op.clamp.high)

    def current_output(self, part: Graph | None) -> Array:
        """What the op, or the part that replaces it, writes in the new network."""
        found = [self.current[name] for name in self.op.inputs]
        if part is None:
            return evaluate_float(self.op, self.graph, found)
        for link in part.ops:
            found = [evaluate_float(link, part, found)]
        return found[0]

    def replacement(self, method: Method) -> Graph | None:
        """The op built by `method` and fitted; None if it stays as it is."""
        op = self.op
        if not isinstance(op, Weighted) or op.fixed or (method == DENSE and self.unchanged):
            return None
        weight = self.graph.constants[op.weight]
        if weight.quant is not None or self.graph.tensors[op.output].grid is not None:
            return None
        if isinstance(op, Conv) and (method != DENSE or self._may_learn(op)):
            return with_factors(op, self.graph, method, *self._fitted(op, method))
        bias = self.graph.constants[op.bias].values + self._lost_mean(op)
        return part_of(op, self.graph, (op,), {op.bias: Constant(bias.astype(np.float32))})

    def _may_learn(self, op: Conv) -> bool:
        """Whether there is data enough for new weights: else they would learn the images."""
        inputs = self.graph.constants[op.weight].values[0].size
        _, height, width = self.graph.shape(op.output)
        samples = len(self.current[op.inputs[0]]) * height * width
        return op.groups == 1 and inputs <= MOST_INPUTS and samples >= SAMPLES_PER_INPUT * inputs

    def _lost_mean(self, op: Weighted) -> Floats:
        """What the mean of each output channel lost, before the clamp."""
        bare = replace(op, clamp=NO_CLAMP)
        now = evaluate_float(bare, self.graph, [self.current[op.inputs[0]]])
        return np.asarray((self.exact - now).mean((0, 2, 3), dtype=np.float64))

    def _fitted(self, op: Conv, method: Method) -> tuple[Factors, Floats]:
        """The factors and the bias."""
        weight = self.graph.constants[op.weight].values.astype(np.float64)
        source = self.current[op.inputs[0]]
        positions = draw_positions(op, self.graph, len(source), self.windows)
        read = positions.windows(source, op, self.graph)
        known = moments(read, positions.each)
        if not self._may_learn(op):
            return self._as_given(op, method, known)
        shift, low, high = self._behind(op, positions)
        target = positions.values(self.exact) + shift
        cut = (target <= low) | (target >= high)
        goal = target
        turns = CLAMP_SWEEPS if cut.any() else 0
        for turn in range(turns + 1):
            level = goal.mean(0, dtype=np.float64)
            cross = ((goal - level.astype(np.float32)).T @ read).astype(np.float64) / len(read)
            fitted = regress(known.gram, cross, weight, known.chance)
            factors = fit_factors(fitted, method, quick=turn < turns)
            flat = product(factors, weight.shape[1]).reshape(len(weight), -1)
            bias = level - flat @ known.mean
            output = read @ flat.T.astype(np.float32) + bias.astype(np.float32)
            beyond = np.where(target <= low, np.minimum(output, low), np.maximum(output, high))
            goal = np.where(cut, beyond, target)
        return factors, bias

    def _as_given(self, op: Conv, method: Method, known: Moments) -> tuple[Factors, Floats]:
        """Factors fitted to the original weights, with a bias that restores the mean."""
        weight = self.graph.constants[op.weight].values.astype(np.float64)
        flat = weight.reshape(len(weight), -1)
        factors = fit_factors(given_target(known, weight), method)
        change = flat - product(factors, weight.shape[1]).reshape(flat.shape)
        bias = self.graph.constants[op.bias].values + change @ known.mean + self._lost_mean(op)
        return factors, bias

    def _behind(self, op: Conv, positions: Positions) -> tuple[Array, Array, Array]:
        """What to add to the target for the error of the other operand, if the output is only
        read by an addition; and the values from which, below and above, the output is cut off."""
        after = self.graph.sole_reader(op.output)
        bounds = np.asarray(op.clamp.low), np.asarray(op.clamp.high)
        if op.clamp != NO_CLAMP or not isinstance(after, Add):
            return np.zeros(()), *bounds
        index = after.inputs.index(op.output)
        other = after.inputs[1 - index]
        if other not in self.current:
            return np.zeros(()), *bounds
        # sum = sign * output + factor * other
        sign, factor = after.signs[index], after.signs[1 - index]
        lost = positions.values(self.original[other]) - positions.values(self.current[other])
        beside = sign * factor * positions.values(self.current[other])
        low, high = sorted((sign * after.clamp.low, sign * after.clamp.high))
        return sign * factor * lost, low - beside, high - beside
