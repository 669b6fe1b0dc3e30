"""Receptive fields against what ops compute: only the rows that an op reads change its output."""

import numpy as np
import pytest

from hwmap.ir.evaluate import evaluate_float
from hwmap.ir.graph import Graph, output_shape
from hwmap.ir.ops import (
    Add,
    AveragePool,
    Concat,
    Conv,
    ConvTranspose,
    Lookup,
    MaxPool,
    Mul,
    Op,
    Pad,
    Reshape,
    Resize,
    Select,
    Softmax,
)
from hwmap.ir.rows import rows_read
from hwmap.ir.types import Constant, Tensor

ROWS = 11
RNG = np.random.default_rng(0)


def weights(channels: int, rows: int) -> dict[str, Constant]:
    kernel = RNG.uniform(1, 2, (3, channels, rows, 2)).astype(np.float32)
    return {"w": Constant(kernel), "b": Constant(np.zeros(3, np.float32))}


def double_rows() -> dict[str, Constant]:
    rows = np.repeat(np.eye(ROWS, dtype=np.float32), 2, 0)
    rows[1:-1] = (rows[1:-1] + rows[2:]) / 2
    return {"rows": Constant(rows), "columns": Constant(np.eye(4, dtype=np.float32))}


def every_third() -> dict[str, Constant]:
    index = np.arange(2 * ROWS * 4).reshape(2, ROWS, 4)
    return {"index": Constant(np.ascontiguousarray(index[:, ::-3]))}


OPS: dict[str, tuple[Op, dict[str, Constant]]] = {
    "conv": (Conv("y", ("x",), "y", "w", "b", pads=(1, 0, 1, 1)), weights(2, 3)),
    "strided": (Conv("y", ("x",), "y", "w", "b", (2, 1), (0, 0, 1, 0)), weights(2, 3)),
    "dilated": (Conv("y", ("x",), "y", "w", "b", (3, 1), (2, 0, 3, 0), (2, 1)), weights(2, 3)),
    "wide stride": (Conv("y", ("x",), "y", "w", "b", (4, 1)), weights(2, 2)),
    "transposed": (ConvTranspose("y", ("x",), "y", "w", "b", (2, 2)), weights(2, 3)),
    "cut": (ConvTranspose("y", ("x",), "y", "w", "b", (3, 1), (2, 0, 1, 0), (2, 1)), weights(2, 2)),
    "extended": (ConvTranspose("y", ("x",), "y", "w", "b", (3, 1), (0, 0, -2, 0)), weights(2, 2)),
    "max": (MaxPool("y", ("x",), "y", (3, 2), (2, 1), (1, 0, 1, 0)), {}),
    "dilated max": (MaxPool("y", ("x",), "y", (2, 2), (1, 1), (0, 0, 0, 0), (3, 1)), {}),
    "mean": (AveragePool("y", ("x",), "y", (3, 4), (3, 1), (0, 0, 2, 0)), {}),
    "global": (AveragePool("y", ("x",), "y", (ROWS, 4), (1, 1), (0, 0, 0, 0)), {}),
    "add": (Add("y", ("x", "z"), "y"), {}),
    "mul": (Mul("y", ("x", "z"), "y"), {}),
    "gate": (Mul("y", ("x", "gate"), "y"), {}),
    "lookup": (Lookup("y", ("x",), "y", ("exp", "x")), {}),
    "channels": (Concat("y", ("x", "z"), "y", 0), {}),
    "rows": (Concat("y", ("x", "z"), "y", 1), {}),
    "pad": (Pad("y", ("x",), "y", (2, 0, 1, 1), 0.0), {}),
    "select": (Select("y", ("x",), "y", "index"), every_third()),
    "resize": (Resize("y", ("x",), "y", "rows", "columns"), double_rows()),
    "flatten": (Reshape("y", ("x",), "y"), {}),
    "softmax": (Softmax("y", ("x",), "y"), {}),
    "softmax of rows": (Softmax("y", ("x",), "y", axis=1), {}),
}


@pytest.mark.parametrize("kind", sorted(OPS))
def test_a_row_matters_exactly_where_it_is_read(kind: str):
    op, constants = OPS[kind]
    tensors = {name: Tensor(name, (2, ROWS, 4)) for name in "xz"}
    tensors["gate"] = Tensor("gate", (2, 1, 1))
    graph = Graph("net", tuple(tensors), ("y",), (op,), tensors, constants)
    tensors["y"] = Tensor("y", output_shape(op, graph) or (2 * ROWS * 4, 1, 1))
    values = [RNG.uniform(1, 2, (1, *graph.shape(name))).astype(np.float32) for name in op.inputs]
    before = evaluate_float(op, graph, values)

    for position, name in enumerate(op.inputs):
        for row in range(graph.shape(name)[1]):
            changed = [value.copy() for value in values]
            changed[position][:, :, row] += 5
            after = evaluate_float(op, graph, changed)
            differs = (after != before).any((0, 1, 3))
            for wanted in range(graph.shape("y")[1]):
                read = rows_read(op, graph, position, range(wanted, wanted + 1))
                assert (row in read) == differs[wanted], (name, row, wanted)


def test_a_strip_reads_what_its_rows_read():
    op, constants = OPS["strided"]
    tensors = {"x": Tensor("x", (2, ROWS, 4)), "y": Tensor("y", (3, 5, 3))}
    graph = Graph("net", ("x",), ("y",), (op,), tensors, constants)

    assert rows_read(op, graph, 0, range(1, 3)) == frozenset(range(2, 7))
