"""What all tests share: stderr apart in click runs, a DDS domain in which nothing else talks."""

import fcntl
import inspect
import os
import tempfile
from functools import partialmethod
from pathlib import Path

import pytest
from click.testing import CliRunner

if "mix_stderr" in inspect.signature(CliRunner).parameters:  # click before 8.2 (Ubuntu 24.04's)
    CliRunner.__init__ = partialmethod(CliRunner.__init__, mix_stderr=False)

DOMAINS = range(1, 101)  # above 101 their ports may be those of outgoing connections (Linux)


@pytest.fixture(scope="module")
def dds_environment():
    """Variables that put processes into a domain of this module's own, on this machine only.

    Another test run beside this one may hold some domains: each is claimed by a file's lock, which
    the system takes back even from a run that was killed.
    """
    folder = Path(tempfile.gettempdir())
    for domain in (DOMAINS[(os.getpid() + i) % len(DOMAINS)] for i in DOMAINS):
        try:
            lock = (folder / f"mtml_ros_test_domain_{domain}").open("w")
        except PermissionError:  # another user's
            continue
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield {
                "ROS_DOMAIN_ID": str(domain),
                "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
                "OMP_NUM_THREADS": "1",
            }
            return
    pytest.fail("no DDS domain is free")
