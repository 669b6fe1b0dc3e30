"""A network as a user sees it: the accelerator's part and the host's, run on data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwmap.frontend.reader import read_model
from hwmap.ir.evaluate import chunks, evaluate
from hwmap.ir.graph import Graph
from hwmap.ir.types import Array
from hwmap.passes import canonicalize, device_part, host_part
from hwmap.quantize.choose import quantize_inputs

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Network:
    """A canonical float network: `whole`, the part for the `device`, and what the `host` computes
    after it (None: nothing)."""

    whole: Graph
    device: Graph
    host: Graph | None


def load_network(path: Path) -> Network:
    """The network in an ONNX file.

    Raises:
        ModelError, UnsupportedOperatorError: it cannot be imported.
    """
    whole = canonicalize(read_model(path))
    return Network(whole, device_part(whole), host_part(whole))


def run_float(
    network: Network, inputs: Mapping[str, Array], report: Report = lambda *_: None
) -> dict[str, Array]:
    """The network's outputs (N, C, H, W) for float `inputs` (N, C, H, W)."""
    return _in_chunks(network.whole, inputs, report, lambda chunk: evaluate(network.whole, chunk))


def run_integer(
    network: Network,
    integer: Graph,
    inputs: Mapping[str, Array],
    report: Report = lambda *_: None,
) -> dict[str, Array]:
    """The same by the integer graph of its device part, and floats on the host."""

    def run(chunk: Mapping[str, Array]) -> dict[str, Array]:
        outputs = evaluate(integer, quantize_inputs(integer, chunk))
        return on_host(network, integer, outputs, chunk)

    return _in_chunks(network.whole, inputs, report, run)


def on_host(
    network: Network, integer: Graph, outputs: Mapping[str, Array], inputs: Mapping[str, Array]
) -> dict[str, Array]:
    """The network's outputs from the integers that the accelerator wrote, and its inputs."""
    values = dequantized(integer, outputs)
    if network.host is None:
        return values
    given = {**inputs, **values}
    return evaluate(network.host, {name: given[name] for name in network.host.inputs})


def dequantized(integer: Graph, outputs: Mapping[str, Array]) -> dict[str, Array]:
    """The values that the outputs of an integer graph stand for."""
    return {
        name: integer.tensors[name].integer.dequantize(array).astype(np.float32)
        for name, array in outputs.items()
    }


def _in_chunks(
    graph: Graph,
    inputs: Mapping[str, Array],
    report: Report,
    run: Callable[[Mapping[str, Array]], dict[str, Array]],
) -> dict[str, Array]:
    count = len(next(iter(inputs.values())))
    parts: list[dict[str, Array]] = []
    done = 0
    for chunk in chunks(graph, inputs):
        parts.append(run(chunk))
        done += len(next(iter(chunk.values())))
        report(done, count)
    return {name: np.concatenate([part[name] for part in parts]) for name in graph.outputs}
