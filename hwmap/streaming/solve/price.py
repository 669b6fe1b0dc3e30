"""The cheapest choice at given prices of the resources: exact, the regrouping of words included.

What an op does next to its neighbours is a table over the words that it reads and those that it
writes; the least sum of such tables is found by `eliminate.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hwmap.board import BRAM18_BYTES, URAM_BYTES
from hwmap.ir.types import Shape
from hwmap.streaming.solve.between import Forms, ends, regrouping, regrouping_of
from hwmap.streaming.solve.eliminate import Values, joined, minimum
from hwmap.streaming.solve.options import COSTS, FED, Columns
from hwmap.streaming.solve.problem import End, Part, Problem, Way

MEMORY, DRAM, LOSS = COSTS, COSTS + 1, COSTS + 2
RESOURCES = COSTS + 3
"""What there is a budget of: the fields of a `Cost`, bytes of memory in blocks, bytes from DRAM for
an image, and loss."""


@dataclass(frozen=True)
class Pick:
    """What is chosen for an op: a way, and a row of foldings for each op of its chain."""

    way: int
    rows: tuple[int, ...]


def budgets_of(problem: Problem, reserve: Sequence[int]) -> Values:
    """What is left of each resource."""
    kept = BRAM18_BYTES * reserve[3] + URAM_BYTES * reserve[4]
    left = [most - part for most, part in zip(problem.budget, reserve, strict=True)]
    others = [problem.memory_bytes - kept, problem.dram_bytes, problem.loss_ppb]
    return np.array([*left, *others], np.float64)


def taken(costs: Columns) -> Columns:
    """(..., 7) costs of foldings as (..., 9) resources, without loss."""
    found = np.zeros((*costs.shape[:-1], RESOURCES), np.int64)
    found[..., :COSTS] = costs[..., :COSTS]
    found[..., MEMORY] = BRAM18_BYTES * costs[..., 3] + URAM_BYTES * costs[..., 4]
    found[..., DRAM] = costs[..., FED]
    return found


def code_of(problem: Problem, op: int, pick: Pick, place: int | None) -> int:
    """The code of the words that an op reads as its input `place`, or (that is None) writes."""
    parts = problem.ops[op][pick.way].parts
    if place is None:
        return int(parts[-1].foldings.targets[pick.rows[-1]])
    return int(parts[0].foldings.sources[pick.rows[0], place])


def cost_of(problem: Problem, op: int, pick: Pick) -> Columns:
    """(9,) What a pick takes exactly of each resource, with the words inside of its chain and what
    stands at its ends."""
    way = problem.ops[op][pick.way]
    chain = [(part.foldings, row) for part, row in zip(way.parts, pick.rows, strict=True)]
    found = np.sum([taken(foldings.exact(row)) for foldings, row in chain], axis=0)
    found[LOSS] = way.loss_ppb
    for (writer, row), (reader, other) in pairwise(chain):
        have, wanted = int(writer.targets[row]), int(reader.sources[other, 0])
        found[:COSTS] += regrouping_of(reader.shapes[0], have, wanted, problem.target)
    for end in problem.ends:
        if end.op == op:
            code = np.array([code_of(problem, op, pick, end.place)])
            found[:COSTS] += ends_cost(end, code)[0]
    return np.asarray(found)


def ends_cost(end: End, codes: Columns) -> Columns:
    """(codes, 6): what stands at words with each of these codes takes."""
    return ends(Forms.of(codes), copies=end.copies, sources=end.sources, sinks=end.sinks)


class _Table:
    """The foldings of a part by the words at both ends."""

    def __init__(self, part: Part, budgets: Values) -> None:
        everything = taken(part.foldings.costs[part.rows])
        fits = (everything <= np.maximum(budgets, 0)).all(1)
        self._foldings, self._budgets = part.foldings, np.maximum(budgets, 1)
        self.rows = part.rows[fits]
        self.shares = everything[fits] / self._budgets
        self.all_sources = part.foldings.sources[self.rows]
        self.sources, source = np.unique(self.all_sources[:, 0], return_inverse=True)
        self.targets, target = np.unique(part.foldings.targets[self.rows], return_inverse=True)
        cells = source * len(self.targets) + target
        self._order = np.argsort(cells, kind="stable")
        self._cells, self._starts = np.unique(cells[self._order], return_index=True)

    def grid(self, prices: Values) -> Values:
        """(sources, targets): the price of the cheapest folding with these ends."""
        found = np.full(len(self.sources) * len(self.targets), np.inf)
        if len(self.rows):
            values = (self.shares @ prices)[self._order]
            found[self._cells] = np.minimum.reduceat(values, self._starts)
        return found.reshape(len(self.sources), len(self.targets))

    def row(self, prices: Values, source: int, target: int) -> int:
        """The cheapest folding with these ends (their places in `sources` and `targets`)."""
        cell = np.searchsorted(self._cells, source * len(self.targets) + target)
        end = self._starts[cell + 1] if cell + 1 < len(self._starts) else len(self._order)
        members = self._order[self._starts[cell] : end]
        return int(self.rows[members[(self.shares[members] @ prices).argmin()]])

    def correct(self, row: int) -> None:
        """From now on, count what a folding takes exactly."""
        at = int(np.searchsorted(self.rows, row))
        self.shares[at] = taken(self._foldings.exact(row)) / self._budgets

    def read(self, place: int) -> Columns:
        """The codes of input `place` for each target, of an op whose ends are all alike."""
        first = np.searchsorted(self._cells, np.arange(len(self.targets)) * (len(self.targets) + 1))
        return np.asarray(self.all_sources[self._order[self._starts[first]], place])


class Pricing:
    """Tables for one problem; `reserve` of each resource is kept back."""

    def __init__(self, problem: Problem, reserve: Sequence[int]) -> None:
        self.problem = problem
        self.budgets = budgets_of(problem, reserve)
        self._tables: dict[object, _Table] = {}
        self._between: dict[object, Values] = {}
        self._writers = {(edge.reader, edge.place): edge for edge in problem.edges}
        self._targets = [self._codes(ways, last=True) for ways in problem.ops]
        self._sources = [self._codes(ways, last=False) for ways in problem.ops]

    @property
    def possible(self) -> bool:
        """Whether there is as much as is kept back, and every op has a folding that fits alone."""
        return bool((self.budgets >= 0).all()) and all(len(codes) > 0 for codes in self._targets)

    def _table(self, part: Part) -> _Table:
        key = id(part.foldings)
        if key not in self._tables:
            self._tables[key] = _Table(part, self.budgets)
        return self._tables[key]

    def _codes(self, ways: Sequence[Way], *, last: bool) -> Columns:
        tables = [self._table(way.parts[-1 if last else 0]) for way in ways]
        ends = [table.targets if last else table.sources for table in tables]
        return np.unique(np.concatenate(ends)) if ends else np.empty(0, np.int64)

    def _regrouping(self, shape: Shape, have: Columns, wanted: Columns, prices: Values) -> Values:
        key = (shape, have.tobytes(), wanted.tobytes())
        if key not in self._between:
            found = regrouping(shape, Forms.of(have), Forms.of(wanted), self.problem.target)
            self._between[key] = found[..., 1:3] / np.maximum(self.budgets[1:3], 1)
        return np.asarray(self._between[key] @ prices[1:3])

    def cheapest(self, prices: Values) -> tuple[float, tuple[Pick, ...]]:
        """The least price of a choice for all ops, and that choice."""
        known: dict[object, Values] = {}
        chains = [[self._chain(way, prices, known) for way in ways] for ways in self.problem.ops]
        grids = [
            self._union(op, ways, own, prices)
            for op, (ways, own) in enumerate(zip(self.problem.ops, chains, strict=True))
        ]
        factors: list[tuple[tuple[int, ...], Values]] = []
        for op, grid in enumerate(grids):
            table = self._table(self.problem.ops[op][0].parts[0])
            if self._inputs(op) == 1 and (op, 0) in self._writers:
                edge = self._writers[op, 0]
                key = (edge.shape, id(table), self._targets[edge.writer].tobytes())
                if key not in known or len(self.problem.ops[op]) > 1:
                    between = self._regrouping(
                        edge.shape, self._targets[edge.writer], self._sources[op], prices
                    )
                    known[key] = joined(between, grid)[0]
                factors.append(((edge.writer, op), known[key]))
                continue
            factors.append(((op,), (grid + self._source_price(op, prices)[:, None]).min(0)))
            for place in range(self._inputs(op)):
                if (op, place) in self._writers:
                    edge = self._writers[op, place]
                    between = self._regrouping(
                        edge.shape, self._targets[edge.writer], table.read(place), prices
                    )
                    factors.append(((edge.writer, op), between))
        for end in self.problem.ends:
            if end.place is None:
                factors.append(((end.op,), self._end_price(end, self._targets[end.op], prices)))
            elif self._inputs(end.op) > 1:
                table = self._table(self.problem.ops[end.op][0].parts[0])
                factors.append(((end.op,), self._end_price(end, table.read(end.place), prices)))
        value, targets = minimum(factors, [len(codes) for codes in self._targets])
        return value, tuple(
            self._picked(op, targets, grids[op], chains[op], prices) for op in range(len(grids))
        )

    def shares(self, picks: Sequence[Pick]) -> Values:
        """How much of each budget a choice takes. Its foldings are known exactly from now on."""
        found = np.zeros(RESOURCES, np.int64)
        for op, pick in enumerate(picks):
            found += cost_of(self.problem, op, pick)
            parts = self.problem.ops[op][pick.way].parts
            for part, row in zip(parts, pick.rows, strict=True):
                self._table(part).correct(row)
        for edge in self.problem.edges:
            have = code_of(self.problem, edge.writer, picks[edge.writer], None)
            wanted = code_of(self.problem, edge.reader, picks[edge.reader], edge.place)
            found[:COSTS] += regrouping_of(edge.shape, have, wanted, self.problem.target)
        return np.asarray(found / np.maximum(self.budgets, 1))

    def _end_price(self, end: End, codes: Columns, prices: Values) -> Values:
        shares = ends_cost(end, codes) / np.maximum(self.budgets[:COSTS], 1)
        return np.asarray(shares @ prices[:COSTS])

    def _source_price(self, op: int, prices: Values) -> Values:
        """What stands at the words that an op of one input reads from a port."""
        found = np.zeros(len(self._sources[op]))
        for end in self.problem.ends:
            if end.op == op and end.place is not None and self._inputs(op) == 1:
                found = found + self._end_price(end, self._sources[op], prices)
        return found

    def _inputs(self, op: int) -> int:
        return self.problem.ops[op][0].parts[0].foldings.inputs

    def _chain(self, way: Way, prices: Values, known: dict[object, Values]) -> list[Values]:
        """(first sources, targets) of the first op, of the first two ... of a chain."""
        found: list[Values] = []
        for number, part in enumerate(way.parts):
            table = self._table(part)
            if id(table) not in known:
                known[id(table)] = table.grid(prices)
            grid = known[id(table)]
            if number:
                before = self._table(way.parts[number - 1])
                between = self._regrouping(
                    part.foldings.shapes[0], before.targets, table.sources, prices
                )
                grid = joined(joined(found[-1], between)[0], grid)[0]
            found.append(grid)
        return found

    def _union(
        self, op: int, ways: Sequence[Way], chains: Sequence[list[Values]], prices: Values
    ) -> Values:
        """(sources, targets) of an op, the cheapest of its ways."""
        if len(ways) == 1 and not ways[0].loss_ppb:
            return chains[0][-1]
        found = np.full((len(self._sources[op]), len(self._targets[op])), np.inf)
        for way, chain in zip(ways, chains, strict=True):
            at = self._places(op, way)
            found[at] = np.minimum(found[at], chain[-1] + self._loss(way, prices))
        return found

    def _loss(self, way: Way, prices: Values) -> float:
        return float(way.loss_ppb / max(self.budgets[LOSS], 1) * prices[LOSS])

    def _places(self, op: int, way: Way) -> tuple[NDArray[np.intp], ...]:
        """Where the table of a way lies in that of its op."""
        sources = np.searchsorted(self._sources[op], self._table(way.parts[0]).sources)
        targets = np.searchsorted(self._targets[op], self._table(way.parts[-1]).targets)
        return np.ix_(sources, targets)

    def _picked(
        self,
        op: int,
        targets: Sequence[int],
        grid: Values,
        chains: Sequence[list[Values]],
        prices: Values,
    ) -> Pick:
        """The way and the foldings with which an op writes what was found to be the cheapest."""
        if self._inputs(op) == 1 and (op, 0) in self._writers:
            edge = self._writers[op, 0]
            between = self._regrouping(
                edge.shape, self._targets[edge.writer], self._sources[op], prices
            )
            source = int((between[targets[edge.writer]] + grid[:, targets[op]]).argmin())
        else:
            source = int((grid[:, targets[op]] + self._source_price(op, prices)).argmin())
        ways = self.problem.ops[op]
        ends = self._sources[op][source], self._targets[op][targets[op]]
        best, at = np.inf, (0, 0, 0)
        for number, (way, chain) in enumerate(zip(ways, chains, strict=True)):
            first, last = self._table(way.parts[0]).sources, self._table(way.parts[-1]).targets
            s, t = np.searchsorted(first, ends[0]), np.searchsorted(last, ends[1])
            if s < len(first) and t < len(last) and (first[s], last[t]) == ends:
                price = chain[-1][s, t] + self._loss(way, prices)
                if price < best:
                    best, at = price, (number, int(s), int(t))
        number, first_source, target = at
        return Pick(number, self._rows(ways[number], chains[number], first_source, target, prices))

    def _rows(
        self, way: Way, chain: Sequence[Values], source: int, target: int, prices: Values
    ) -> tuple[int, ...]:
        """The foldings of a chain from its last op back."""
        rows = []
        for number in range(len(way.parts) - 1, 0, -1):
            table, before = self._table(way.parts[number]), self._table(way.parts[number - 1])
            between = self._regrouping(
                way.parts[number].foldings.shapes[0], before.targets, table.sources, prices
            )
            sums = chain[number - 1][source][:, None] + between
            sums = sums + table.grid(prices)[:, target][None, :]
            written, read = np.unravel_index(int(sums.argmin()), sums.shape)
            rows.append(table.row(prices, int(read), target))
            target = int(written)
        rows.append(self._table(way.parts[0]).row(prices, source, target))
        return tuple(reversed(rows))
