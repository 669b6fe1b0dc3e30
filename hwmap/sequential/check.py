"""Replays a plan and refuses one that lies. It shares no code with the solver.

The arena is replayed as words: every step paints what it writes, and finds what it reads there
untouched. So is the constant memory: bus word by bus word as it is fetched. Cycles, memory and
slices are counted again, step by step.
"""

from collections.abc import Iterator, Sequence, Set

import numpy as np

from hwmap.blocks import blocks_used
from hwmap.board import Board, Budget
from hwmap.errors import PlanError
from hwmap.ir.given import least_weight
from hwmap.ir.graph import Graph
from hwmap.ir.ops import HardwareOp
from hwmap.ir.rows import rows_read
from hwmap.sequential.engine import engine_problem, is_part
from hwmap.sequential.logic import engine_logic
from hwmap.sequential.memory import memories
from hwmap.sequential.network import Network, network_of
from hwmap.sequential.plan import THROUGH_DRAM, Held, Plan, Retention, Step, held_for
from hwmap.sequential.program import MOST_ROWS, MOST_SEGMENTS, Segment
from hwmap.sequential.program_time import constant_words, step_sizes, timed_rows
from hwmap.solve.answer import claim_problem, loss_problem


def check_plan(plan: Plan, graph: Graph, board: Board, budget: Budget, max_loss: float) -> None:
    """Pass if `plan` runs `graph` (rewritten with the plan's choices) within the budget, in the
    cycles it states.

    Raises:
        PlanError: the first promise that it breaks.
    """
    network = network_of(graph)
    problem = (
        engine_problem(plan.engine, board.bus_bytes)
        or _resource_problem(plan, network.graph, board, budget)
        or _steps_problem(plan, network)
        or _arena_problem(plan, network)
        or _constants_problem(plan, network)
        or _number_problem(plan, network, max_loss)
    )
    if problem:
        raise PlanError(f"plan of '{plan.network}' for '{plan.board}': {problem}")


def _target(step: Step, graph: Graph) -> str:
    """The tensor whose rows a step makes, or sends."""
    return graph.op(step.name).output if step.kind == "run" else step.name


def _steps_problem(plan: Plan, network: Network) -> str | None:
    """Every step is known and numbered, makes rows and words that there are, and loads and stores
    pass every row once, in order."""
    graph = network.graph
    runs: dict[tuple[str, str, int, int], int] = {}
    streamed: dict[tuple[str, str], int] = {}
    for index, step in enumerate(plan.steps):
        known = {
            "load": graph.inputs,
            "store": graph.outputs,
            "run": graph.by_name,
            "spill": graph.tensors,
            "reload": graph.tensors,
        }[step.kind]
        if step.name not in known:
            return (
                f"step {index} is a {step.kind} of '{step.name}', which the network does not have"
            )
        name = _target(step, graph)
        rows, words = graph.shape(name)[1], network.layouts[name].words
        ranges = 0 <= step.first_row < step.last_row <= rows
        if not ranges or not 0 <= step.first_word < step.last_word <= words:
            return f"step {index} ('{step.name}') makes rows or words that '{name}' does not have"
        if step.kind == "run" and not _is_part(step.name, step.first_word, step.last_word, network):
            return f"step {index} ('{step.name}') makes words that cannot be made alone"
        key = (step.kind, step.name, step.first_row, step.first_word)
        if step.instance != runs.get(key, 0):
            return f"step {index} ('{step.name}') is numbered {step.instance}"
        runs[key] = step.instance + 1
        if step.kind in ("load", "store"):
            at = streamed.get((step.kind, step.name), 0)
            if step.first_row != at or (step.first_word, step.last_word) != (0, words):
                return f"step {index}: '{step.name}' does not go on with row {at}"
            streamed[step.kind, step.name] = step.last_row
    for kind, names in (("load", graph.inputs), ("store", graph.outputs)):
        for name in names:
            if streamed.get((kind, name)) != graph.shape(name)[1]:
                return f"'{name}' has no {kind} step for some of its rows"
    return _stream_problem(plan) or _dram_problem(plan, network)


