"""A re-implementation of Checkmate (arXiv 1910.02653): MILP, and LP with rounding, with HiGHS."""

from collections import defaultdict

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

ALLOWANCES = (0.0, 0.1, 0.2, 0.3)
"""Parts of the budget that the relaxation leaves free for what rounding adds (section 5.3)."""

Name = tuple


def checkmate(graph: dict, budget: int, seconds: float) -> list[int]:
    """The best schedule of the MILP (equation 9), in the fixed order; empty if none was found."""
    model = _Model(graph, budget)
    values = model.solve(seconds, whole=True)
    return [] if values is None else model.sequence(lambda name: values[model.index[name]] > 0.5)


def checkmate_rounded(graph: dict, budget: int, seconds: float) -> list[list[int]]:
    """Schedules of the relaxation, rounded in two phases: what is kept, then what has to run. They
    may take more than the budget."""
    found = []
    for allowance in ALLOWANCES:
        model = _Model(graph, int(budget * (1 - allowance)))
        values = model.solve(seconds / len(ALLOWANCES), whole=False)
        if values is not None:
            found.append(model.rounded(values))
    return found


class _Model:
    """run[t, i]; keep[t, i]: value i is kept from stage t - 1 to t; free[t, i, k]: it is freed in
    stage t after node k."""

    def __init__(self, graph: dict, budget: int) -> None:
        self.graph = graph
        self.count = len(graph["sizes"])
        self.reads: dict[int, list[int]] = defaultdict(list)
        self.readers: dict[int, list[int]] = defaultdict(list)
        for read, node in graph["edges"]:
            self.reads[node].append(read)
            self.readers[read].append(node)
        self.index: dict[Name, int] = {}
        self.rows: list[tuple[dict[int, float], float, float]] = []
        self._build(budget)

    def _variable(self, *name: object) -> int:
        return self.index.setdefault(name, len(self.index))

    def _row(self, terms: list[tuple[int, float]], low: float, high: float) -> None:
        row: dict[int, float] = defaultdict(float)
        for variable, factor in terms:
            row[variable] += factor
        self.rows.append((row, low, high))

    def _build(self, budget: int) -> None:
        sizes, count = self.graph["sizes"], self.count
        for stage in range(count):
            for node in range(stage + 1):
                run = self._variable("run", stage, node)
                if node == stage:
                    self._row([(run, 1)], 1, 1)
                for read in self.reads[node]:
                    terms = [(run, 1), (self._variable("run", stage, read), -1)]
                    self._row([*terms, (self._variable("keep", stage, read), -1)], -np.inf, 0)
            for node in range(stage):
                keep = self._variable("keep", stage, node)
                before = [(self._variable("run", stage - 1, node), -1.0)]
                if node < stage - 1:
                    before.append((self._variable("keep", stage - 1, node), -1.0))
                self._row([(keep, 1), *before], -np.inf, 0)
            self._memory(stage, sizes, budget)

    def _memory(self, stage: int, sizes: list[int], budget: int) -> None:
        """What is used after node k: as before it, and what node k adds, less what node k - 1 and
        its inputs freed."""
        used = [(self._variable("keep", stage, node), float(sizes[node])) for node in range(stage)]
        for node in range(stage + 1):
            used.append((self._variable("run", stage, node), float(sizes[node])))
            self._row(used, -np.inf, budget)
            for value in [*self.reads[node], node]:
                free = self._variable("free", stage, value, node)
                hazards = [(self._variable("run", stage, node), -1.0)]
                if stage + 1 < self.count:
                    hazards.append((self._variable("keep", stage + 1, value), 1.0))
                hazards += [
                    (self._variable("run", stage, reader), 1.0)
                    for reader in self.readers[value]
                    if node < reader <= stage
                ]
                # free = 1 if and only if nothing speaks against it (equation 7).
                self._row([(free, -1), *((v, -f) for v, f in hazards)], -np.inf, 0)
                most = len(hazards) + 1.0
                self._row([(free, most), *hazards], -np.inf, most - 1)
                used.append((free, -float(sizes[value])))

    def solve(self, seconds: float, *, whole: bool) -> np.ndarray | None:
        """Values of all variables, or None."""
        costs = np.zeros(len(self.index))
        for name, variable in self.index.items():
            if name[0] == "run":
                costs[variable] = self.graph["durations"][name[2]]
        places = [
            (row, v, f) for row, (terms, *_) in enumerate(self.rows) for v, f in terms.items()
        ]
        rows, columns, factors = zip(*places, strict=True)
        matrix = csr_matrix((factors, (rows, columns)), (len(self.rows), len(self.index)))
        low, high = (np.array([row[side] for row in self.rows]) for side in (1, 2))
        result = milp(
            costs,
            constraints=LinearConstraint(matrix, low, high),
            bounds=Bounds(0, 1),
            integrality=np.full(len(costs), int(whole)),
            options={"time_limit": seconds},
        )
        return result.x

    def sequence(self, runs) -> list[int]:
        """The nodes that run, stage by stage."""
        return [
            node
            for stage in range(self.count)
            for node in range(stage + 1)
            if runs(("run", stage, node))
        ]

    def rounded(self, values: np.ndarray) -> list[int]:
        """Keep what is kept by more than half, then run what that and the stages need."""
        keep = {
            (stage, node)
            for stage in range(self.count)
            for node in range(stage)
            if values[self.index["keep", stage, node]] > 0.5
        }
        run = {(stage, stage) for stage in range(self.count)}
        for stage, node in keep:
            if (stage - 1, node) not in keep:
                run.add((stage - 1, node))
        stack = list(run)
        while stack:
            stage, node = stack.pop()
            for read in self.reads[node]:
                if (stage, read) not in keep and (stage, read) not in run:
                    run.add((stage, read))
                    stack.append((stage, read))
        return self.sequence(lambda name: name[1:] in run)
