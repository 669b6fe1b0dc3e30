"""A float network with fewer MACs or weights: candidates selected for a goal, and fitted."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor
from pathlib import Path

from hwmap.compiler import find_candidates
from hwmap.data.dataset import DataSet
from hwmap.decompose.apply import apply_parts
from hwmap.decompose.candidates import Candidate
from hwmap.decompose.fit import fit_network
from hwmap.errors import InfeasibleError
from hwmap.inference import Network
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Conv
from hwmap.passes import integer_part
from hwmap.progress import Progress
from hwmap.reduce.goal import Goal
from hwmap.solve.drop import loss_limit
from hwmap.solve.select import Limit, Selection, select


@dataclass(frozen=True)
class Reduced:
    """A selection, and what it made: the original's part for the accelerator, that part after, and
    the whole network after."""

    selection: Selection
    source: Graph
    device: Graph
    whole: Graph


def decompose_network(
    network: Network, data: DataSet, goal: Goal, cache: Path | None, progress: Progress
) -> Reduced:
    """The network with the best selection for `goal`, fitted to `data`.

    Raises:
        DataError: there is too little data, or it is not the network's.
        InfeasibleError: the share is proved to be too small.
    """
    source = integer_part(network.whole)
    candidates = find_candidates(source, data, cache, progress)
    if goal.max_drop is not None:
        loss = loss_limit(source, candidates, data, goal.max_drop, progress)
        selection = select(candidates, "macs", Limit(loss=loss))
    else:
        selection = _select(source, candidates, goal)
    parts = fit_network(source, selection.methods, data.inputs, progress)
    return Reduced(selection, source, apply_parts(source, parts), apply_parts(network.whole, parts))


def _select(
    source: Graph, candidates: Mapping[str, tuple[Candidate, ...]], goal: Goal
) -> Selection:
    try:
        return select(candidates, "loss", _limit(candidates, goal))
    except InfeasibleError as error:
        convs = [op for op in source.ops if isinstance(op, Conv)]
        stay = {
            "factors": sum(op.factor for op in convs),
            "integers": sum(source.constants[op.weight].quant is not None for op in convs),
        }
        reason = "".join(
            f"; {count} ops are {what} already, and stay" for what, count in stay.items() if count
        )
        raise InfeasibleError(f"{error}{reason}") from error


def _limit(candidates: Mapping[str, tuple[Candidate, ...]], goal: Goal) -> Limit:
    dense = [items[0] for items in candidates.values()]
    if goal.macs is not None:
        return Limit(macs=floor(goal.macs * sum(c.macs for c in dense)))
    assert goal.weights is not None
    return Limit(weights=floor(goal.weights * sum(c.weights for c in dense)))
