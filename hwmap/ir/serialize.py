"""A graph as JSON text and arrays, and back: how a build directory keeps its integer network."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from math import inf
from typing import Any, assert_never, get_args

from hwmap.errors import GraphError
from hwmap.ir.graph import Graph
from hwmap.ir.ops import (
    Add,
    Affine,
    AveragePool,
    Clamp,
    Clip,
    Concat,
    Conv,
    ConvTranspose,
    FakeQuant,
    Linear,
    LocalNorm,
    Lookup,
    MaxPool,
    Mul,
    Norm,
    Op,
    Pad,
    Reshape,
    Resize,
    Select,
    Softmax,
    TopK,
)
from hwmap.ir.types import Array, Constant, Quant, Tensor

OPS = {kind.__name__: kind for kind in get_args(Op)}


def to_parts(graph: Graph) -> tuple[str, dict[str, Array]]:
    """JSON of everything but the constants' values, and those values by name."""
    ops = [{"kind": type(op).__name__, **asdict(op), **_own_forms(op)} for op in graph.ops]
    text = {
        "name": graph.name,
        "inputs": graph.inputs,
        "outputs": graph.outputs,
        "ops": ops,
        "tensors": [asdict(tensor) for tensor in graph.tensors.values()],
        "free_batch": graph.free_batch,
        "constants": {
            name: asdict(constant.quant) if constant.quant else None
            for name, constant in graph.constants.items()
        },
    }
    values = {name: constant.values for name, constant in graph.constants.items()}
    return json.dumps(text, indent=1) + "\n", values


def from_parts(text: str, values: Mapping[str, Array]) -> Graph:
    """The graph that `to_parts` took apart.

    Raises:
        GraphError: it is not one.
    """
    try:
        parts = json.loads(text)
        tensors = [
            Tensor(
                item["name"],
                tuple(item["shape"]),
                _quant(item["quant"]),
                _quant(item["given"]),
                tuple(item["host_shape"]),
                _quant(item["grid"]),
                bool(item["half"]),
                tuple(item["host_axes"]),
            )
            for item in parts["tensors"]
        ]
        return Graph(
            parts["name"],
            tuple(parts["inputs"]),
            tuple(parts["outputs"]),
            tuple(_op(item) for item in parts["ops"]),
            {tensor.name: tensor for tensor in tensors},
            {
                name: Constant(values[name], _quant(quant))
                for name, quant in parts["constants"].items()
            },
            bool(parts["free_batch"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise GraphError(f"not a serialized graph ({error})") from error


def _own_forms(op: Op) -> dict[str, Any]:
    """The fields of `op` that JSON has no form for."""
    match op:
        case Conv() | ConvTranspose() | Clip() | Add() | Mul() | AveragePool():
            return {"clamp": [_bound(op.clamp.low), _bound(op.clamp.high)]}
        case Lookup():
            return {"function": _function_out(op.function)}
        case Linear() | Affine() | Concat() | MaxPool() | Pad() | Select() | Resize():
            return {}
        case LocalNorm() | Reshape() | FakeQuant() | Softmax() | Norm() | TopK():
            return {}
        case _:
            assert_never(op)


def _bound(value: float) -> float | str:
    return str(value) if abs(value) == inf else value


def _function_out(item: Any) -> Any:
    """A function as nested lists; infinite bounds as text."""
    if isinstance(item, tuple):
        return [_function_out(part) for part in item]
    return _bound(item) if isinstance(item, float) else item


def _function_in(item: Any) -> Any:
    if isinstance(item, list):
        return tuple(_function_in(part) for part in item)
    return float(item) if item in ("inf", "-inf") else item


def _quant(item: dict[str, Any] | None) -> Quant | None:
    if item is None:
        return None
    scale = item["scale"]
    return Quant(**{**item, "scale": tuple(scale) if isinstance(scale, list) else scale})


def _op(item: dict[str, Any]) -> Op:
    fields = {key: tuple(v) if isinstance(v, list) else v for key, v in item.items()}
    kind = OPS[fields.pop("kind")]
    if "clamp" in fields:
        fields["clamp"] = Clamp(*map(float, fields["clamp"]))
    if "function" in item:
        fields["function"] = _function_in(item["function"])
    if "quant" in item:
        fields["quant"] = _quant(item["quant"])
    op: Op = kind(**fields)
    return op
