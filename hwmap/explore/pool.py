"""Where tasks run: processes of this machine, or the workers of a Dask cluster."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from hwmap.errors import BudgetError, SimulationError

RETRIES = 10
"""How often a task is given to another worker of a cluster, if the one that had it is gone."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Pool(Protocol):
    """Something that runs tasks."""

    def run(
        self, work: Callable[[Item], Answer], items: Sequence[Item]
    ) -> Iterator[tuple[Item, Answer]]:
        """Each item with its answer, as they come."""

    def close(self) -> None:
        """No more tasks."""


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes that are begun meanwhile ignore Ctrl-C, which reaches every process of a terminal:
    the one that has asked them ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Processes:
    """As many processes as there are cores, or `jobs`."""

    def __init__(self, jobs: int | None) -> None:
        if jobs is not None and not 1 <= jobs <= 1024:
            raise BudgetError(f"{jobs} jobs; give a number from 1 to 1,024")
        # Threads of several processes would wait for one another.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        self._executor = ProcessPoolExecutor(
            jobs or len(os.sched_getaffinity(0)),
            mp_context=multiprocessing.get_context("spawn"),
        )

    def run(
        self, work: Callable[[Item], Answer], items: Sequence[Item]
    ) -> Iterator[tuple[Item, Answer]]:
        """Each item with its answer, as they come.

        Raises:
            SimulationError: a process was killed.
        """
        with _deaf_children():
            futures = {self._executor.submit(work, item): item for item in items}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise SimulationError(
                "a process of the sweep was killed (is there enough memory?); go on with --resume,"
                " and fewer --jobs"
            ) from error

    def close(self) -> None:
        """Ends the processes; what has not begun is left."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        for process in list((self._executor._processes or {}).values()):
            process.terminate()


class Cluster:
    """The workers of a Dask cluster."""

    def __init__(self, address: str) -> None:
        try:
            import distributed
        except ImportError as error:
            raise BudgetError(
                "a cluster needs Dask; install hwmap[cluster] here and on its workers"
            ) from error
        self._distributed: Any = distributed
        try:
            self._client = self._distributed.Client(address, timeout=10)
        except (OSError, ValueError) as error:
            raise BudgetError(
                f"cluster '{address}': cannot be reached ({error}); expected, for example,"
                " tcp://127.0.0.1:8786"
            ) from error

    def run(
        self, work: Callable[[Item], Answer], items: Sequence[Item]
    ) -> Iterator[tuple[Item, Answer]]:
        """Each item with its answer, as they come; what a lost worker had begun is begun again."""
        futures = {
            self._client.submit(work, item, pure=False, retries=RETRIES): item for item in items
        }
        for future in self._distributed.as_completed(futures):
            yield futures[future], future.result()

    def close(self) -> None:
        """Leaves the cluster."""
        self._client.close()
