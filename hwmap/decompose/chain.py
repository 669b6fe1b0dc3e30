"""A convolution as a chain of convolutions: a graph of its own, from its input to its output."""

from dataclasses import replace
from math import prod

import numpy as np

from hwmap.decompose.method import Method, Weight, factor_shapes, problem_of
from hwmap.decompose.target import Factors
from hwmap.errors import PlanError
from hwmap.ir.graph import Graph, output_shape
from hwmap.ir.ops import NO_CLAMP, Conv, HardwareOp, constant_names
from hwmap.ir.types import Array, Constant, Tensor


def is_decomposable(op: HardwareOp, graph: Graph) -> bool:
    """Whether `op` has weights that may be factored: one group, learned, not a factor already, and
    no integers (of a QDQ model)."""
    return (
        isinstance(op, Conv)
        and op.groups == 1
        and not op.fixed
        and not op.factor
        and graph.constants[op.weight].quant is None
        and graph.tensors[op.output].grid is None
    )


def with_factors(op: Conv, graph: Graph, method: Method, factors: Factors, bias: Array) -> Graph:
    """The chain of `method` in the place of `op`, with weights `factors` and `bias` (C_out,)."""
    return _chain(op, graph, method, [np.asarray(factor, np.float32) for factor in factors], bias)


def without_values(op: HardwareOp, graph: Graph, method: Method) -> Graph:
    """The chain with weights of the right shapes only: all that a solver needs to know.

    Raises:
        PlanError: the method does not fit `op`.
    """
    if method.kind == "dense":
        return part_of(op, graph, (op,), {})
    if not isinstance(op, Conv) or not is_decomposable(op, graph):
        raise PlanError(f"op '{op.name}': cannot be built by '{method.kind}'")
    weight = graph.constants[op.weight].values.shape
    problem = problem_of(method, weight)
    if problem:
        raise PlanError(f"op '{op.name}': {problem}")
    zero = np.zeros((), np.float32)
    shapes = factor_shapes(method, weight)
    factors = [np.broadcast_to(zero, shape) for shape in shapes]
    return _chain(op, graph, method, factors, np.zeros(weight[0]))


def _chain(op: Conv, graph: Graph, method: Method, factors: list[Array], bias: Array) -> Graph:
    if method.kind == "dense":
        constants = {op.weight: Constant(factors[0]), op.bias: Constant(bias.astype(np.float32))}
        return part_of(op, graph, (op,), constants)
    chain: list[Conv] = []
    constants = {}
    source, channels = op.inputs[0], graph.shape(op.inputs[0])[0]
    kernel = graph.constants[op.weight].values.shape[2:]
    windows = _windows(op, kernel, [factor.shape for factor in factors])
    for index, (factor, window) in enumerate(zip(factors, windows, strict=True)):
        name = f"{op.name}/{method.kind}.{index}"
        last = index == len(factors) - 1
        values = bias if last else np.zeros(len(factor))
        constants[f"{name}.weight"] = Constant(factor)
        constants[f"{name}.bias"] = Constant(values.astype(np.float32))
        link = replace(
            window,
            name=name,
            inputs=(source,),
            output=op.output if last else name,
            weight=f"{name}.weight",
            bias=f"{name}.bias",
            groups=channels // factor.shape[1],
            clamp=op.clamp if last else NO_CLAMP,
            factor=True,
        )
        chain.append(link)
        source, channels = link.output, len(factor)
    return part_of(op, graph, tuple(chain), constants)


def _windows(op: Conv, kernel: tuple[int, ...], shapes: list[Weight]) -> list[Conv]:
    """`op` once for each factor, with the strides, pads and dilations of the axes on which it has
    the whole window; of an axis on which all have one pixel, the first factor."""
    owners = []
    for axis in (0, 1):
        whole = [index for index, shape in enumerate(shapes) if shape[axis + 2] > 1]
        assert kernel[axis] == prod(shape[axis + 2] for shape in shapes)
        owners.append(whole[0] if whole else 0)
    top, left, bottom, right = op.pads
    windows = []
    for index in range(len(shapes)):
        rows, columns = (owner == index for owner in owners)
        windows.append(
            replace(
                op,
                strides=(op.strides[0] if rows else 1, op.strides[1] if columns else 1),
                dilations=(op.dilations[0] if rows else 1, op.dilations[1] if columns else 1),
                pads=(top * rows, left * columns, bottom * rows, right * columns),
            )
        )
    return windows


def part_of(
    op: HardwareOp, graph: Graph, chain: tuple[HardwareOp, ...], constants: dict[str, Constant]
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
