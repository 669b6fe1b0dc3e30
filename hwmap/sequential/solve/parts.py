"""A sequence of strips -> steps: what has more constants than fit at once is made in parts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hwmap.sequential.engine import Engine
from hwmap.sequential.geometry import Sweep
from hwmap.sequential.layout import WORD_BYTES
from hwmap.sequential.network import Network
from hwmap.sequential.plan import Kind, Step
from hwmap.sequential.program_time import RowSize, constant_words, step_sizes
from hwmap.sequential.solve.fetches import Use
from hwmap.sequential.solve.nodes import Node

Parts = Mapping[str, tuple[tuple[int, int], ...]]
"""Of every op the words of its pixels that are made at a time."""


def parts_of(network: Network, engine: Engine, most_words: int) -> Parts:
    """The parts of every op, each with at most `most_words` of the port of constants, or a block if
    that has more."""
    return {
        name: _parts(
            network, name, engine, network.layouts[network.graph.op(name).output].words, most_words
        )
        for name in network.sweeps
    }


def largest_block(network: Network, engine: Engine) -> int:
    """Port words of the constants that at least must be there at once."""
    parts = parts_of(network, engine, 0)
    return max(
        constant_words(network, name, *part, engine) for name, own in parts.items() for part in own
    )


def in_parts(sweeps: Sequence[Sweep], words: int) -> bool:
    """Whether an op with pixels of so many words can be made some words at a time."""
    return all(sweep.matrix and sweep.words * sweep.groups == words for sweep in sweeps)


def _parts(
    network: Network, name: str, engine: Engine, words: int, most_words: int
) -> tuple[tuple[int, int], ...]:
    total = constant_words(network, name, 0, words, engine)
    if total <= most_words:
        return ((0, words),)
    sweeps = network.sweeps[name]
    if not in_parts(sweeps, words):
        return ((0, words),)
    groups = max(sweep.groups for sweep in sweeps)
    if groups > 1 and total <= most_words * groups:
        return tuple(_even(0, words, words // groups, total, most_words))
    return tuple(
        part
        for group in range(groups)
        for part in _even(
            words * group // groups,
            words * (group + 1) // groups,
            engine.pe // WORD_BYTES,
            total // groups,
            most_words,
        )
    )


def _even(
    start: int, end: int, unit: int, constants: int, most_words: int
) -> Iterator[tuple[int, int]]:
    """Even parts of [start, end), each some units, whose share of `constants` is `most_words`, or
    a unit's."""
    units = -(-(end - start) // unit)
    each = max(most_words * units // max(constants, 1), 1)
    each = -(-units // -(-units // each))
    for first in range(start, end, each * unit):
        yield first, min(first + each * unit, end)


@dataclass(frozen=True)
class Steps:
    """Steps, and what their rows take."""

    steps: tuple[Step, ...]
    sizes: tuple[tuple[RowSize, ...], ...]

    @property
    def trips(self) -> list[int]:
        """Of each step, those in which constants can arrive."""
        return [sum(size.hidden_trips for size in rows) for rows in self.sizes]


def steps_of(
    network: Network, engine: Engine, nodes: Sequence[Node], order: Sequence[int], parts: Parts
) -> Steps:
    """The steps of nodes in an order, in which some may be more than once."""
    steps: list[Step] = []
    count: dict[tuple[Kind, str, int, int], int] = {}
    for number in order:
        node = nodes[number]
        own = parts[node.name] if node.kind == "run" else None
        for first, last in own or ((0, network.layouts[node.name].words),):
            key = (node.kind, node.name, node.first_row, first)
            instance = count.get(key, 0)
            count[key] = instance + 1
            rows = node.first_row, node.last_row
            steps.append(Step(node.kind, node.name, *rows, first, last, instance))
    known: dict[tuple[Kind, str, int, int, int, int], tuple[RowSize, ...]] = {}
    sizes = []
    for step in steps:
        rows, words = (step.first_row, step.last_row), (step.first_word, step.last_word)
        place = (step.kind, step.name, *rows, *words)
        if place not in known:
            known[place] = tuple(step_sizes(step, network, engine))
        sizes.append(known[place])
    return Steps(tuple(steps), tuple(sizes))


def uses_of(
    network: Network, engine: Engine, found: Steps
) -> list[tuple[Use, tuple[str, int, int]]]:
    """The constants that steps want, with the op and words that they are of."""
    runs: dict[tuple[str, int, int], list[tuple[int, int]]] = {}
    for index, step in enumerate(found.steps):
        if step.kind == "run":
            own = runs.setdefault((step.name, step.first_word, step.last_word), [])
            if own and own[-1][1] == index - 1:
                own[-1] = own[-1][0], index
            else:
                own.append((index, index))
    uses = []
    for key, indices in runs.items():
        words = constant_words(network, *key, engine)
        if words:
            bus = words * engine.port_bytes // engine.bus_bytes
            uses.append((Use(words, bus, tuple(indices)), key))
    return uses
