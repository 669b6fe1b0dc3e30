"""Candidates for a network: the decompositions that take the fewest cycles within a loss."""

from collections.abc import Mapping, Sequence
from math import floor

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from hwmap.decompose.candidates import Candidate
from hwmap.ir.graph import hardware_ops
from hwmap.ir.ops import HardwareOp
from hwmap.ir.types import Integers
from hwmap.sequential.engine import SweepCost
from hwmap.sequential.geometry import Sweep
from hwmap.sequential.layout import Layout, layouts_of
from hwmap.sequential.network import Network
from hwmap.sequential.solve.engines import Grid
from hwmap.sequential.sweeps import sweeps_of
from hwmap.solve.answer import PPB, loss_ppb
from hwmap.solve.choices import add_choices, chosen, unbeaten
from hwmap.solve.cpsat import new_solver

SECONDS = 5.0
PRICES = np.geomspace(1e-3, 1e2, 26)
"""Of loss in cycles, as parts of the limit: multipliers for the bound."""


class Choices:
    """What every candidate of every op takes on each engine of a grid."""

    def __init__(
        self, network: Network, candidates: Mapping[str, Sequence[Candidate]], grid: Grid
    ) -> None:
        self.grid = grid
        self.candidates = {
            op.name: tuple(candidates.get(op.name, ())) for op in hardware_ops(network.graph)
        }
        self.sweeps: dict[str, list[tuple[Sweep, ...]]] = {}
        self.cycles: dict[str, NDArray[np.int32]] = {}
        self.losses: dict[str, Integers] = {}
        known: dict[Sweep, Integers] = {}
        for op in hardware_ops(network.graph):
            own = self.candidates[op.name]
            source = network.layouts[op.inputs[0]]
            self.sweeps[op.name] = [network.sweeps[op.name]] if len(own) < 2 else [
                _sweeps(candidate, source) for candidate in own
            ]  # fmt: skip
            rows = [_cycles(sweeps, grid, known) for sweeps in self.sweeps[op.name]]
            self.cycles[op.name] = np.stack(rows)
            losses = [0] if len(own) < 2 else [loss_ppb(candidate.loss) for candidate in own]
            self.losses[op.name] = np.array(losses)

    def bound(self, max_loss: float) -> Integers:
        """On every engine no choice takes fewer cycles: for a price on loss every op takes its
        cheapest candidate; the best price of a few (Lagrangian relaxation of the limit)."""
        best = np.zeros(0)
        for price in (0.0, *PRICES):
            value = np.asarray(-price * floor(max_loss * PPB), float)
            for name, cycles in self.cycles.items():
                value = value + (cycles + price * self.losses[name][:, None]).min(0)
            best = value if not len(best) else np.maximum(best, value)
        return np.ceil(best - 1e-6).astype(np.int64)

    def best(self, engine: int, max_loss: float, price: float = 0.0) -> dict[str, int]:
        """The number of the candidate of every op with the fewest cycles on an engine, each bus
        word of constants counted as `price` cycles: what does not find room on chip is fetched."""
        model = cp_model.CpModel()
        names = list(self.cycles)
        costs = {name: self._priced(name, engine, price) for name in names}
        kept = {
            name: sorted({0, *unbeaten(np.stack([costs[name], self.losses[name]], axis=1))})
            for name in names
        }
        losses = [[int(self.losses[name][k]) for k in kept[name]] for name in names]
        choose = add_choices(model, losses, floor(max_loss * PPB))
        model.minimize(
            sum(
                int(costs[name][k]) * variable
                for name, variables in zip(names, choose, strict=True)
                for k, variable in zip(kept[name], variables, strict=True)
            )
        )
        solver = new_solver(SECONDS)
        status = solver.solve(model)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return dict.fromkeys(names, 0)
        picks = chosen(solver, choose)
        return {name: kept[name][pick] for name, pick in zip(names, picks, strict=True)}

    def _priced(self, name: str, engine: int, price: float) -> Integers:
        cycles = self.cycles[name][:, engine].astype(np.int64)
        if not price:
            return cycles
        alone = self.grid.engines[engine]
        words = [
            sum(SweepCost(sweep, alone).constant_words for sweep in sweeps)
            for sweeps in self.sweeps[name]
        ]
        ratio = alone.port_bytes // alone.bus_bytes
        return np.asarray(cycles + (price * ratio * np.array(words)).astype(np.int64))


def _sweeps(candidate: Candidate, source: Layout) -> tuple[Sweep, ...]:
    part = candidate.graph
    layouts = layouts_of(part, dict.fromkeys(part.inputs, source))
    return tuple(
        sweep
        for op in part.ops
        if isinstance(op, HardwareOp)
        for sweep in sweeps_of(op, part, layouts)
    )


def _cycles(
    sweeps: tuple[Sweep, ...], grid: Grid, known: dict[Sweep, Integers]
) -> NDArray[np.int32]:
    """The cycles of whole sweeps on every engine; `known` has those that were seen."""
    for sweep in sweeps:
        if sweep not in known:
            known[sweep] = grid.cycles(sweep)
    total = np.asarray(sum(known[sweep] for sweep in sweeps))
    return np.asarray(np.minimum(total, np.iinfo(np.int32).max), np.int32)
