"""The kernels' threads: many callers, forks, and rest where there is nothing to do."""

import os
import threading
import time

import numpy as np
import pytest

from mtml_ros.core.kernels import kernels


def work(size: int = 20_000) -> np.ndarray:
    x = np.ones((size, 16), dtype="f4")
    y = np.empty_like(x)
    kernels.convolve(x, np.eye(16, dtype="f4")[None], None, y)
    return y


def test_several_callers_at_once_all_get_their_results(set_threads):
    set_threads(3)
    good = []
    callers = [
        threading.Thread(target=lambda: good.extend(work().all() for _ in range(20)))
        for _ in range(4)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert good == [True] * 80


def test_the_number_may_change_while_others_work(set_threads):
    ends = threading.Event()

    def keep_working():
        while not ends.is_set():
            work(2000)

    caller = threading.Thread(target=keep_working)
    caller.start()
    for i in range(50):
        set_threads(1 + i % 4)
    ends.set()
    caller.join()
    assert kernels.get_threads() == 2


def test_threads_at_work_beside_each_other_are_no_more_than_were_set(set_threads):
    """Beside two others at work a call has one thread of three, without them all."""
    set_threads(3)

    def threads_used() -> int:
        before, used = busy_threads(), 0
        for _ in range(40):
            work(200_000)
        after = busy_threads()
        for name, spent in after.items():
            used += spent - before.get(name, 0) >= 2  # hundredths of a second
        return used

    # again and again: on a busy machine the others may not get a core at first
    assert any(threads_used() >= 2 for _ in range(50))
    for _ in range(3):
        kernels.enter_work()
    try:
        assert threads_used() == 1
    finally:
        for _ in range(3):
            kernels.leave_work()
    assert any(threads_used() >= 2 for _ in range(50))


def busy_threads() -> dict[str, int]:
    """Processor time of each thread of this process, in hundredths of a second."""
    spent = {}
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/stat") as file:
            values = file.read().rsplit(")", 1)[1].split()
        spent[task] = int(values[11]) + int(values[12])
    return spent


def test_a_forked_process_gets_threads_of_its_own(set_threads):
    set_threads(3)
    work()
    child = os.fork()
    if child == 0:
        os._exit(0 if work().all() and work().all() else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_threads_sleep_while_there_is_nothing_to_do(set_threads):
    set_threads(4)
    work()
    began = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - began < 0.05


def test_fewer_than_one_thread_is_refused(set_threads):
    with pytest.raises(ValueError, match="at least 1"):
        set_threads(0)
