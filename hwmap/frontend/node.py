"""An ONNX node with its inputs resolved, and the draft of the graph that it adds to.

Two kinds of node add no op by themselves. One that only moves values (Reshape, Transpose, Gather,
Slice ...) is remembered as an index: which element of a tensor each of its values is. One that maps
every value by a function (Relu, Sigmoid, x * sigmoid(x) ...) is remembered as that function. Only
when an op needs the values as a tensor, the draft gets a Reshape, Select, Clip, Affine or Lookup.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, permutations
from math import prod
from typing import Any

import numpy as np

from hwmap.ir import function as functions
from hwmap.ir.function import Function, X
from hwmap.ir.ops import Affine, Clamp, Clip, Lookup, Op, Reshape, Select
from hwmap.ir.select import separated_index
from hwmap.ir.types import Array, Quant, Shape

Axes = tuple[int, ...]

MOST_ELEMENTS = 1 << 26
"""Values of one tensor; a larger one is a slip (or an attack), and would not fit any board."""
MOST_CONSTANT_ELEMENTS = 1 << 28
POSITIONS = Quant(64, True, 1.0, 0)
"""The format of positions (ArgMax, TopK)."""
TRAINING_MODE = (
    "is in training mode; export the model for inference (PyTorch: model.eval(), and"
    " torch.onnx.export with training=TrainingMode.EVAL)"
)


class UnsupportedError(Exception):
    """This node cannot be imported; the reader collects the reasons of all nodes."""


@dataclass(frozen=True, eq=False)
class Value:
    """What an ONNX name stands for: `array` (a constant), or values computed at run time: element i
    is function(element index[i] of `tensor`), where no index means the same order.

    `shape` is the ONNX shape; `name` and `output` are those of the node that made it. `quant` is
    the grid that a constant's values lie on; for integers (`raw`: an input of integers, or the
    output of a QuantizeLinear) their format.
    """

    shape: tuple[int, ...]
    array: Array | None = None
    tensor: str = ""
    function: Function = X
    index: Array | None = None
    name: str = ""
    output: str = ""
    quant: Quant | None = None
    raw: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is all values of its tensor, in their order."""
        return self.function == X and self.index is None


@dataclass(eq=False)
class Draft:
    """The graph as far as it has been read."""

    ops: list[Op] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    grids: dict[str, Quant] = field(default_factory=dict)
    given: dict[str, Quant] = field(default_factory=dict)
    signed: dict[str, bool] = field(default_factory=dict)
    nodes: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    tensors: set[str] = field(default_factory=set)
    ready: dict[tuple[str, Shape], str] = field(default_factory=dict)

    def name(self, wanted: str) -> str:
        """A name that no node and no op has: `wanted`, or a numbered form of it."""
        return _free(wanted, self.nodes | self.names)

    def node_name(self, wanted: str) -> str:
        """The same for a node; it is the node's from now on."""
        name = _free(wanted, self.nodes)
        self.nodes.add(name)
        return name

    def tensor(self, wanted: str) -> str:
        """A name that no tensor has, and now is taken."""
        name = _free(wanted, self.tensors)
        self.tensors.add(name)
        return name

    def add(self, op: Op, shape: Shape, constants: Mapping[str, Array] | None = None) -> str:
        """Add an op that writes a tensor of `shape`; the tensor's name."""
        if op.name in self.names:
            raise UnsupportedError(f"the name '{op.name}' is taken; rename the node")
        self.names.add(op.name)
        self.ops.append(op)
        self.shapes[op.output] = shape
        self.constants |= constants or {}
        return op.output

    def as_tensor(self, value: Value) -> str:
        """A tensor that holds `value` in its order. What it takes is added: a Clip, Affine or
        Lookup for its function, a Reshape or Select for its moves."""
        shape = ir_shape(value.shape)
        if value.is_plain and self.shapes[value.tensor] == shape:
            return value.tensor
        key = value.output, shape
        if key not in self.ready:
            self.ready[key] = self._made(value, shape)
        return self.ready[key]

    def _made(self, value: Value, shape: Shape) -> str:
        tensor = value.tensor
        moves = value.index is not None or self.shapes[tensor] != shape
        steps = functions.split_linear(value.function)
        if steps is None:
            steps = (("lookup", 0.0, 0.0),)
        last = len(steps) + moves - 1
        for i, step in enumerate(steps):
            name, output = self._step_names(value, i == last)
            tensor = self._add_step(step, value.function, name, tensor, output)
        if not moves:
            return tensor
        name, output = self._step_names(value, True)
        if value.index is None:
            return self.add(Reshape(name, (tensor,), output), shape)
        index = f"{name}.index"
        op = Select(name, (tensor,), output, index)
        return self.add(op, shape, {index: value.index.reshape(shape)})

    def _step_names(self, value: Value, last: bool) -> tuple[str, str]:
        """Names of an op and its output; the last op on the way to `value` has its names."""
        free = value.output not in self.shapes
        own = last and value.name not in self.names
        name = value.name if own else self.name(f"{value.name}/step")
        return name, value.output if last and free else self.tensor(f"{name}:out")

    def _add_step(
        self, step: functions.LinearStep, function: Function, name: str, tensor: str, output: str
    ) -> str:
        shape = self.shapes[tensor]
        kind, a, b = step
        if kind == "lookup":
            return self.add(Lookup(name, (tensor,), output, function), shape)
        if kind == "clip":
            return self.add(Clip(name, (tensor,), output, Clamp(a, b)), shape)
        names = f"{name}.scale", f"{name}.shift"
        arrays = (np.full(shape[0], number, np.float32) for number in (a, b))
        constants = dict(zip(names, arrays, strict=True))
        return self.add(Affine(name, (tensor,), output, *names), shape, constants)

    def selects(self, value: Value) -> bool:
        """Whether `value` leaves out or repeats values of its tensor."""
        whole = prod(self.shapes[value.tensor])
        return value.index is not None and value.index.size != whole

    def settled(self, value: Value, *, moves: bool = False) -> Value:
        """`value` with its function (and with `moves` its moves) done: all or part of a tensor."""
        if value.is_plain or (value.function == X and not moves):
            return value
        if moves:
            return self._moved(value)
        shape = (1, *self.shapes[value.tensor])
        bare = replace(value, index=None, shape=shape, output=f"{value.output}:values")
        return replace(value, tensor=self.as_tensor(bare), function=X)

    def _moved(self, value: Value) -> Value:
        """`value` as all of a tensor; one in another order of axes than ours, as all of a tensor in
        ours, and moved."""
        axes = layout_of(value, self)
        if axes is None:
            return replace(value, tensor=self.as_tensor(as_map(value)), function=X, index=None)
        assert value.index is not None
        ours = value.index.transpose(np.argsort(axes))
        inner = replace(value, shape=ours.shape, index=ours, output=f"{value.output}:ours")
        index = np.arange(ours.size, dtype=np.int32).reshape(ours.shape).transpose(axes)
        return replace(value, tensor=self.as_tensor(inner), function=X, index=index)


