"""What a terminal shows of a sweep while it goes on."""

import io
import re

import pytest
from rich.console import Console

from hwmap import terminal
from hwmap.explore.point import Solved, Task
from hwmap.explore.sweep import News


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=120, height=10)
    monkeypatch.setattr(terminal, "err", console)
    return text


def _news(done: int) -> News:
    task = Task("kv260", 200, (done + 1) * 1024, 64 * done, 1000, 0.0, "streaming")
    return News("points", done, 8, task, Solved("optimal", 2_000, 1_000, "{}", "", 1.0))


def test_the_last_answers_and_how_far_it_is_are_shown(screen: io.StringIO):
    with terminal.sweep_line(silent=False) as (_, show):
        show(News("points", 0, 8))
        for done in range(1, 7):
            show(_news(done))
        before = screen.tell()
        show(News("designs", 3, 4))

    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue()[before:])
    assert "100,000.0" in text
    assert " 384 " in text, "the last answer"
    assert " 64 " not in text, "the first one, for which there is no room"
    assert re.search(r"designs.*3/4", text)


def test_nothing_is_shown_where_there_is_no_terminal(screen: io.StringIO):
    with terminal.sweep_line(silent=True) as (progress, show):
        progress("starting")
        show(_news(1))

    assert screen.getvalue() == ""
