"""Worker: jobs in order, late updates never pile up, and a slow job cannot hold up the end."""

import concurrent.futures
import threading
import time

import pytest

from mtml_ros.ros.worker import Worker


def test_jobs_run_in_order_on_one_thread():
    worker = Worker("test")
    seen = []
    jobs = [worker.submit(lambda i=i: seen.append((i, threading.get_ident()))) for i in range(20)]
    concurrent.futures.wait(jobs, 10)
    assert [i for i, _ in seen] == list(range(20))
    assert len({thread for _, thread in seen}) == 1
    assert worker.stop(5.0)


def test_while_one_update_runs_only_one_more_waits():
    worker, go, count = Worker("test"), threading.Event(), []

    def update():
        go.wait(10)
        count.append(1)

    worker.request_update(update)
    end = time.monotonic() + 10
    while not worker._update.running() and time.monotonic() < end:
        time.sleep(0.001)
    for _ in range(100):
        worker.request_update(update)
    go.set()
    worker.submit(lambda: None).result(10)
    assert len(count) == 2
    assert worker.stop(5.0)


def test_stopping_drops_what_has_not_started_and_leaves_a_slow_job_behind():
    worker, started, go = Worker("test"), threading.Event(), threading.Event()
    slow = worker.submit(lambda: (started.set(), go.wait(20)))
    queued = worker.submit(lambda: None)
    started.wait(10)
    began = time.monotonic()
    assert not worker.stop(0.1)
    assert time.monotonic() - began < 5
    assert worker.stopping
    with pytest.raises(concurrent.futures.CancelledError):
        queued.result(0)
    go.set()
    slow.result(10)
