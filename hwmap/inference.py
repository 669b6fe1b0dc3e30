"""A network as a user sees it: the accelerator's part and the host's, run on data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from hwmap.frontend.reader import read_model
from hwmap.ir.evaluate import chunks, evaluate
from hwmap.ir.graph import Graph
from hwmap.ir.types import Array
from hwmap.passes import canonicalize, host_part
from hwmap.progress import Progress, quiet
from hwmap.quantize.choose import quantize_inputs


@dataclass(frozen=True)
class Network:
    """A canonical float network, and the part of it that the host computes."""

    whole: Graph

    @cached_property
    def host(self) -> Graph | None:
        """What the host computes after the accelerator (None: nothing).

        Raises:
            UnsupportedOperatorError: the accelerator's part cannot be cut off.
        """
        return host_part(self.whole)


def load_network(path: Path) -> Network:
    """The network in an ONNX file.

    Raises:
        ModelError, UnsupportedOperatorError: it cannot be imported.
    """
    return Network(canonicalize(read_model(path)))


def run_float(
    network: Network, inputs: Mapping[str, Array], progress: Progress = quiet
) -> dict[str, Array]:
    """The network's outputs (N, C, H, W) for float `inputs` (N, C, H, W)."""
    return _in_chunks(network.whole, inputs, progress, lambda chunk: evaluate(network.whole, chunk))


def run_integer(
    network: Network,
    integer: Graph,
    inputs: Mapping[str, Array],
    progress: Progress = quiet,
) -> dict[str, Array]:
    """The same by the integer graph of its device part, and floats on the host."""

    def run(chunk: Mapping[str, Array]) -> dict[str, Array]:
        outputs = evaluate(integer, quantize_inputs(integer, chunk))
        return on_host(network, integer, outputs, chunk)

    return _in_chunks(network.whole, inputs, progress, run)


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
    progress: Progress,
    run: Callable[[Mapping[str, Array]], dict[str, Array]],
) -> dict[str, Array]:
    count = len(next(iter(inputs.values())))
    parts: list[dict[str, Array]] = []
    done = 0
    for chunk in chunks(graph, inputs):
        parts.append(run(chunk))
        done += len(next(iter(chunk.values())))
        progress(f"image {done} of {count}")
    return {name: np.concatenate([part[name] for part in parts]) for name in graph.outputs}
