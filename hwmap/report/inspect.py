"""What a compiled design is worth, as numbers for people and for JSON."""

from dataclasses import asdict

from hwmap.accuracy import Accuracy, accuracy_of
from hwmap.blocks import BlockUse, place
from hwmap.compiler import Compiled
from hwmap.data.dataset import DataSet
from hwmap.errors import UnsupportedOperatorError
from hwmap.frontend.reader import ModelFile
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import Graph, macs, peak_elements
from hwmap.ir.ops import Affine, Weighted, learned_names
from hwmap.passes import canonicalize, device_part
from hwmap.passes.hardware import host_ops, not_on_hardware
from hwmap.quantize.choose import quantize_inputs
from hwmap.sequential.memory import count_tables, engine_memories


def measure_accuracy(compiled: Compiled, data: DataSet) -> Accuracy:
    """Top-1 on labelled `data`, for a network with one output. The host's part changes no class."""
    assert data.labels is not None
    exact = evaluate(compiled.source, data.inputs)
    integer = evaluate(compiled.graph, quantize_inputs(compiled.graph, data.inputs))
    return accuracy_of(exact, integer, data.labels)


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
        "loss": plan.loss,
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


def inspect_report(model: ModelFile) -> dict[str, object]:
    """What an ONNX file holds as a JSON object. MACs and parameters are those of the file; the ops,
    sizes of activations and what is on hardware those of its canonical form."""
    report: dict[str, object] = {
        "name": model.name,
        "operators": model.operators,
        "inputs": {},
        "outputs": {},
        "macs": None,
        "parameters": None,
        "activation_bits": None,
        "peak_activation_bytes": None,
        "ops": [],
        "on_host": [],
        "not_on_hardware": [],
        "unsupported": [_reason(*problem) for problem in model.problems],
    }
    if model.graph is None:
        return report
    graph = model.graph
    whole = canonicalize(graph)
    report |= {
        "inputs": {name: host_shape(graph, name) for name in graph.inputs},
        "outputs": {name: host_shape(graph, name) for name in graph.outputs},
        "macs": sum(macs(op, graph) for op in graph.ops),
        "parameters": parameters(graph),
        "on_host": [op.name for op in host_ops(whole)],
    }
    try:
        device = device_part(whole)
    except UnsupportedOperatorError as error:
        return report | {"unsupported": [_reason(model.name, str(error))]}
    return report | {
        "activation_bits": 8 * sum(tensor.elements for tensor in device.tensors.values()),
        "peak_activation_bytes": peak_elements(device),
        "not_on_hardware": [_reason(*item) for item in not_on_hardware(device)],
        "ops": [
            {
                "name": op.name,
                "kind": type(op).__name__,
                "shape": list(device.shape(op.output)),
                "macs": macs(op, device),
                "activation_bits": 8 * device.tensors[op.output].elements,
            }
            for op in device.ops
        ],
    }


def _reason(node: str, reason: str) -> dict[str, str]:
    return {"node": node, "reason": reason}


def host_shape(graph: Graph, name: str) -> list[int]:
    """The shape of an input or output in the ONNX file."""
    return list(graph.tensors[name].host_shape or (1, *graph.shape(name)))


def parameters(graph: Graph) -> int:
    """Learned numbers of a graph as it was read: weights, biases, factors. A convolution without a
    bias was given one of zeros, and a single number is one, however many channels it is for."""
    total = 0
    for op in graph.ops:
        for name in learned_names(op):
            values = graph.constants[name].values
            neutral = isinstance(op, Affine) and name == op.scale and bool((values == 1).all())
            if neutral or (values.ndim == 1 and not values.any()):
                continue
            total += values.size
    return total
