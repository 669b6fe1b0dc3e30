"""Networks cut into strips of rows."""

from collections import Counter

import pytest

from hwmap.errors import GraphError
from hwmap.ir.graph import Graph, peak_elements
from hwmap.sequential.curve import ENGINE, memory_curve
from hwmap.sequential.engine import op_cost
from hwmap.sequential.strips import strip_graph
from hwmap.sequential.sweeps import sweeps_of
from hwmap.solve import rematerialize
from tests.bench.topologies import mobilenet_v2, u_net


@pytest.fixture(scope="module", params=[mobilenet_v2, u_net])
def network(request: pytest.FixtureRequest) -> Graph:
    return request.param()


def test_whole_tensors_are_the_ops_of_the_network(network: Graph):
    whole = strip_graph(network, ENGINE)

    assert len(whole.names) == len(network.ops) + 2
    cycles = dict(zip(whole.names, whole.durations, strict=True))
    for op in network.ops:
        cost = op_cost(op, network, ENGINE)
        rows = network.shape(op.output)[1]
        expected = cost.trips + cost.lead_cycles + ENGINE.step_overhead_cycles
        assert cycles[f"{op.output}[0:{rows}]"] == expected


@pytest.mark.parametrize("height", [1, 4, 30])
def test_strips_hold_every_row_once(network: Graph, height: int):
    strips = strip_graph(network, ENGINE, height)

    tensors = sum(tensor.elements for tensor in network.tensors.values())
    assert sum(strips.sizes) == tensors
    assert all(read < node for read, node in strips.edges)
    written = Counter(name.split("[")[0] for name in strips.names if "out" not in name)
    sweeps = sum(written[op.output] * len(sweeps_of(op, network)) for op in network.ops)
    streamed = sum(written.values()) + len(strips.names)
    whole = sum(strip_graph(network, ENGINE).durations)
    most = whole + ENGINE.step_overhead_cycles * (sweeps + streamed) + streamed
    assert whole <= sum(strips.durations) <= most


def test_low_strips_need_little_memory():
    network = mobilenet_v2()
    strips = strip_graph(network, ENGINE, 4)
    budget = peak_elements(network) // 4

    found = rematerialize(
        edges=strips.edges,
        sizes=strips.sizes,
        durations=strips.durations,
        budget=budget,
        time_limit=2.0,
        addresses=True,
    )

    assert strips.footprint < budget
    assert found.peak <= budget
    assert found.duration <= 1.01 * found.bound


def test_the_curve_of_strips_lies_below_that_of_whole_tensors():
    network = mobilenet_v2()
    peak = peak_elements(network)

    much, half = memory_curve(network, shares=(1.0, 0.5), seconds=2.0)

    assert much.whole is not None
    assert much.whole.extra == 0
    assert much.whole.optimal
    assert half.whole is None, "one op reads and writes all of the peak"
    assert half.strips is not None
    assert half.strips.memory_bytes <= half.budget_bytes == peak // 2
    assert 0 < half.strips.extra < 0.01


def test_strips_of_no_rows_are_refused():
    with pytest.raises(GraphError, match="strips of 0 rows; expected 1 or more"):
        strip_graph(u_net(), ENGINE, 0)
