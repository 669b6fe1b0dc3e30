"""Graph, verifier, text form, networkx view, serialization."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwmap.compiler import load_source
from hwmap.data.calibration import synthetic_inputs
from hwmap.errors import GraphError
from hwmap.ir.graph import Graph, rewrite, to_networkx
from hwmap.ir.ops import Add
from hwmap.ir.serialize import from_parts, to_parts
from hwmap.ir.text import to_text
from hwmap.ir.types import Tensor
from hwmap.ir.verify import verify
from hwmap.quantize.calibrate import measure_ranges
from hwmap.quantize.lower import lower
from tests.models import ModelBuilder, everything


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    return load_source(everything().save(tmp_path / "net.onnx", "out"))


def test_the_text_form_is_stable(graph: Graph, golden):
    golden("everything.txt", to_text(graph))


def test_the_text_changes_with_a_weight(graph: Graph, tmp_path: Path):
    other = load_source(everything(seed=1).save(tmp_path / "net.onnx", "out"))

    assert to_text(graph) != to_text(other)


def test_the_networkx_view_keeps_both_edges_of_an_add_to_itself(tmp_path: Path):
    net = ModelBuilder((2, 3, 3))
    a = net.conv("x", (2, 2), (1, 1), name="a")
    net.node("Add", a, a, name="out")
    view = to_networkx(load_source(net.save(tmp_path / "net.onnx", "out")))

    assert view.number_of_edges("a", "out") == 2


def test_a_serialized_integer_graph_comes_back_equal(graph: Graph):
    integer = lower(graph, measure_ranges(graph, synthetic_inputs(graph)))

    again = from_parts(*to_parts(integer))

    assert to_text(again) == to_text(integer)
    assert again.ops == integer.ops


def test_damaged_text_is_no_graph():
    with pytest.raises(GraphError, match="not a serialized graph"):
        from_parts("{}", {})


def test_the_verifier_names_the_pass_and_the_op_that_reads_too_early(graph: Graph):
    broken = replace(graph, ops=tuple(reversed(graph.ops)))

    with pytest.raises(GraphError, match=r"swap: op 'out': reads \['.*'\] before it is written"):
        verify(broken, "swap")


def test_the_verifier_refuses_a_wrong_shape(graph: Graph):
    name = graph.outputs[0]
    broken = replace(graph, tensors={**graph.tensors, name: Tensor(name, (8, 1, 1))})

    with pytest.raises(GraphError, match=r"output shape is \(8, 1, 1\), expected \(7, 1, 1\)"):
        verify(broken, "test")


def test_the_verifier_refuses_an_addition_of_two_shapes(graph: Graph):
    conv = graph.ops[0]
    add = Add("bad", (graph.inputs[0], conv.output), "bad")
    tensors = {**graph.tensors, "bad": Tensor("bad", graph.shape(graph.inputs[0]))}
    broken = replace(graph, ops=(conv, add), tensors=tensors, outputs=("bad",))

    with pytest.raises(GraphError, match="adds"):
        verify(broken, "test")


def test_rewrite_drops_what_nothing_uses(graph: Graph):
    first = graph.ops[0]

    small = rewrite(graph, ops=[first], outputs=(first.output,))

    assert set(small.tensors) == {graph.inputs[0], first.output}
    assert len(small.constants) == 2


def test_constants_are_read_only(graph: Graph):
    values = next(iter(graph.constants.values())).values

    with pytest.raises(ValueError, match="read-only"):
        values[...] = np.zeros(1)
