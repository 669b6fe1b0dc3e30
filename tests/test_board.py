"""Boards and budgets."""

import pytest

from hwmap.board import board_names, budget_of, load_board, parse_bytes
from hwmap.errors import BudgetError


@pytest.mark.parametrize("name", board_names())
def test_a_built_in_board_is_complete(name: str):
    board = load_board(name)

    assert board.name == name
    assert board.bus_bytes * board.clock_mhz * 1e6 <= board.dram_bytes_per_second


def test_the_bus_is_no_wider_than_dram_is_fast():
    assert load_board("pynq-z2").bus_bytes == 8
    assert load_board("kv260").bus_bytes == 16
    assert load_board("u250").bus_bytes == 64


def test_a_budget_is_a_part_of_the_board():
    board = load_board("pynq-z2")

    assert budget_of(board).memory_bytes == 280 * 2304
    assert budget_of(board, dsp=10).dsp == 10
    with pytest.raises(BudgetError, match="board 'pynq-z2' has 220"):
        budget_of(board, dsp=221)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1000", 1000), ("2KiB", 2048), ("1.5MiB", 3 << 19), ("3 kb", 3000), ("1GiB", 1 << 30)],
)
def test_sizes_have_units(text: str, size: int):
    assert parse_bytes(text) == size
