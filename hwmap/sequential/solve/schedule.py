"""The schedule model: candidates, residency, order and recomputation together, for one engine.

Time is a row of slots. A slot runs a segment [first, last) of the chain of one option of one task;
without extra slots every task runs once, whole. Extra slots make room for rematerialization, and
for running a chain in pieces: its small inner tensor can be kept, and expanded when it is read.

    live[p, v]      value v is on chip when slot p starts
    run[p, r]       slot p runs segment r
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from hwmap.sequential.solve.memory import MemoryVariables, add_memory
from hwmap.sequential.solve.problem import Problem, WordKind
from hwmap.sequential.solve.space import Run, Schedule, Space, Written, run_cycles
from hwmap.solve.choices import add_choices
from hwmap.solve.cpsat import effort_seconds, new_solver


@dataclass(frozen=True)
class Outcome:
    """A schedule or None, whether it is proved that none is better (or that there is none) with
    this number of extra slots, and the seconds it took, as `effort_seconds` counts them."""

    schedule: Schedule | None
    proved: bool
    seconds: float


def schedule(
    problem: Problem,
    *,
    extra: int,
    limit_bytes: int,
    most_cycles: int | None,
    seconds: float,
    least_memory: bool = False,
    hint: tuple[int, ...] = (),
) -> Outcome:
    """The fastest schedule (or, with `least_memory`, the smallest), of at most `most_cycles`.

    `hint` is an option per task to start from.
    """
    space = Space(problem, extra)
    model = cp_model.CpModel()
    memory = add_memory(model, problem, limit_bytes=limit_bytes)
    losses = [[option.loss_ppb for option in task.options] for task in problem.tasks]
    choose = add_choices(model, losses, problem.loss_ppb)
    run: Runs = [[] for _ in range(space.slots + 1)]
    for index, r in enumerate(space.runs):
        for slot in space.windows[r.task]:
            run[slot].append((r, model.new_bool_var(f"run{slot}_{index}")))
    _add_runs(model, space, choose, run)
    live = _add_liveness(model, space, run)
    _add_arena(model, space, run, live, memory)
    _add_constants(model, space, choose, run, memory)
    cycles = _add_cycles(model, space, choose, run)
    if most_cycles is not None:
        model.add(cycles <= most_cycles)
    model.minimize(memory.total_bytes if least_memory else cycles)
    for index, option in enumerate(hint):
        for number, variable in enumerate(choose[index]):
            model.add_hint(variable, number == option)
    for slot, r, variable in _all(run):
        whole = (r.first, r.last) == (0, len(space.option(r).parts))
        hinted = bool(hint) and slot == r.task and r.option == hint[r.task] and whole
        model.add_hint(variable, hinted)
    solver = new_solver(seconds)
    status = solver.solve(model)
    effort = effort_seconds(model, solver)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Outcome(None, status == cp_model.INFEASIBLE, effort)
    runs = tuple(r for _, r, variable in _all(run) if solver.boolean_value(variable))
    optimal = status == cp_model.OPTIMAL
    return Outcome(Schedule(runs, run_cycles(space, runs)), optimal, effort)


Runs = list[list[tuple[Run, cp_model.IntVar]]]
"""What may run in each slot, with its variable; one empty slot more at the end."""
Live = dict[tuple[int, Written], cp_model.IntVar]


def _all(run: Runs) -> Iterator[tuple[int, Run, cp_model.IntVar]]:
    return ((slot, r, variable) for slot, runs in enumerate(run) for r, variable in runs)


def _add_runs(
    model: cp_model.CpModel, space: Space, choose: list[list[cp_model.IntVar]], run: Runs
) -> None:
    """Only segments of the chosen options run; a slot runs at most one; used slots come first.
    Loads and stores run once."""
    problem = space.problem
    by_slot: list[list[cp_model.IntVar]] = [[] for _ in range(space.slots)]
    by_task: list[list[cp_model.IntVar]] = [[] for _ in problem.tasks]
    for slot, r, variable in _all(run):
        model.add_implication(variable, choose[r.task][r.option])
        by_slot[slot].append(variable)
        by_task[r.task].append(variable)
    for slot, variables in enumerate(by_slot):
        model.add_at_most_one(variables)
        if slot:
            model.add(sum(variables) <= sum(by_slot[slot - 1]))
    for task, variables in zip(problem.tasks, by_task, strict=True):
        once = space.extra == 0 or task.kind != "run"
        model.add(sum(variables) == 1) if once else model.add_at_least_one(variables)


def _add_liveness(model: cp_model.CpModel, space: Space, run: Runs) -> Live:
    """A value can be on chip if it was before, or was just written; a run needs what it reads; a
    value that is on chip is not written again.

    live[p+1, v] <= live[p, v] + sum of run[p, r] over r that write v
    """
    writers: dict[Written, list[tuple[int, cp_model.IntVar]]] = {}
    readers: dict[Written, list[tuple[int, cp_model.IntVar]]] = {}
    for slot, r, variable in _all(run):
        target = space.writes(r)
        if target is not None:
            writers.setdefault(target, []).append((slot, variable))
        for value in space.reads(r):
            readers.setdefault(value, []).append((slot, variable))
    live: Live = {}
    for value, writes in writers.items():
        reads = readers.get(value, [])
        first = min(slot for slot, _ in writes) + 1
        last = max((slot for slot, _ in reads), default=first - 1)
        for slot in range(first, last + 1):
            live[slot, value] = model.new_bool_var(f"live{slot}_{value}")
            written = [variable for at, variable in writes if at == slot - 1]
            before = [live[slot - 1, value]] if slot > first else []
            model.add(live[slot, value] <= sum(before) + sum(written))
            for variable in written:
                if before:
                    model.add_at_most_one(variable, before[0])
        for slot, variable in reads:
            if slot < first:
                model.add(variable == 0)
            else:
                model.add_implication(variable, live[slot, value])
    for value, reads in readers.items():
        if value not in writers:
            for _, variable in reads:
                model.add(variable == 0)
    return live


def _add_arena(
    model: cp_model.CpModel, space: Space, run: Runs, live: Live, memory: MemoryVariables
) -> None:
    """Everything that is live, and what the slot writes, is in the arena at once:

    first part:   sum of live[p] + first output                                 <=  arena
    later parts:  sum of live[p+1] without the output + two neighbours in the chain  <=  arena
    """
    held: list[list[cp_model.LinearExprT]] = [[] for _ in range(space.slots + 1)]
    for (slot, value), variable in live.items():
        held[slot].append(space.size(value) * variable)
    for slot in range(space.slots):
        here, after, runs = held[slot], held[slot + 1], run[slot]
        first = [space.option(r).parts[r.first].output_bytes * v for r, v in runs]
        model.add(_total(here) + _total(first) <= memory.arena_bytes)
        chains: dict[Written | None, list[tuple[Run, cp_model.IntVar]]] = {}
        for r, variable in runs:
            if r.last - r.first > 1:
                chains.setdefault(space.writes(r), []).append((r, variable))
        for target, group in chains.items():
            assert target is not None, "only stores write nothing, and they have one part"
            output = live.get((slot + 1, target))
            kept = 0 if output is None else space.size(target) * output
            inner = _total([space.inner_bytes(r) * v for r, v in group])
            model.add(_total(after) - kept + inner <= memory.arena_bytes).only_enforce_if(
                _any(model, [v for _, v in group])
            )


def _total(terms: Sequence[cp_model.LinearExprT]) -> cp_model.LinearExpr:
    """Their sum, which is an expression even if there are none."""
    return cp_model.LinearExpr.sum(list(terms))


def _any(model: cp_model.CpModel, variables: list[cp_model.IntVar]) -> cp_model.IntVar:
    """A variable that is true if one of `variables` is (at most one can be)."""
    result = model.new_bool_var("any")
    model.add(sum(variables) == result)
    return result


def _add_constants(
    model: cp_model.CpModel,
    space: Space,
    choose: list[list[cp_model.IntVar]],
    run: Runs,
    memory: MemoryVariables,
) -> None:
    """Resident words are held all the time; beside them, those of the running part and of the one
    after it:

    resident + fetched[k] + fetched[k+1]  <=  depth        for every step k
    """
    depths: tuple[tuple[cp_model.IntVar, WordKind], ...] = (
        (memory.weight_words, "weight_words"),
        (memory.channel_words, "channel_words"),
    )
    for words, kind in depths:
        resident = sum(
            variable * option.kept(kind)
            for task, variables in zip(space.problem.tasks, choose, strict=True)
            for variable, option in zip(variables, task.options, strict=True)
        )
        fetched = model.new_int_var(0, 1 << 26, f"fetched_{kind}")
        model.add(words >= resident + fetched)

        def size(r: Run, part: int, kind: WordKind = kind) -> int:
            return space.option(r).parts[part].fetched(kind)

        for slot in range(space.slots):
            tail = [size(r, r.last - 1) * v for r, v in run[slot]]
            head = [size(r, r.first) * v for r, v in run[slot + 1]]
            inner = [
                max(
                    (size(r, part) + size(r, part + 1) for part in range(r.first, r.last - 1)),
                    default=0,
                )
                * v
                for r, v in run[slot]
            ]
            model.add(_total([*tail, *head]) <= fetched)
            model.add(_total(inner) <= fetched)


def _add_cycles(
    model: cp_model.CpModel, space: Space, choose: list[list[cp_model.IntVar]], run: Runs
) -> cp_model.LinearExprT:
    """sum over slots of  body[p] + max(trips of the last part[p], words fetched for slot p+1),
    and the start of DRAM if anything is fetched."""
    terms: list[cp_model.LinearExprT] = []
    for slot in range(space.slots):
        runs, following = run[slot], run[slot + 1]
        heads = {space.head_words(r) for r, _ in following}
        terms += [space.body_cycles(r) * v for r, v in runs]
        if heads <= {0}:
            terms += [space.tail_trips(r) * v for r, v in runs]
            continue
        most = max(*heads, *(space.tail_trips(r) for r, _ in runs))
        tail = model.new_int_var(0, most, f"tail{slot}")
        model.add(tail >= sum(space.tail_trips(r) * v for r, v in runs))
        model.add(tail >= sum(space.head_words(r) * v for r, v in following))
        terms.append(tail)
    any_fetch = model.new_bool_var("any_fetch")
    for task, variables in zip(space.problem.tasks, choose, strict=True):
        for variable, option in zip(variables, task.options, strict=True):
            if option.fetch_words:
                model.add_implication(variable, any_fetch)
    terms.append(space.problem.startup_cycles * any_fetch)
    return _total(terms)
