"""How many threads this process may compute on: the kernels' own, and torch's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from mtml_ros.core.kernels import kernels


def set_threads(count: int) -> None:
    """Both at most `count`; at first each has as many as the process may use cores."""
    kernels.set_threads(count)
    torch.set_num_threads(count)


@contextmanager
def one_torch_thread(where: bool) -> Iterator[None]:
    """Torch computes on the caller's thread alone for now, if `where`.

    Beside the kernels it has small operations only, and its threads wait for each other spinning:
    where another process has the core, each operation takes that one's time slice.
    """
    before = torch.get_num_threads()
    if where:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if where:
            torch.set_num_threads(before)


@contextmanager
def at_work() -> Iterator[None]:
    """Of several threads that compute at once, each in one of these: the kernels then use no more
    threads than `set_threads` said, all of them together."""
    kernels.enter_work()
    try:
        yield
    finally:
        kernels.leave_work()