def _is_part(name: str, first_word: int, last_word: int, network: Network) -> bool:
    """Whether an op can make these words of its pixels alone: all, or some, of whole groups, on the
    array."""
    op = network.graph.by_name.get(name)
    if not isinstance(op, HardwareOp):
        return False
    if not 0 <= first_word < last_word <= network.layouts[op.output].words:
        return False
    for sweep in network.sweeps[name]:
        start = max(first_word - sweep.target_word, 0)
        end = min(last_word - sweep.target_word, sweep.groups * sweep.words)
        whole = (start, end) == (0, sweep.groups * sweep.words) or start >= end
        if not whole and not (sweep.matrix and is_part(sweep, start, end)):
            return False
    return True


def _stream_problem(plan: Plan) -> str | None:
    """One tensor after the other passes a port."""
    for kind in ("load", "store"):
        names = [step.name for step in plan.steps if step.kind == kind]
        runs = [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]
        if len(set(runs)) != len(runs):
            return f"the {kind} steps of two tensors are mixed"
    return None


def _dram_problem(plan: Plan, network: Network) -> str | None:
    """What comes back from DRAM has gone there before, in the same image, as whole rows."""
    waiting: set[tuple[str, int]] = set()
    for index, step in enumerate(plan.steps):
        if step.kind not in THROUGH_DRAM:
            continue
        if not plan.engine.spills:
            return f"step {index} is a {step.kind}, and the engine has no port for it"
        if (step.first_word, step.last_word) != (0, network.layouts[step.name].words):
            return f"step {index} ('{step.name}') is a {step.kind} of a part of its rows"
        rows = {(step.name, row) for row in range(step.first_row, step.last_row)}
        if step.kind == "spill":
            waiting |= rows
        elif not rows <= waiting:
            return f"step {index} reloads rows of '{step.name}' that were not spilled before"
    return None


def _reads(step: Step, network: Network) -> Iterator[tuple[str, int]]:
    """The rows that a step reads."""
    graph = network.graph
    if step.kind in ("store", "spill"):
        yield from ((step.name, row) for row in range(step.first_row, step.last_row))
    if step.kind == "run":
        op = graph.op(step.name)
        for position, name in enumerate(op.inputs):
            wanted = range(step.first_row, step.last_row)
            yield from ((name, row) for row in sorted(rows_read(op, graph, position, wanted)))


def _space(item: Retention, row: int, network: Network) -> slice:
    width = network.row_words(item.tensor)
    start = item.address_words + (row - item.first_row) * width
    return slice(start, start + width)


def _arena_problem(plan: Plan, network: Network) -> str | None:
    """Every step finds its rows where they were written, and overwrites nothing that is kept."""
    graph = network.graph
    for item in plan.retentions:
        if item.tensor not in graph.tensors:
            return f"keeps '{item.tensor}', which the network does not have"
        if not 0 <= item.start_step < item.end_step <= len(plan.steps):
            return f"keeps rows of '{item.tensor}' from step {item.start_step} to {item.end_step}"
        if not 0 <= item.first_row < item.last_row <= graph.shape(item.tensor)[1]:
            return f"keeps rows that '{item.tensor}' does not have"
        end = _space(item, item.last_row - 1, network).stop
        if item.address_words < 0 or end > plan.arena_words:
            return f"'{item.tensor}' at {item.address_words}..{end} is outside the arena"
    reloaded = {item for item in plan.retentions if plan.steps[item.start_step].kind == "reload"}
    content = np.full(plan.arena_words, -1, np.int64)
    begins: dict[int, list[tuple[int, Retention]]] = {}
    for number, item in enumerate(plan.retentions):
        begins.setdefault(item.start_step, []).append((number, item))
    kept: list[tuple[int, Retention]] = []
    taken = np.zeros(plan.arena_words, np.int32)
    for index, step in enumerate(plan.steps):
        for _, item in kept:
            if item.end_step == index:
                taken[_whole(item, network)] -= 1
        kept = [(number, item) for number, item in kept if item.end_step > index]
        for number, item in begins.get(index, ()):
            taken[_whole(item, network)] += 1
            kept.append((number, item))
            if (taken[_whole(item, network)] > 1).any():
                return f"step {index} ('{step.name}'): '{item.tensor}' overlaps another tensor"
        problem = _step_problem(index, step, kept, content, reloaded, network)
        if problem:
            return problem
    return None


