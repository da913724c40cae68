"""What the tests of the packaging share: the checkout, its manifests, a node of their own."""

import os
import runpy
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from unittest import mock

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def manifest() -> ET.Element:
    """package.xml."""
    return ET.parse(ROOT / "package.xml").getroot()


@pytest.fixture(scope="session")
def setup_arguments() -> dict:
    """What setup.py passes to setuptools, with nothing built."""
    with mock.patch("setuptools.setup") as setup, mock.patch.dict(os.environ):
        os.environ["MTML_ROS_DISTRO"] = "jazzy"
        runpy.run_path(str(ROOT / "setup.py"))
    return setup.call_args.kwargs


@pytest.fixture
def alone_on_dds(dds_environment) -> dict[str, str]:
    """An environment for processes that only hear each other."""
    return {**os.environ, **dds_environment}


@pytest.fixture
def ros_node(alone_on_dds):
    """A node that hears those processes; `spin_until(condition, seconds)` waits for them."""
    import rclpy
    from rclpy.context import Context
    from rclpy.executors import SingleThreadedExecutor

    context = Context()
    with mock.patch.dict(os.environ, alone_on_dds):
        rclpy.init(context=context)
        node = rclpy.create_node("test_packaging", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def spin_until(condition, seconds):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited {seconds} s in vain"
            executor.spin_once(timeout_sec=0.1)

    node.spin_until = spin_until
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)
