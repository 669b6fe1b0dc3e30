"""A re-implementation of Moccasin (arXiv 2304.14463): retention intervals, CP-SAT, two phases."""

from time import perf_counter

from ortools.sat.python import cp_model

INTERVALS = 2
"""At most so many retention intervals per value."""
WORKERS = 2


def moccasin(graph: dict, budget: int, seconds: float) -> tuple[list[int], float]:
    """The best schedule that was found in the fixed order (empty if none), and when.

    Time is a row of events, one for every node i <= j in every stage j (section 3.1): in stage j
    node j runs for the first time, and any before it may run again. An interval begins at an event
    of its node, and ends with its last reader. The first phase minimises the memory until it fits,
    the second, from there, the duration.
    """
    start = perf_counter()
    model = _Model(graph)
    model.cp.minimize(model.peak)
    first = model.solve(seconds, stop_at=budget)
    if first is None or first.peak > budget:
        return [], perf_counter() - start
    model.cp.add(model.peak <= budget)
    model.cp.minimize(model.duration)
    model.hint(first)
    best = model.solve(seconds - (perf_counter() - start), began=start) or first
    return best.sequence, best.seconds or perf_counter() - start


class _Found(cp_model.CpSolverSolutionCallback):
    """The last solution: sequence, peak, values of all variables, and when it was found."""

    def __init__(self, model: "_Model", stop_at: int, began: float) -> None:
        super().__init__()
        self.model, self.stop_at, self.began = model, stop_at, began
        self.peak, self.seconds = -1, 0.0
        self.sequence: list[int] = []
        self.values: list[int] = []

    def on_solution_callback(self) -> None:
        runs = [
            (self.value(begin), node)
            for node, begin, active in self.model.runs
            if self.boolean_value(active)
        ]
        self.sequence = [node for _, node in sorted(runs)]
        self.peak, self.seconds = self.value(self.model.peak), perf_counter() - self.began
        self.values = [self.value(variable) for variable in self.model.variables]
        if self.peak <= self.stop_at:
            self.stop_search()


class _Model:
    def __init__(self, graph: dict) -> None:
        self.cp = cp_model.CpModel()
        sizes, durations = graph["sizes"], graph["durations"]
        count = len(sizes)
        events = count * (count + 1) // 2
        self.peak = self.cp.new_int_var(0, sum(sizes), "peak")
        self.runs: list[tuple[int, cp_model.IntVar, cp_model.IntVar]] = []
        self.variables: list[cp_model.IntVar] = [self.peak]
        ends: dict[int, list[tuple[cp_model.IntVar, cp_model.IntVar, cp_model.IntVar]]] = {}
        intervals, demands = [], []
        for node in range(count):
            at = [stage * (stage + 1) // 2 + node for stage in range(node, count)]
            for index in range(INTERVALS):
                domain = cp_model.Domain.from_values(at[:1] if index == 0 else at[1:] or at)
                begin = self.cp.new_int_var_from_domain(domain, f"begin{node}_{index}")
                end = self.cp.new_int_var(0, events, f"end{node}_{index}")
                size = self.cp.new_int_var(1, events, f"size{node}_{index}")
                active = self.cp.new_bool_var(f"active{node}_{index}")
                intervals.append(
                    self.cp.new_optional_interval_var(begin, size, end, active, f"i{node}_{index}")
                )
                demands.append(sizes[node])
                self.runs.append((node, begin, active))
                self.variables += [begin, end, size, active]
                ends.setdefault(node, []).append((begin, end, active))
                if index == 0 or len(at) == 1:
                    self.cp.add(active == (index == 0))
        self.cp.add_cumulative(intervals, demands, self.peak)
        for read, node in graph["edges"]:
            for begin, _, active in ends[node]:
                serves = []
                for source, until, there in ends[read]:
                    literal = self.cp.new_bool_var("serves")
                    self.cp.add_implication(literal, there)
                    self.cp.add(source + 1 <= begin).only_enforce_if(literal)
                    self.cp.add(until >= begin + 1).only_enforce_if(literal)
                    serves.append(literal)
                    self.variables.append(literal)
                self.cp.add_bool_or(*serves, active.negated())
        self.duration = sum(durations[node] * active for node, _, active in self.runs)

    def hint(self, found: _Found) -> None:
        """Begin with what was found."""
        for variable, value in zip(self.variables, found.values, strict=True):
            self.cp.add_hint(variable, value)

    def solve(self, seconds: float, *, stop_at: int = -1, began: float = 0.0) -> _Found | None:
        """The best solution of the objective that is set, or None."""
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = WORKERS
        solver.parameters.max_time_in_seconds = max(seconds, 0.1)
        found = _Found(self, stop_at, began or perf_counter())
        solver.solve(self.cp, found)
        return found if found.sequence else None
