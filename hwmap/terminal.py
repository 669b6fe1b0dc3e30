"""What a terminal shows while something is going on."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from hwmap.explore.sweep import Show
from hwmap.progress import Progress, quiet

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
    """The same for a sweep: how far it is, the time that is left, and what was found."""
    if silent or not err.is_terminal:
        yield quiet, lambda done, of, what: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, TimeRemainingColumn(), console=err, transient=True) as bar:
        whole = bar.add_task("starting", total=None)

        def show(done: int, of: int, what: str) -> None:
            bar.update(whole, completed=done, total=of, description="points")
            if what:
                bar.console.print(what, highlight=False)

        yield lambda text: bar.update(whole, description=text), show
