"""Replays a plan and refuses one that lies. It shares no code with the solver."""

from math import floor

from hwmap.board import Board
from hwmap.errors import DeadlockError, GraphError, PlanError, SimulationError
from hwmap.ir.graph import Graph, hardware_ops
from hwmap.ir.ops import Concat, Conv, HardwareOp, Resize, Select, is_depthwise
from hwmap.solve.answer import claim_problem, loss_problem
from hwmap.solve.settings import Settings
from hwmap.streaming.cost import LUTRAM_SHARE
from hwmap.streaming.depths import steady_cycles
from hwmap.streaming.folding import Folding
from hwmap.streaming.network import Network, build_network
from hwmap.streaming.plan import Plan
from hwmap.streaming.recompute import streamed
from hwmap.streaming.units import LEAST_DEPTH, Feed
from hwmap.streaming.use import memory_bytes, network_cost, target_of


def check_plan(plan: Plan, graph: Graph, settings: Settings) -> None:
    """Pass if `plan` runs `graph` (rewritten with the plan's choices) within the budget, in the
    cycles it states.

    Raises:
        PlanError: the first promise that it breaks.
    """
    board = settings.board
    try:
        graph = streamed(graph, plan.recomputed)
        problem = _foldings_problem(plan, graph)
    except GraphError as error:
        problem = str(error)
    if problem is None:
        network = build_network(graph, {folding.op: folding for folding in plan.foldings})
        problem = (
            _depths_problem(plan, network)
            or _resource_problem(plan, network, graph, settings)
            or _dram_problem(plan, network, board)
            or _time_problem(plan, network)
            or claim_problem(plan.status, plan.cycles, plan.bound_cycles)
            or loss_problem(plan.choices, plan.loss, settings.max_loss)
        )
    if problem:
        raise PlanError(f"plan of '{plan.network}' for '{plan.board}': {problem}")


def _foldings_problem(plan: Plan, graph: Graph) -> str | None:
    """Every op has one folding, and it is a legal one."""
    names = [folding.op for folding in plan.foldings]
    ops = {op.name: op for op in hardware_ops(graph)}
    for name in ops:
        if names.count(name) != 1:
            return f"op '{name}' has {names.count(name)} foldings, expected 1"
    for folding in plan.foldings:
        if folding.op not in ops:
            return f"folds op '{folding.op}', which the network does not have"
        wrong = _folding_problem(folding, ops[folding.op], graph)
        if wrong:
            return f"op '{folding.op}': {wrong}"
    return None


def _folding_problem(folding: Folding, op: HardwareOp, graph: Graph) -> str | None:
    channels = graph.shape(op.inputs[0])[0]
    out, _, width = graph.shape(op.output)
    if not 1 <= folding.pe <= out:
        return f"PE={folding.pe}; expected 1 to {out}"
    if not (1 <= folding.pixels <= 2 * width and folding.pixels in (1, 2, 4)):
        return f"pixels={folding.pixels}; expected 1, 2 or 4 and a row of {width}"
    if isinstance(op, Concat) and op.axis == 0:
        sizes = [graph.shape(name)[0] for name in op.inputs]
        if any(size % folding.pe for size in sizes):
            return f"PE={folding.pe} does not divide the channels {sizes} of its inputs"
    if isinstance(op, Select | Resize) and folding.pixels != 1:
        return f"pixels={folding.pixels}; expected 1"
    rows, columns = (1, 2) if isinstance(op, Resize) else getattr(op, "kernel", (1, 1))
    if isinstance(op, Conv):
        shape = graph.constants[op.weight].values.shape
        rows, columns = shape[2] if is_depthwise(op, channels, out) else 1, shape[3]
        if not 1 <= folding.simd <= shape[1]:
            return f"SIMD={folding.simd}; expected 1 to {shape[1]}"
        split = op.groups > 1 and not is_depthwise(op, channels, out)
        if split and (shape[1] % folding.simd or (out // op.groups) % folding.pe):
            return f"PE={folding.pe} SIMD={folding.simd} do not divide the channels of a group"
    if folding.weights == "dram" and graph.shape(op.output)[1:] != (1, 1):
        return "its weights come from DRAM, though each is used more than once per image"
    if folding.constants not in ("lutram", "bram"):
        return f"its constants are in {folding.constants}; expected lutram or bram"
    if folding.taps not in (1, columns):
        return f"taps={folding.taps}; expected 1 or {columns}"
    if folding.rows != 1 and (folding.taps != columns or folding.rows != rows):
        return f"rows={folding.rows} of taps={folding.taps}; expected 1, or {rows} of {columns}"
    return None


def _depths_problem(plan: Plan, network: Network) -> str | None:
    """Every stream has a depth."""
    if len(plan.depths) != len(network.streams):
        return f"{len(plan.depths)} depths of FIFOs, expected {len(network.streams)}"
    for stream, depth in zip(network.streams, plan.depths, strict=True):
        if depth < LEAST_DEPTH:
            return (
                f"the FIFO of '{stream.tensor}' has {depth} words, expected {LEAST_DEPTH} or more"
            )
    return None


def _resource_problem(plan: Plan, network: Network, graph: Graph, settings: Settings) -> str | None:
    """It takes what it says, and no more than there is."""
    board, budget = settings.board, settings.budget
    target = target_of(graph, board, by_shifts=settings.by_shifts)
    cost = network_cost(network, plan.depths, graph, target)
    size = memory_bytes(cost)
    for what, stated, found, most in (
        ("DSP slices", plan.dsp, cost.dsp, budget.dsp),
        ("LUTs", plan.lut, cost.lut, budget.lut),
        ("LUTs of memory", plan.lutram, cost.lutram, floor(board.lut * LUTRAM_SHARE)),
        ("BRAM18", plan.bram18, cost.bram18, budget.bram18),
        ("URAM", plan.uram, cost.uram, budget.uram),
        ("flip-flops", plan.ff, cost.ff, budget.ff),
        ("bytes of memory", plan.memory_bytes, size, budget.memory_bytes),
    ):
        if stated != found:
            return f"states {stated:,} {what}, but takes {found:,}"
        if found > most:
            return f"takes {found:,} {what}, the budget is {most:,}"
    return None


def _dram_problem(plan: Plan, network: Network, board: Board) -> str | None:
    """Weights come from DRAM in words of the port, and all of an image in its time."""
    feeds = [kernel.unit for kernel in network.kernels if isinstance(kernel.unit, Feed)]
    for feed in feeds:
        if feed.word_bytes > board.bus_bytes or feed.word_bytes & (feed.word_bytes - 1):
            return f"words of {feed.word_bytes} bytes from DRAM; its port has {board.bus_bytes}"
    total = sum(feed.words * feed.word_bytes for feed in feeds)
    if total > plan.cycles * board.bus_bytes:
        return f"wants {total:,} bytes from DRAM in {plan.cycles:,} cycles"
    return None


def _time_problem(plan: Plan, network: Network) -> str | None:
    """Image after image takes the cycles that it states."""
    if network.trips != plan.cycles:
        return f"states {plan.cycles:,} cycles, its slowest kernel has {network.trips:,} trips"
    try:
        cycles = steady_cycles(network, plan.depths)
    except (DeadlockError, SimulationError) as error:
        return str(error)
    if cycles != plan.cycles:
        return f"states {plan.cycles:,} cycles, its FIFOs make it {cycles:,}"
    return None
