"""Worker: one thread beside the executor's, for what takes long."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Worker:
    """Runs jobs one after another.

    A job can't be cut off in the middle of a torch operation, so `stop` waits for it a while and
    then leaves it to itself: it has to ask `stopping` before it shows its result.
    """

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._update: Future[Any] | None = None
        self._jobs: list[Future[Any]] = []
        self.stopping = False

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Queues a job; RuntimeError once stopped."""
        future = self._pool.submit(job)
        self._jobs = [*(f for f in self._jobs if not f.done()), future]
        return future

    def request_update(self, job: Callable[[], None]) -> None:
        """Queues a job unless one like it waits to start already: late work never piles up."""
        if self._update is None or self._update.running() or self._update.done():
            self._update = self.submit(job)

    def stop(self, timeout: float) -> bool:
        """Drops the jobs that have not started, waits for the one that has, at most `timeout` s.

        Returns whether the thread is idle; if not, it ends by itself after its job.
        """
        self.stopping = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        return not concurrent.futures.wait(self._jobs, timeout).not_done
