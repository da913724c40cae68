"""Worker: one thread beside the executor's, for what takes long; how much may wait is bounded."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from mtml_ros.core.errors import MtmlError

MAX_WAITING = 8
"""Jobs that may wait beside the update."""

Job = Callable[[], Any]


class BusyError(MtmlError):
    """So much waits already that a job was refused."""


class Worker:
    """Runs jobs one after another: first those that were submitted, then the update.

    Of updates one waits at most, so that late work never piles up and nobody's job waits behind
    more than what runs.
    A job can't be cut off in the middle of a torch operation, so `stop` waits for it a while and
    then leaves it to itself: it has to ask `stopping` before it shows its result.
    """

    def __init__(self, name: str) -> None:
        self._jobs: deque[tuple[str, Job, Future[Any]]] = deque()
        self._update: tuple[str, Job, Future[Any]] | None = None
        self._forced = False
        self._running: tuple[str, float] | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.stopping = False
        self._thread.start()

    @property
    def running(self) -> str:
        """What runs and since when, in words; empty where nothing does."""
        running = self._running
        return "" if running is None else f"{running[0]} for {time.monotonic() - running[1]:.1f} s"

    def submit(self, name: str, job: Job) -> Future[Any]:
        """Queues a job. Raises BusyError where MAX_WAITING wait, RuntimeError once stopped."""
        with self._changed:
            self._refuse_if_stopped()
            if len(self._jobs) >= MAX_WAITING:
                raise BusyError(f"busy: {MAX_WAITING} requests wait already; ask again later")
            entry = name, job, Future[Any]()
            self._jobs.append(entry)
            self._changed.notify()
            return entry[2]

    def request_update(self, job: Job, forced: bool = False) -> Future[Any]:
        """Asks for an update; one that waits to start already is shared.

        forced: the job is to be run where a waiting one would be content with nothing to do.
        """
        with self._changed:
            self._refuse_if_stopped()
            if self._update is None:
                self._update, self._forced = ("a segmentation", job, Future[Any]()), forced
            elif forced and not self._forced:
                self._update, self._forced = (*self._update[:1], job, self._update[2]), True
            self._changed.notify()
            return self._update[2]

    def _refuse_if_stopped(self) -> None:
        if self.stopping:
            raise RuntimeError("the worker has been stopped")

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self.stopping or self._jobs or self._update is not None
                )
                if self.stopping:
                    return
                if self._jobs:
                    name, job, future = self._jobs.popleft()
                else:
                    assert self._update is not None
                    name, job, future = self._update
                    self._update, self._forced = None, False
                self._running = name, time.monotonic()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(job())
                except BaseException as error:
                    future.set_exception(error)
            self._running = None

    def stop(self, timeout: float) -> bool:
        """Drops the jobs that have not started, waits for the one that has, at most `timeout` s.

        Returns whether the thread is idle; if not, it ends by itself after its job.
        """
        with self._changed:
            self.stopping = True
            dropped = [*self._jobs, *([self._update] if self._update is not None else [])]
            self._jobs.clear()
            self._update = None
            self._changed.notify()
        for _, _, future in dropped:
            future.cancel()
            future.set_running_or_notify_cancel()
        self._thread.join(timeout)
        return not self._thread.is_alive()
