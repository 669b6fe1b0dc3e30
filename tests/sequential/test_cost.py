"""Cost formulas against their definitions, and memory against the data sheets."""

from pathlib import Path

import pytest

from hwmap.blocks import Memory, place
from hwmap.board import budget_of, load_board
from hwmap.compiler import load_source
from hwmap.ir.graph import hardware_ops
from hwmap.sequential.engine import Engine, SweepCost
from hwmap.sequential.geometry import Axis, passes_of
from hwmap.sequential.layout import aligned, layouts_of
from hwmap.sequential.memory import memories
from hwmap.sequential.solve.engines import Grid, engines_of
from hwmap.sequential.sweeps import sweeps_of
from tests.models import ModelBuilder, everything, everything_else

ENGINE = Engine(8, 16, 8, 2, 16, 8, 32)


def _costs(net: ModelBuilder, tmp_path: Path, name: str = "out") -> list[SweepCost]:
    graph = aligned(load_source(net.save(tmp_path / "net.onnx", "out")))
    sweeps = sweeps_of(graph.op(name), graph, layouts_of(graph))
    return [SweepCost(sweep, ENGINE) for sweep in sweeps]


def test_a_convolution_takes_its_terms_times_its_pixels(tmp_path: Path):
    net = ModelBuilder((16, 10, 10))
    net.conv("x", (16, 16), (3, 3), name="out", pads=[1] * 4)

    (cost,) = _costs(net, tmp_path)

    # 100 pixels are stripes of 25; weights of a term come in 8 trips, those of a block's channels
    # in 4; two blocks, and the results of the last one leave 2 by 2.
    assert (cost.terms, cost.weight_words, cost.channel_words) == (9, 8, 4)
    assert [(chunk.pixels, chunk.count) for chunk in cost.chunks] == [(25, 4)]
    assert cost.trips == 8 + 4 * 2 * max(9 * 25, 25 * 4) + 25 * 4
    assert cost.constant_words * ENGINE.port_bytes == 16 * 16 * 9 + 16 * 8


def test_few_pixels_wait_for_their_weights(tmp_path: Path):
    net = ModelBuilder((16, 1, 1))
    net.conv("x", (16, 8), (1, 1), name="out")

    (cost,) = _costs(net, tmp_path)

    assert cost.trips == 8 + (8 + 4) + 4


def test_a_row_of_a_window_is_read_as_one_run(tmp_path: Path):
    net = ModelBuilder((3, 10, 10))
    net.conv("x", (3, 8), (3, 3), name="out")

    (cost,) = _costs(net, tmp_path)

    # A pixel is a word, whatever it has of it: three rows of three words, two words at a time.
    assert cost.terms == 3 * 2


def test_results_that_leave_slower_than_they_are_made_set_the_pace(tmp_path: Path):
    net = ModelBuilder((8, 4, 4))
    net.conv("x", (8, 16), (1, 1), name="out")

    (cost,) = _costs(net, tmp_path)

    assert cost.trips == 8 + 2 * 16 * 4 + 16 * 4


def test_a_depthwise_window_reads_each_column_once_for_a_row(tmp_path: Path):
    net = ModelBuilder((12, 6, 6))
    a = net.conv("x", (12, 12), (3, 3), name="a", group=12)
    net.node("MaxPool", a, name="out", kernel_shape=[2, 2], strides=[2, 2])

    (depthwise,) = _costs(net, tmp_path, "a")
    (pool,) = _costs(net, tmp_path)

    # Rows of 4 pixels: 6 columns for each row of the window, and 3 more trips for the last sum.
    assert depthwise.chunks[0].reads == 6
    assert depthwise.trips == 2 + 4 * 2 * (max(6, 2 + 4) + 6 + 6 + 3) + 4 * 4
    assert pool.trips == 2 * 2 * (4 + 4 + 3) + 2 * 4
    assert pool.constant_words == 0


@pytest.mark.parametrize(
    ("columns", "passes"),
    [(1, (1, 1, 1)), (2, (1, 2, 2)), (3, (1, 3, 3)), (4, (2, 3, 1)), (5, (2, 3, 2)), (7, (3, 3, 2)),
     (8, (4, 2, 2))],
)  # fmt: skip
def test_wide_windows_are_several_passes(columns: int, passes: tuple[int, int, int]):
    found = passes_of(Axis(4, 0, 1, 1, columns, 1, 0, 20))

    assert (found.count, found.taps) == passes[:2]
    covered = {
        start * found.step + tap for start in range(found.count) for tap in range(found.taps)
    }
    assert covered == set(range(columns))


@pytest.mark.parametrize("name", ["everything", "everything_else"])
def test_many_engines_at_once_cost_what_each_costs(name: str, tmp_path: Path):
    net = {"everything": everything, "everything_else": everything_else}[name]()
    graph = aligned(load_source(net.save(tmp_path / "net.onnx", "out")))
    layouts = layouts_of(graph)
    board = load_board("kv260")
    grid = Grid(engines_of(board, budget_of(board))[::97])

    for op in hardware_ops(graph):
        for sweep in sweeps_of(op, graph, layouts):
            costs = [SweepCost(sweep, engine) for engine in grid.engines]
            assert [cost.trips for cost in costs] == grid.trips(sweep).tolist(), op
            words = [cost.constant_words for cost in costs]
            assert words == grid.constant_words(sweep).tolist(), op


def test_two_products_share_a_dsp_slice():
    assert ENGINE.multipliers == 8 * 16 + 3 * 8
    assert ENGINE.dsp == 8 // 2 * 16 + 3 * 8 + 2 * 2


@pytest.mark.parametrize(
    ("width", "depth", "blocks"),
    [
        (36, 512, 1),
        (36, 513, 2),
        (18, 1024, 1),
        (9, 2048, 1),
        (8, 2048, 1),
        (72, 512, 2),
        (1, 1, 1),
    ],
)
def test_block_rams_have_the_shapes_of_the_data_sheet(width: int, depth: int, blocks: int):
    assert Memory("m", 1, width, depth).bram18 == blocks


def test_ultra_rams_are_4096_by_72():
    assert Memory("m", 3, 72, 4096).uram == 3
    assert Memory("m", 1, 73, 4097).uram == 4


def test_memories_move_to_ultra_ram_only_where_block_ram_is_full():
    memories = (Memory("a", 1, 72, 4096), Memory("b", 1, 36, 512))

    assert place(memories, bram18=100, uram=10).in_uram == ()
    assert place(memories, bram18=2, uram=10).in_uram == ("a",)
    assert place(memories, bram18=0, uram=2).in_uram == ("a", "b")
    assert place(memories, bram18=0, uram=1) is None


def test_the_arena_has_a_row_beyond_either_end():
    sizes = {memory.name: memory.size_bytes for memory in memories(ENGINE, 17, 3)}

    assert sizes == {"arena": (9 + 2) * 2 * 8, "constants": 3 * 16}
