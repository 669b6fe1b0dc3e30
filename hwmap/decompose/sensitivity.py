"""What an error of one op does to the network's outputs, measured."""

from collections.abc import Mapping

from hwmap.accuracy import output_loss
from hwmap.decompose.fit import Place
from hwmap.decompose.method import DENSE
from hwmap.ir.graph import Graph
from hwmap.ir.types import Array

LEARNING_WINDOWS = 10_000
"""Windows that an op learns from, to make up for an error before it."""


def propagate(
    graph: Graph, values: Mapping[str, Array], name: str, changed: Array, learning: int
) -> float:
    """The loss of the outputs (see `output_loss`) if tensor `name` is `changed`; `values` holds all
    tensors of the network as it is. The first `learning` convolutions that read the error are
    fitted to make up for it, as all will be (see `fit.py`), on three quarters of the images; the
    loss is that of the rest."""
    cut = len(changed) * 3 // 4
    few = {read: array[:cut] for read, array in values.items()}
    held = {read: array[cut:] for read, array in values.items()}
    learned: dict[str, Array] = {name: changed[:cut]}
    now: dict[str, Array] = {name: changed[cut:]}
    for op in graph.ops:
        if op.output == name or not any(read in now for read in op.inputs):
            continue
        part = None
        if learning:
            place = Place(op, graph, few, {**few, **learned}, LEARNING_WINDOWS)
            part = place.replacement(DENSE)
            learned[op.output] = place.current_output(part)
            learning -= part is not None
        now[op.output] = Place(op, graph, held, {**held, **now}).current_output(part)
    return output_loss({output: now.get(output, held[output]) for output in graph.outputs}, held)
