"""LUTs of blocks: the models are complete, and grow with the sizes."""

import re
from pathlib import Path

import pytest

from hwmap.board import load_board
from hwmap.logic import MODELS, Logic
from hwmap.sequential.engine import Engine
from hwmap.sequential.logic import engine_blocks, engine_logic
from tests.bench.luts import streaming_blocks

VERILOG_FOLDER = Path(__file__).parent / "bench" / "verilog"
VERILOG = (VERILOG_FOLDER / "blocks.v").read_text("utf-8")


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_has_its_block_in_verilog_with_the_same_sizes(name: str):
    head = re.search(rf"^module {name} #\((.*?)\) \(", VERILOG, re.MULTILINE | re.DOTALL)
    sizes = [size.lower() for size in re.findall(r"parameter (\w+)", head[1])]

    code = MODELS[name].__code__

    assert set(code.co_varnames[: code.co_argcount]) <= set(sizes)


def test_an_engine_is_more_than_its_blocks():
    engine = Engine(16, 16, 32, 16, 64, 8, 32)

    blocks = sum((block.logic for block in engine_blocks(engine, "DSP48E1")), Logic(0, 0))

    whole = engine_logic(engine, "DSP48E1")
    assert 0 < blocks.lut < whole.lut
    assert 0 < blocks.ff < whole.ff


@pytest.mark.parametrize("field", ["pe", "simd", "vector_lanes", "requant_lanes"])
def test_a_larger_engine_takes_more(field: str):
    sizes = {"pe": 16, "simd": 16, "vector_lanes": 16, "requant_lanes": 8}
    sizes |= {"port_bytes": 16, "bus_bytes": 8, "stripe": 32}

    small = engine_logic(Engine(**sizes), "DSP48E2")
    large = engine_logic(Engine(**sizes | {field: 2 * sizes[field]}), "DSP48E2")

    assert large.lut > small.lut
    assert large.ff > small.ff


def test_the_largest_engine_of_a_small_board_fits_its_luts():
    board = load_board("pynq-z2")

    assert engine_logic(Engine(16, 16, 16, 16, 64, 8, 64), board.dsp_slice).lut < board.lut / 2


def test_logic_adds_up():
    assert Logic(1, 2) + Logic(3, 4).times(2) == Logic(7, 10)


def test_streaming_blocks_have_their_verilog_with_the_same_sizes():
    text = (VERILOG_FOLDER / "streaming.v").read_text("utf-8")
    heads = {
        name: {size.lower() for size in re.findall(r"parameter (\w+)", head)}
        for name, head in re.findall(r"^module (\w+) #\((.*?)\) \(", text, re.M | re.S)
    }

    assert all(sizes.keys() <= heads[name] for name, sizes, _ in streaming_blocks())
