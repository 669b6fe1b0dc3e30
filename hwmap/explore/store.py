"""What a sweep has found so far: one SQLite file, which a killed run leaves whole.

Every answer is a row, written at once; what is there is never written again. Runs on one store at
the same time find the same answers, and the first one to have one keeps it.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hwmap.errors import OutputError
from hwmap.explore.point import Built, Found, Job, Solved, Task
from hwmap.files.decode import decode
from hwmap.files.write import make_folder

FILE = "sweep.sqlite"
WAIT_SECONDS = 60.0
TABLES = """
CREATE TABLE IF NOT EXISTS made_of (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS losses (max_drop REAL PRIMARY KEY, loss REAL NOT NULL);
CREATE TABLE IF NOT EXISTS solved (task TEXT PRIMARY KEY, answer TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS points (number INTEGER PRIMARY KEY, point TEXT, task TEXT, plan TEXT);
CREATE TABLE IF NOT EXISTS job (value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS built (plan TEXT PRIMARY KEY, answer TEXT NOT NULL);
"""


def key_of(task: Task) -> str:
    """A task as text."""
    return json.dumps(asdict(task), sort_keys=True)


def digest(text: str) -> str:
    """A text in a few characters."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Store:
    """The answers in a folder."""

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self._path = folder / FILE
        try:
            self._file = sqlite3.connect(self._path, timeout=WAIT_SECONDS)
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.executescript(TABLES)
        except sqlite3.Error as error:
            raise OutputError(
                f"{self._path}: not a store of a sweep ({error}); give a new directory with -o"
            ) from error

    def made_of(self) -> dict[str, str]:
        """What the answers depend on, by name; empty for a new store."""
        return dict(self._file.execute("SELECT name, value FROM made_of ORDER BY name"))

    def begin(self, made_of: Mapping[str, str]) -> None:
        """Say what the answers depend on; what is said already must be the same, and but for boards
        nothing new comes to it.

        Raises:
            OutputError: it is not; all that differs is named.
        """
        found = self.made_of()
        wrong = [
            f"{name} is {value}, was {found.get(name, 'not known')}"
            for name, value in made_of.items()
            if found and found.get(name, value if name.startswith("board ") else None) != value
        ]
        if wrong:
            raise OutputError(
                f"{self._path}: was made of something else: {'; '.join(wrong)}; give a new"
                " directory with -o"
            )
        with self._file:
            self._file.executemany("INSERT OR IGNORE INTO made_of VALUES (?, ?)", made_of.items())

    def losses(self) -> dict[float, float]:
        """What limits on the drop mean for a plan, as far as that is known."""
        return dict(self._file.execute("SELECT max_drop, loss FROM losses"))

    def add_loss(self, max_drop: float, loss: float) -> None:
        """Keep what a limit means."""
        with self._file:
            self._file.execute("INSERT OR IGNORE INTO losses VALUES (?, ?)", (max_drop, loss))

    def solved(self, task: Task) -> Solved | None:
        """The answer to a task, if it is there."""
        text = self._one("SELECT answer FROM solved WHERE task = ?", key_of(task))
        found: Solved | None = None if text is None else self._read(Solved, text)
        return found

    def built(self, plan: str) -> Built | None:
        """What a plan is worth, if it is there."""
        text = self._one("SELECT answer FROM built WHERE plan = ?", digest(plan))
        found: Built | None = None if text is None else self._read(Built, text)
        return found

    def add_solved(self, task: Task, answer: Solved) -> None:
        """Keep an answer."""
        self._add("INSERT OR IGNORE INTO solved VALUES (?, ?)", key_of(task), answer)

    def add_built(self, plan: str, answer: Built) -> None:
        """Keep what a plan is worth."""
        self._add("INSERT OR IGNORE INTO built VALUES (?, ?)", digest(plan), answer)

    def finish(self, found: Sequence[Found], job: Job) -> None:
        """Keep the points of a sweep that is complete, instead of those of an earlier one."""
        rows = [
            (item.point.number, json.dumps(asdict(item.point)), key_of(item.task), item.plan)
            for item in found
        ]
        with self._file:
            self._file.execute("DELETE FROM points")
            self._file.execute("DELETE FROM job")
            self._file.executemany("INSERT INTO points VALUES (?, ?, ?, ?)", rows)
            self._file.execute("INSERT INTO job VALUES (?)", (json.dumps(asdict(job)),))

    def finished(self, number: int) -> tuple[Job, Task, str]:
        """The job, and the task and the plan of a point.

        Raises:
            OutputError: there is no such point, or it has no plan.
        """
        row = self._file.execute(
            "SELECT value, task, plan FROM job, points WHERE number = ?", (number,)
        ).fetchone()
        if row is None:
            (count,) = self._file.execute("SELECT count(*) FROM points").fetchone()
            expected = f"0 to {count - 1}" if count else "a sweep that is complete (--resume)"
            raise OutputError(f"{self._path}: has no point {number}; expected {expected}")
        if not row[2]:
            raise OutputError(f"{self._path}: point {number} has no plan; choose another one")
        job: Job = self._read(Job, row[0])
        task: Task = self._read(Task, row[1])
        return job, task, str(row[2])

    def close(self) -> None:
        """No more is asked."""
        self._file.close()

    def _one(self, query: str, key: str) -> str | None:
        row = self._file.execute(query, (key,)).fetchone()
        return None if row is None else str(row[0])

    def _add(self, statement: str, key: str, answer: Solved | Built) -> None:
        with self._file:
            self._file.execute(statement, (key, json.dumps(asdict(answer))))

    def _read(self, kind: Any, text: str) -> Any:
        try:
            return decode(kind, json.loads(text), kind.__name__)
        except (ValueError, RecursionError) as error:
            raise OutputError(f"{self._path}: is damaged ({error}); remove it") from error