def _whole(item: Retention, network: Network) -> slice:
    first = _space(item, item.first_row, network)
    return slice(first.start, _space(item, item.last_row - 1, network).stop)


def _step_problem(
    index: int,
    step: Step,
    kept: Sequence[tuple[int, Retention]],
    content: np.ndarray,
    reloaded: Set[Retention],
    network: Network,
) -> str | None:
    where: dict[tuple[str, int], tuple[int, Retention]] = {}
    for number, item in kept:
        for row in range(item.first_row, item.last_row):
            # A row that comes back while it is still there: the later copy counts.
            before = where.get((item.tensor, row))
            if before is not None and (
                item not in reloaded or before[1].start_step == item.start_step
            ):
                return f"step {index} ('{step.name}'): two copies of a row are kept at once"
            where[item.tensor, row] = number, item
    for name, row in _reads(step, network):
        found = where.get((name, row))
        if found is None or (content[_space(found[1], row, network)] != found[0]).any():
            return f"step {index} ('{step.name}') reads row {row} of '{name}', not on chip"
    if step.kind in ("store", "spill"):
        return None
    name = _target(step, network.graph)
    pixel, columns = network.layouts[name].words, network.graph.shape(name)[2]
    for row in range(step.first_row, step.last_row):
        found = where.get((name, row))
        if found is None:
            return f"step {index} ('{step.name}') writes row {row} of '{name}', which has no place"
        pixels = content[_space(found[1], row, network)].reshape(columns, pixel)
        pixels[:, step.first_word : step.last_word] = found[0]
    return None


def _constants_problem(plan: Plan, network: Network) -> str | None:
    """Every step finds its constants, as they were fetched."""
    engine = plan.engine
    if len(plan.fetched_words) != len(plan.steps) or min(plan.fetched_words, default=0) < 0:
        return "does not say for every step how many words are fetched"
    ratio = engine.port_bytes // engine.bus_bytes
    content = np.full(plan.constant_words * ratio, -1, np.int64)
    queue: list[tuple[int, int, Held]] = []
    for number, item in enumerate(plan.held):
        if not _is_part(item.name, item.first_word, item.last_word, network):
            return f"holds constants of '{item.name}', or of words, that the network does not have"
        size = constant_words(network, item.name, item.first_word, item.last_word, engine)
        if item.address_words < 0 or item.address_words + size > plan.constant_words:
            return f"the constants of '{item.name}' are outside their memory"
        if item.start_step < 0:
            content[item.address_words * ratio : (item.address_words + size) * ratio] = number
        else:
            queue += [
                (number, item.address_words * ratio + word, item) for word in range(size * ratio)
            ]
    at = 0
    for index, step in enumerate(plan.steps):
        key = (step.name, step.first_word, step.last_word)
        if step.kind == "run":
            size = constant_words(network, *key, engine)
            if size and not _is_held(plan, content, index, size * ratio):
                return f"step {index} ('{step.name}'): its constants are not on chip"
        for number, address, item in queue[at : at + plan.fetched_words[index]]:
            if item.start_step > index:
                return f"step {index} fetches constants of '{item.name}' before their time"
            content[address] = number
        at += plan.fetched_words[index]
        overwritten = step.kind == "run" and size
        if overwritten and not _is_held(plan, content, index, size * ratio):
            return f"step {index} ('{step.name}'): its constants are overwritten while it runs"
    if at != len(queue):
        return f"{abs(len(queue) - at)} bus words of constants are not fetched, or too many"
    for number, item in enumerate(plan.held):
        size = constant_words(network, item.name, item.first_word, item.last_word, engine) * ratio
        own = content[item.address_words * ratio : item.address_words * ratio + size]
        if item.start_step < 0 and (own != number).any():
            return f"the constants of '{item.name}' are overwritten before the next image"
    return None


