"""Axes as users write them."""

import pytest

from hwmap.errors import BudgetError
from hwmap.explore.axes import parse_counts, parse_drops, parse_names, parse_sizes

KIB = 1024


def test_lists_and_ranges():
    assert parse_sizes("0.5:1:0.25MiB") == (512 * KIB, 768 * KIB, 1024 * KIB)
    assert parse_sizes("64KiB, 1MiB,64KiB") == (64 * KIB, 1024 * KIB)
    assert parse_sizes("4KiB:8KiB:2KiB") == (4 * KIB, 6 * KIB, 8 * KIB)
    assert parse_counts("512,128:384:128") == (128, 256, 384, 512)
    assert parse_drops("0:1:0.25,2") == (0, 0.25, 0.5, 0.75, 1, 2)
    assert parse_names("kv260, pynq-z2,kv260") == ("kv260", "pynq-z2")


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_sizes, "1:2MiB"),
        (parse_sizes, "much"),
        (parse_sizes, ""),
        (parse_counts, "1.5"),
        (parse_counts, "4:1:1"),
        (parse_counts, "1:4:0"),
        (parse_counts, "1:4:-1"),
        (parse_counts, "0:100000:1"),
        (parse_drops, "a"),
        (parse_drops, "-1"),
        (parse_drops, "nan"),
        (parse_drops, "0:inf:1"),
    ],
)
def test_what_is_no_axis_is_refused(parse, text: str):
    with pytest.raises(BudgetError):
        parse(text)
