"""Worker: jobs in order, late updates never pile up, and a slow job cannot hold up the end."""

import concurrent.futures
import threading
import time

import pytest

from mtml_ros.ros.worker import MAX_WAITING, BusyError, Worker


def test_jobs_run_in_order_on_one_thread():
    worker = Worker("test")
    seen = []
    jobs = [
        worker.submit("job", lambda i=i: seen.append((i, threading.get_ident())))
        for i in range(MAX_WAITING)
    ]
    concurrent.futures.wait(jobs, 10)
    assert [i for i, _ in seen] == list(range(MAX_WAITING))
    assert len({thread for _, thread in seen}) == 1
    assert worker.stop(5.0)


def test_while_one_update_runs_only_one_more_waits():
    worker, go, count = Worker("test"), threading.Event(), []

    def update():
        go.wait(10)
        count.append(1)

    worker.request_update(update)
    end = time.monotonic() + 10
    while not worker.running and time.monotonic() < end:
        time.sleep(0.001)
    for _ in range(100):
        worker.request_update(update)
    go.set()
    worker.submit("job", lambda: None).result(10)
    assert len(count) == 2
    assert worker.stop(5.0)


def test_stopping_drops_what_has_not_started_and_leaves_a_slow_job_behind():
    worker, started, go = Worker("test"), threading.Event(), threading.Event()
    slow = worker.submit("job", lambda: (started.set(), go.wait(20)))
    queued = worker.submit("job", lambda: None)
    started.wait(10)
    began = time.monotonic()
    assert not worker.stop(0.1)
    assert time.monotonic() - began < 5
    assert worker.stopping
    with pytest.raises(concurrent.futures.CancelledError):
        queued.result(0)
    go.set()
    slow.result(10)


def test_what_waits_is_bounded_and_more_is_refused():
    worker, go = Worker("test"), threading.Event()
    worker.request_update(lambda: go.wait(20))
    while not worker.running:
        time.sleep(0.001)
    for _ in range(MAX_WAITING):
        worker.submit("job", lambda: None)
    with pytest.raises(BusyError, match="busy"):
        worker.submit("job", lambda: None)
    go.set()
    assert worker.stop(5.0)


def test_who_asks_for_an_update_shares_the_one_that_waits_and_nobody_waits_behind_many():
    worker, go, done = Worker("test"), threading.Event(), []
    worker.request_update(lambda: go.wait(20))
    while not worker.running:
        time.sleep(0.001)
    plain = worker.request_update(lambda: done.append("plain"))
    forced = [worker.request_update(lambda: done.append("forced"), forced=True) for _ in range(300)]
    worker.request_update(lambda: done.append("plain"))
    save = worker.submit("save_map", lambda: done.append("save"))
    go.set()
    for future in (save, plain, *forced):
        future.result(10)
    assert done == ["save", "forced"]
    assert worker.stop(5.0)


def test_a_job_that_raises_is_its_callers_and_the_next_one_runs():
    worker = Worker("test")
    broken = worker.submit("job", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        broken.result(10)
    assert worker.submit("job", lambda: 7).result(10) == 7
    assert worker.stop(5.0)