def _is_held(plan: Plan, content: np.ndarray, index: int, words: int) -> bool:
    """Whether the place that a step takes its constants from has them, all of them."""
    number = held_for(plan, index)
    if number is None:
        return False
    ratio = plan.engine.port_bytes // plan.engine.bus_bytes
    first = plan.held[number].address_words * ratio
    return bool((content[first : first + words] == number).all())


def _resource_problem(plan: Plan, graph: Graph, board: Board, budget: Budget) -> str | None:
    if min(plan.arena_words, plan.constant_words, plan.bound_cycles) < 0:
        return "a memory or a bound is negative"
    found = memories(plan.engine, plan.arena_words, plan.constant_words)
    size = sum(memory.size_bytes for memory in found)
    if size != plan.memory_bytes or size > budget.memory_bytes:
        return (
            f"memories take {size:,} bytes; the plan says {plan.memory_bytes:,}, the budget is"
            f" {budget.memory_bytes:,}"
        )
    least = least_weight(graph)
    if least < plan.engine.least_weight:
        return f"a weight is {least}; the engine multiplies {plan.engine.least_weight} or more"
    logic = engine_logic(plan.engine, board.dsp_slice)
    for what, taken, said, most in (
        ("DSP slices", plan.engine.dsp, plan.dsp, budget.dsp),
        ("LUTs", logic.lut, plan.lut, budget.lut),
        ("flip-flops", logic.ff, plan.ff, budget.ff),
    ):
        if taken != said or said > most:
            return (
                f"the engine takes {taken:,} {what}; the plan says {said:,}, the budget is {most:,}"
            )
    movable = [memory.name for memory in found if not memory.block_ram_only]
    wrong = [name for name in plan.in_uram if name not in movable]
    if wrong or len(set(plan.in_uram)) != len(plan.in_uram):
        return f"'{(wrong or plan.in_uram)[0]}' cannot be in URAM, or is named twice"
    use = blocks_used(found, plan.in_uram)
    if use.bram18 > budget.bram18 or use.uram > budget.uram:
        return f"memories do not fit {budget.bram18} BRAM18 and {budget.uram} URAM"
    return None


def _number_problem(plan: Plan, network: Network, max_loss: float) -> str | None:
    """Cycles and loss are what the steps and choices add up to; a row holds its lists."""
    engine = plan.engine
    sizes = [step_sizes(step, network, engine) for step in plan.steps]
    ratio = engine.port_bytes // engine.bus_bytes
    arriving = []
    for item in plan.held:
        key = (item.name, item.first_word, item.last_word)
        words = constant_words(network, *key, engine) * ratio
        if item.start_step >= 0 and words:
            arriving.append(Segment(item.address_words * ratio, words))
    timed = [row for rows in timed_rows(sizes, plan.fetched_words, arriving) for row in rows]
    for row in timed:
        lists = (row.size.source_rows, row.size.target_rows)
        if max(lists) > MOST_ROWS or len(row.fetched) > MOST_SEGMENTS:
            return f"a step has more than {MOST_ROWS} rows or {MOST_SEGMENTS} fetches"
    cycles = sum(row.cycles(engine) for row in timed)
    if cycles != plan.cycles:
        return f"the steps take {cycles:,} cycles; the plan says {plan.cycles:,}"
    if plan.tailored is not None and not 0 < plan.tailored.cycles <= cycles:
        return f"an engine of its own would take {plan.tailored.cycles:,} cycles"
    return claim_problem(plan.status, plan.cycles, plan.bound_cycles) or loss_problem(
        plan.choices, plan.loss, max_loss
    )
