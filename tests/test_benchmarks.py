"""The page of benchmarks: sections of its own for each, replaced one by one."""

import re

from tests.bench import moves
from tests.bench.__main__ import BENCHMARKS, PAGE, section, with_section

ROWS = [{"nodes": 100, "us per move": "1.00"}]


def test_a_benchmark_replaces_its_section_and_nothing_else():
    page = PAGE.read_text("utf-8")

    after = with_section(page, "moves", section("moves", moves, ROWS))

    old, new = (text.split("## moves\n")[1].split("\n## ")[0] for text in (page, after))
    assert after.replace(new, old) == page
    assert "| nodes | us per move |\n|---|---|\n| 100 | 1.00 |" in new
    assert "python -m tests.bench moves" in new


def test_a_new_section_comes_where_the_list_of_benchmarks_has_it():
    after = with_section("# Page\n", "speed", "## speed\n\na\n")
    after = with_section(after, "integer", "## integer\n\nb\n")

    assert after == "# Page\n\n## integer\n\nb\n\n## speed\n\na\n"


def test_every_section_of_the_page_is_a_benchmark_and_says_what_it_is():
    sections = re.findall(r"^## (.*)\n\n(.*)\n", PAGE.read_text("utf-8"), re.MULTILINE)

    assert sections
    for name, title in sections:
        assert title == BENCHMARKS[name].__doc__.strip().splitlines()[0]
