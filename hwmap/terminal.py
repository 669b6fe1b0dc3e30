"""What a terminal shows while something is going on."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from hwmap.explore.sweep import News, Show
from hwmap.explore.table import Answer, answers_table
from hwmap.progress import Progress, quiet

TABLE_FRAME = 6
"""Lines around the rows of a table, and the bar below it."""
out = Console()
err = Console(stderr=True)


@contextmanager
def progress_line(*, silent: bool) -> Iterator[Progress]:
    """A line on standard error that says what is going on, where that is a terminal."""
    if silent or not err.is_terminal:
        yield quiet
        return
    with err.status("starting") as status:
        yield lambda text: status.update(text)


@contextmanager
def sweep_line(*, silent: bool) -> Iterator[tuple[Progress, Show]]:
    """The same for a sweep: a table of what was found, how far it is, and the time that is left."""
    if silent or not err.is_terminal:
        yield quiet, lambda news: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bar = Bar(*columns, TimeRemainingColumn(), console=err)
    whole = bar.add_task("starting", total=None)
    answers: list[Answer] = []
    with Live(bar, console=err, transient=True) as live:

        def show(news: News) -> None:
            bar.update(whole, description=news.what, completed=news.done, total=news.of)
            if news.task is not None and news.answer is not None:
                answers.append((news.task, news.answer))
            room = max(err.height - TABLE_FRAME, 1)
            live.update(Group(answers_table(answers[-room:]), bar) if answers else bar)

        yield lambda text: bar.update(whole, description=text), show
