"""How the executables begin: help is help, a signal ends them from the first moment on."""

import os
import signal
import subprocess
import sys
import time

import pytest

from mtml_ros.ros import middleware
from mtml_ros.ros.parameters import table

NAMES = ("instance_segmentation_node", "scene_player", "instance_recorder")


def program(name, *words):
    code = f"import sys, mtml_ros.ros.start as s; print('up', flush=True); sys.exit(s.{name}())"
    return [sys.executable, "-c", code, *words]


@pytest.mark.parametrize("name", NAMES)
def test_help_is_help(name, dds_environment):
    done = subprocess.run(
        program(name, "--help"),
        env={**os.environ, **dds_environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert f"usage: {name} [--ros-args" in done.stdout
    wanted = table.names() if name == NAMES[0] else ()
    assert [n for n in wanted if f"\n  {n} (" not in done.stdout] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay", [0.03, 0.1, 0.25])
def test_a_signal_in_the_first_moments_ends_it_without_a_traceback(number, delay, dds_environment):
    process = subprocess.Popen(
        program(NAMES[0]),
        env={**os.environ, **dds_environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout.readline() == "up\n"
    time.sleep(delay)
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert "Traceback" not in output
    assert process.returncode == 0, output


def test_a_process_sets_fast_dds_up_unless_there_is_a_reason_not_to(monkeypatch):
    for name in (*middleware.VARIABLES, "RMW_IMPLEMENTATION"):
        monkeypatch.delenv(name, raising=False)
    found = middleware.large_clouds_environment(free=1 << 30)
    assert set(found) == set(middleware.VARIABLES)
    assert all(os.path.isfile(path) for path in found.values())
    assert middleware.large_clouds_environment(free=1 << 26) == {}  # a container's 64 MB
    monkeypatch.setenv("RMW_IMPLEMENTATION", "rmw_cyclonedds_cpp")
    assert middleware.large_clouds_environment(free=1 << 30) == {}
    monkeypatch.delenv("RMW_IMPLEMENTATION")
    monkeypatch.setenv(middleware.VARIABLES[1], "/my/own.xml")
    assert middleware.large_clouds_environment(free=1 << 30) == {}
