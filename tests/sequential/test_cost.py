"""Cost formulas against their definitions, and memory against the data sheets."""

from pathlib import Path

import pytest

from hwmap.blocks import Memory, place
from hwmap.compiler import load_source
from hwmap.sequential.engine import Engine, op_cost, shape_of, sweep_cost
from hwmap.sequential.memory import EngineMemory
from tests.models import ModelBuilder

ENGINE = Engine(pe=4, simd=8, vector_lanes=8, requant_lanes=2, bus_bytes=8)


def _cost(net: ModelBuilder, tmp_path: Path, engine: Engine = ENGINE):
    graph = load_source(net.save(tmp_path / "net.onnx", "out"))
    return op_cost(graph.op("out"), graph, engine)


def _sweep(net: ModelBuilder, tmp_path: Path):
    graph = load_source(net.save(tmp_path / "net.onnx", "out"))
    shape = shape_of(graph.op("out"), graph)
    return sweep_cost(shape.sweeps[0], shape, ENGINE)


def test_a_convolution_takes_the_cycles_of_the_folding_formula(tmp_path: Path):
    net = ModelBuilder((8, 10, 10))
    net.conv("x", (8, 16), (3, 3), name="out", pads=[1] * 4)

    cost = _cost(net, tmp_path)

    # H * W * (C_out / PE) * K_h * (K_w * C_in / SIMD), and the last block leaves in PE / 2 trips.
    assert cost.trips == 10 * 10 * 4 * 9 + 2
    assert cost.weight_words * ENGINE.weight_word_bytes == 8 * 16 * 9
    assert cost.channel_words == 16 // 2
    assert cost.fetch_words * 8 == 8 * 16 * 9 + 16 * 8


def test_a_row_of_a_window_is_read_as_one_run(tmp_path: Path):
    net = ModelBuilder((3, 10, 10))
    net.conv("x", (3, 4), (3, 3), name="out")

    # Three rows of 9 bytes: two words of 8 each, not three words of 3 channels each.
    assert _sweep(net, tmp_path).words == 3 * 2


def test_results_that_leave_slower_than_they_are_made_set_the_period(tmp_path: Path):
    net = ModelBuilder((8, 4, 4))
    net.conv("x", (8, 16), (1, 1), name="out")

    cost = _sweep(net, tmp_path)

    assert (cost.words, cost.drains, cost.period) == (1, 2, 2)


def test_a_linear_layer_reads_the_map_as_one_run(tmp_path: Path):
    net = ModelBuilder((3, 4, 4))
    net.gemm(net.node("Flatten", "x", name="flat"), (48, 10), name="out")

    cost = _cost(net, tmp_path)

    assert cost.trips == 3 * 6 + 2


def test_depthwise_and_pooling_use_the_vector_lanes(tmp_path: Path):
    net = ModelBuilder((12, 6, 6))
    a = net.conv("x", (12, 12), (3, 3), name="a", group=12)
    net.node("MaxPool", a, name="out", kernel_shape=[2, 2], strides=[2, 2])
    graph = load_source(net.save(tmp_path / "net.onnx", "out"))

    depthwise = op_cost(graph.op("a"), graph, ENGINE)
    pool = op_cost(graph.op("out"), graph, ENGINE)

    assert depthwise.trips == 16 * 2 * 9 + 4
    assert depthwise.weight_words == -(-2 * 9 * 8 // 32)
    assert pool.trips == 4 * 2 * 4 + 4
    assert pool.fetch_words == 0


def test_two_products_share_a_dsp_slice():
    assert ENGINE.multipliers == 4 * 8 + 8
    assert ENGINE.dsp == 4 // 2 * 8 + 8 + 2 * 2
    assert Engine(1, 8, 8, 1, 8).dsp == 8 + 8 + 2


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


def test_the_engine_holds_a_row_beyond_either_end_of_the_arena():
    memories = EngineMemory(17, 3, 2).memories(ENGINE, tables=2)

    sizes = {memory.name: memory.size_bytes for memory in memories}

    assert sizes == {
        "arena": 5 * 8,
        "weights": 3 * 32,
        "channels": 2 * 16,
        "fetch FIFO": 64 * 8,
        "tables": 2 * 256 * 2,
    }
