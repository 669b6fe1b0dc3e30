"""What a compiled design is worth, as numbers for people and for JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from hwmap.compiler import Compiled
from hwmap.cost.memory import BlockUse, count_tables, engine_memories, place
from hwmap.data import DataSet
from hwmap.frontend.reader import ModelFile
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import Graph, macs
from hwmap.ir.ops import Weighted
from hwmap.ir.types import Array
from hwmap.quantize.choose import quantize_inputs


@dataclass(frozen=True)
class Accuracy:
    """Top-1 of the float and of the integer network on the same labelled images."""

    images: int
    float_top1: float
    integer_top1: float
    same_class: float


def measure_accuracy(compiled: Compiled, data: DataSet) -> Accuracy:
    """Top-1 on labelled `data`, for a network with one output."""
    assert data.labels is not None
    exact = _classes(evaluate(compiled.source, data.inputs))
    integer = _classes(evaluate(compiled.graph, quantize_inputs(compiled.graph, data.inputs)))
    return Accuracy(
        images=data.count,
        float_top1=float((exact == data.labels).mean()),
        integer_top1=float((integer == data.labels).mean()),
        same_class=float((exact == integer).mean()),
    )


def _classes(outputs: Mapping[str, Array]) -> Array:
    (values,) = outputs.values()
    return np.asarray(values.reshape(len(values), -1).argmax(1))


def compile_report(compiled: Compiled, accuracy: Accuracy | None) -> dict[str, object]:
    """The result of a compilation as a JSON object."""
    plan, design, settings = compiled.plan, compiled.design, compiled.settings
    engine = plan.engine
    clock = design.clock_mhz * 1e6
    use = _blocks(compiled)
    constants = [op.name for op in compiled.graph.ops if isinstance(op, Weighted)]
    return {
        "network": plan.network,
        "board": settings.board.name,
        "style": "sequential",
        "status": plan.status,
        "cycles": plan.cycles,
        "bound_cycles": plan.bound_cycles,
        "clock_mhz": design.clock_mhz,
        "fps": clock / plan.cycles,
        "latency_us": plan.cycles / design.clock_mhz,
        "macs": design.macs,
        "dense_macs": sum(macs(op, compiled.source) for op in compiled.source.ops),
        "multipliers": engine.multipliers,
        "macs_per_multiplier_cycle": design.macs / plan.cycles / engine.multipliers,
        "engine": asdict(engine),
        "dsp": plan.dsp,
        "dsp_budget": settings.budget.dsp,
        "memory_bytes": plan.memory_bytes,
        "memory_budget_bytes": settings.budget.memory_bytes,
        "arena_bytes": plan.arena_bytes,
        "bram18": use.bram18,
        "uram": use.uram,
        "steps": len(plan.steps),
        "resident": list(plan.resident),
        "fetched": [name for name in constants if name not in plan.resident],
        "decomposed": [asdict(choice) for choice in plan.choices],
        "recomputed": [asdict(step) for step in plan.steps if step.instance],
        "error": plan.error,
        "accuracy": None if accuracy is None else asdict(accuracy),
    }


def _blocks(compiled: Compiled) -> BlockUse:
    plan, budget = compiled.plan, compiled.settings.budget
    memories = engine_memories(
        plan.engine,
        arena_bytes=plan.arena_bytes,
        weight_words=plan.weight_words,
        channel_words=plan.channel_words,
        tables=count_tables(compiled.graph),
    )
    use = place(memories, bram18=budget.bram18, uram=budget.uram)
    assert use is not None, "the plan was checked"
    return use


def inspect_report(model: ModelFile, network: Graph | None) -> dict[str, object]:
    """What an ONNX file holds as a JSON object. `network` is its canonical hardware part, or None
    where nodes are not supported."""
    report: dict[str, object] = {
        "name": model.name,
        "operators": model.operators,
        "macs": None,
        "parameters": None,
        "peak_activation_bytes": None,
        "ops": [],
        "unsupported": [{"node": node, "reason": why} for node, why in model.problems],
    }
    if network is None:
        return report
    # A convolution without a bias was given one of zeros: no parameters.
    values = [constant.values for constant in network.constants.values()]
    return report | {
        "macs": sum(macs(op, network) for op in network.ops),
        "parameters": sum(value.size for value in values if value.any()),
        "peak_activation_bytes": peak_activation_bytes(network),
        "ops": [
            {
                "name": op.name,
                "kind": type(op).__name__,
                "shape": list(network.shape(op.output)),
                "macs": macs(op, network),
                "activation_bits": 8 * network.tensors[op.output].elements,
            }
            for op in network.ops
        ],
    }


def peak_activation_bytes(network: Graph) -> int:
    """The most int8 activations that are on chip at once when the ops run in their order."""
    last = {name: index for index, op in enumerate(network.ops) for name in op.inputs}
    last |= {name: len(network.ops) for name in network.outputs}
    live = dict.fromkeys(network.inputs, 0)
    peak = 0
    for index, op in enumerate(network.ops):
        live[op.output] = index
        peak = max(peak, sum(network.tensors[name].elements for name in live))
        live = {name: start for name, start in live.items() if last.get(name, -1) > index}
    return peak