def as_map(value: Value) -> Value:
    """`value` in a shape of ours: its own, or one long row."""
    if 2 <= len(value.shape) <= 4 and value.shape[0] == 1:
        return value
    count = int(np.prod(value.shape))
    index = None if value.index is None else value.index.reshape(1, count)
    return replace(value, shape=(1, count), index=index)


def layout_of(value: Value, draft: Draft) -> Axes | None:
    """The order of axes that `value` has: axes with value = ours.transpose(axes), where ours keeps
    rows, columns and channels apart as the tensor below does. None where it is ours already, or
    none is."""
    rank = len(value.shape)
    if value.index is None or rank not in (3, 4) or value.shape[0] != 1:
        return None
    base = draft.shapes[value.tensor]
    for order in permutations(range(1, rank)):
        axes = (0, *order)
        turned = value.index.transpose(np.argsort(axes))
        if separated_index(turned.reshape(ir_shape(turned.shape)), base) is not None:
            return None if list(axes) == list(range(rank)) else axes
    return None


def _free(wanted: str, taken: set[str]) -> str:
    tries = (wanted if i == 0 else f"{wanted}#{i}" for i in count())
    return next(name for name in tries if name not in taken)


@dataclass(frozen=True, eq=False)
class Node:
    """One ONNX node. `inputs` has None where an optional input is absent; `shared` says that
    several nodes read its first output."""

    name: str
    kind: str
    opset: int
    inputs: tuple[Value | None, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    draft: Draft
    shared: bool = False

    @property
    def output(self) -> str:
        """The name of the first output."""
        return self.outputs[0]

    def any_value(self, position: int) -> Value:
        """The input at `position`: a constant, or values computed at run time, maybe integers."""
        if not self.has(position):
            raise UnsupportedError(f"input {position} is missing")
        value = self.inputs[position]
        assert value is not None
        return value

    def value(self, position: int) -> Value:
        """The input at `position`, which must not be integers computed at run time."""
        value = self.any_value(position)
        if value.raw:
            raise UnsupportedError(
                f"input {position} must be FLOAT, got the integers of '{value.tensor}'; expected a"
                " DequantizeLinear or Cast before it"
            )
        return value

    def is_constant(self, position: int) -> bool:
        """Whether the input at `position` is given and a constant."""
        return self.has(position) and self.value(position).array is not None

    def computed(self, position: int) -> Value:
        """The input at `position`, which must be computed at run time."""
        value = self.value(position)
        if value.array is not None:
            raise UnsupportedError(f"input {position} must be a tensor, got a constant")
        return value

    def tensor(self, position: int) -> str:
        """The input at `position` as the name of a tensor of the draft."""
        return self.draft.as_tensor(self.computed(position))

    def array(self, position: int) -> Array:
        """The input at `position`, which must be a constant of finite numbers."""
        value = self.value(position)
        if value.array is None:
            raise UnsupportedError(f"input {position} must be a constant, got '{value.output}'")
        return finite(value)

    def integers(self, position: int, attribute: str) -> list[int] | None:
        """A list of integers, which older opsets have as `attribute` and newer ones as the constant
        input at `position`; None if neither is given."""
        if attribute in self.attributes:
            return [int(item) for item in np.atleast_1d(self.attributes[attribute])]
        if not self.has(position):
            return None
        return [int(item) for item in self.array(position).reshape(-1)]

    def has(self, position: int) -> bool:
        """Whether the optional input at `position` is given."""
        return position < len(self.inputs) and self.inputs[position] is not None

    def expect(self, attribute: str, allowed: object, default: object) -> None:
        """Refuse the node unless `attribute` has its one supported value."""
        found = self.attributes.get(attribute, default)
        if found != allowed:
            raise UnsupportedError(f"{attribute} must be {allowed}, got {found}")

    def emit(
        self, op: Op, shape: Sequence[int], constants: Mapping[str, Array] | None = None
    ) -> Value:
        """Add `op`, which writes the ONNX shape `shape`; the value that it computes."""
        sizes = tuple(int(size) for size in shape)
        tensor = self.draft.add(op, ir_shape(sizes), constants)
        return Value(sizes, tensor=tensor, name=self.name, output=tensor)

    def emit_weights(
        self, op: Op, shape: Sequence[int], weight: Array, bias: Array, grid: Quant | None
    ) -> Value:
        """As `emit`, for an op whose constants are `constant_pair`. The weights lie on `grid`."""
        names = self.constant_pair
        if grid is not None:
            self.draft.grids[names[0]] = grid
        arrays = (np.asarray(weight, np.float32), np.asarray(bias, np.float32))
        return self.emit(op, shape, dict(zip(names, arrays, strict=True)))

    @property
    def constant_pair(self) -> tuple[str, str]:
        """The names of the node's weights and bias."""
        return f"{self.name}.weight", f"{self.name}.bias"

    def inner_names(self, value: Value) -> tuple[str, str]:
        """Names for an op that computes `value` but for its moves, and for the op's output."""
        return (self.name, self.output) if value.index is None else self.extra("values")

    def extra(self, suffix: str) -> tuple[str, str]:
        """Names for one op more and its output, where a node becomes several ops."""
        name = self.draft.name(f"{self.name}/{suffix}")
        return name, self.draft.tensor(f"{name}:out")


def finite(value: Value) -> Array:
    """A constant, which must hold finite numbers."""
    assert value.array is not None
    if value.array.dtype.kind not in "biuf":
        raise UnsupportedError(f"constant '{value.output}' holds {value.array.dtype}")
    if value.array.dtype.kind == "f" and not np.isfinite(value.array).all():
        raise UnsupportedError(f"constant '{value.output}' holds NaN or infinite values")
    return value.array


def ir_shape(shape: Sequence[int]) -> Shape:
    """An ONNX shape of rank 2 to 4 with batch 1, as (channels, height, width); [1, C, L] is one row
    of L columns."""
    if not 2 <= len(shape) <= 4 or shape[0] != 1:
        raise UnsupportedError(f"shape {list(shape)} is not supported; expected [1, C, H, W]")
    check_size(shape, MOST_ELEMENTS)
    if len(shape) == 3:
        return shape[1], 1, shape[2]
    channels, height, width = (*shape[1:], 1, 1)[:3]
    return channels, height, width


def check_size(shape: Sequence[int], most: int) -> None:
    """Refuse an empty or a huge shape."""
    if min(shape, default=1) < 1:
        raise UnsupportedError(f"shape {list(shape)} is empty")
    total = 1
    for size in shape:
        total *= size
    if total > most:
        raise UnsupportedError(f"shape {list(shape)} has more than {most:,} values")


def axis_of(node: Node, value: Value, default: int) -> int:
    """The attribute `axis`, counted from 0."""
    axis = int(node.attributes.get("axis", default))
    if not -len(value.shape) <= axis < len(value.shape):
        raise UnsupportedError(f"axis must be within {list(value.shape)}, got {axis}")
    return axis % len(value.shape)
