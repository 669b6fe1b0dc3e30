"""Plans of one engine, whatever the solver would choose."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hwmap.board import Board, Budget, budget_of
from hwmap.compiler import Compiled
from hwmap.inference import quantize_inputs
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.sequential.engine import Engine
from hwmap.sequential.network import network_of
from hwmap.sequential.plan import Plan
from hwmap.sequential.simulate import simulate
from hwmap.sequential.solve.assemble import assemble
from hwmap.sequential.solve.nodes import Costs, Cut, Edges, depth_first, nodes_of
from hwmap.sequential.solve.target import Target

TALL = 1 << 20


def first_edge(graph: Graph) -> tuple[str, str]:
    """The output of the first op, and the first that reads it."""
    first, *others = hardware_ops(graph)
    return first.output, next(op.name for op in others if first.output in op.inputs)


def plan_of(
    graph: Graph,
    board: Board,
    engine: Engine,
    *,
    heights: Mapping[str, int] | None = None,
    spills: Edges = frozenset(),
    budget: Budget | None = None,
) -> Plan | None:
    """The plan of strips of these heights (of whole tensors), each run once, depth first, with
    these edges through DRAM."""
    network = network_of(graph)
    given = heights or {}
    wanted = {name: given.get(name, TALL) for name in network.graph.tensors}
    nodes = nodes_of(network, Costs(network, engine), Cut(wanted, spills))
    target = Target(board, budget or budget_of(board))
    return assemble(network, target, engine, nodes, depth_first(nodes))


def runs_as_the_reference(compiled: Compiled, images: int = 2) -> bool:
    """Whether the simulator has the reference's values on random images, in the plan's cycles."""
    random = np.random.default_rng(0)
    source = compiled.source
    x = {name: random.random((images, *source.shape(name))).astype("f") for name in source.inputs}
    inputs = quantize_inputs(compiled.graph, x)
    found, wanted = simulate(compiled.design, inputs), evaluate(compiled.graph, inputs)
    same = all(np.array_equal(found.outputs[name], wanted[name]) for name in wanted)
    return same and found.cycles == compiled.plan.cycles


def tight_plan(graph: Graph, board: Board, engine: Engine, **options: object) -> Plan:
    """The same with about as little memory for constants as there can be."""
    found = plan_of(graph, board, engine, **options)
    assert found is not None
    budget = budget_of(board)
    low, high = 0, found.memory_bytes
    while high - low > 64:
        middle = (low + high) // 2
        plan = plan_of(graph, board, engine, budget=replace(budget, memory_bytes=middle), **options)
        if plan is None:
            low = middle
        else:
            found, high = plan, middle
    return found
