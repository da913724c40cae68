"""The node as a process of its own, and a robot in the test's process that talks to it over DDS."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from std_srvs.srv import Trigger
from visualization_msgs.msg import MarkerArray

from mtml_ros.msg import ObjectInstanceArray
from mtml_ros.ros import qos
from mtml_ros.ros.tools.scene_player import make_cloud
from mtml_ros.srv import MapFile

STAND_IN = Path(__file__).parent / "node_with_components.py"
REAL = ("-m", "mtml_ros.ros.node")
NODE = "/instance_segmentation"
CHAIR, TABLE = 5, 7


class Robot:
    """Publishes clouds, hears what the node says, calls its services."""

    def __init__(self, environment):
        self.environment = environment
        self.context = Context()
        with mock.patch.dict(os.environ, environment):
            rclpy.init(context=self.context)
            self.node = rclpy.create_node("robot", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.heard = {}
        self.sent = 0
        self.clouds = self.publisher()
        self.listen("instances", ObjectInstanceArray, f"{NODE}/instances")
        self.listen("markers", MarkerArray, f"{NODE}/markers")
        self.listen("points", PointCloud2, f"{NODE}/points")
        self.listen("diagnostics", DiagnosticArray, "/diagnostics", 10)

    def publisher(self, topic="points", profile=10):
        return self.node.create_publisher(PointCloud2, topic, profile)

    def listen(self, key, type_, topic, profile=qos.OUTPUT):
        self.heard[key] = []
        return self.node.create_subscription(type_, topic, self.heard[key].append, profile)

    def until(self, condition, seconds=30.0, what=""):
        """Spins until `condition()` is true, and returns what it is."""
        end = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < end, f"waited {seconds} s for {what or condition}"
            self.executor.spin_once(timeout_sec=0.02)
        return value

    def spin(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.02)

    def call(self, type_, name, request, seconds=30.0):
        client = self.node.create_client(type_, f"{NODE}/{name}")
        try:
            self.until(client.service_is_ready, seconds, f"service {name}")
            future = client.call_async(request)
            self.until(future.done, seconds, f"answer of {name}")
            return future.result()
        finally:
            self.node.destroy_client(client)

    def trigger(self, name):
        return self.call(Trigger, name, Trigger.Request())

    def map_file(self, name, filename):
        return self.call(MapFile, name, MapFile.Request(filename=filename))

    def change_state(self, transition):
        request = ChangeState.Request(transition=Transition(id=transition))
        return self.call(ChangeState, "change_state", request).success

    def state(self):
        """Asked again where no answer comes: a server that starts up can hear a client before it
        is able to answer it."""
        client = self.node.create_client(GetState, f"{NODE}/get_state")
        asked = []

        def answered():
            if not asked or time.monotonic() > asked[-1][0] + 3:
                asked.append((time.monotonic(), client.call_async(GetState.Request())))
            return next((f for _, f in asked if f.done()), None)

        try:
            self.until(client.service_is_ready, what="service get_state")
            return self.until(answered, what="answer of get_state").result().current_state.label
        finally:
            self.node.destroy_client(client)

    def set(self, **values):
        """Sets parameters through the node's service; the reasons of those refused, by name."""
        request = SetParameters.Request(
            parameters=[Parameter(k, value=v).to_parameter_msg() for k, v in values.items()]
        )
        results = self.call(SetParameters, "set_parameters", request).results
        return {k: r.reason for k, r in zip(values, results) if not r.successful}

    def diagnostics(self):
        """The newest status's values, by key; waits for the first one."""
        self.until(lambda: self.heard["diagnostics"], what="the diagnostics")
        status = self.heard["diagnostics"][-1].status[0]
        return {v.key: v.value for v in status.values}

    def wait_active(self):
        self.until(lambda: self.clouds.get_subscription_count() > 0, 60, "the node to be active")

    def now(self):
        return self.node.get_clock().now().to_msg()

    def send(self, xyz, label=CHAIR, publisher=None, **header):
        """Publishes points (N, 3) of one label as a cloud of the map frame, stamped now."""
        xyz = np.asarray(xyz, np.float32).reshape(-1, 3)
        made = Header(**{"frame_id": "map", "stamp": self.now(), **header})
        cloud = make_cloud(xyz, np.full(len(xyz), label, np.int32), "label", made)
        self.publish(cloud, publisher)
        return cloud

    def publish(self, cloud, publisher=None):
        (publisher or self.clouds).publish(cloud)
        self.sent += 1

    def close(self):
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


def box(center, size=0.5, step=0.05):
    """Points of a filled cube, its corner at a voxel's corner."""
    n = round(size / step)
    grid = np.stack(np.meshgrid(*[np.arange(n) * step + step / 2] * 3), -1).reshape(-1, 3)
    return (grid + np.asarray(center)).astype(np.float32)


class Account:
    """What the node has counted since a moment in which nothing was under way."""

    def __init__(self, robot):
        self.robot = robot
        robot.spin(1.2)  # the diagnostics of now
        self.before, self.sent = self._counts(), robot.sent

    def _counts(self):
        values = self.robot.diagnostics()
        return {k: int(v) for k, v in values.items() if k.startswith(("clouds ", "dropped: "))}

    def counts(self):
        now = self._counts()
        return {key: number - self.before.get(key, 0) for key, number in now.items()}

    def settled(self):
        """The counts, once every cloud that was sent is integrated or dropped."""

        def all_counted():
            counts = self.counts()
            done = counts["clouds integrated"] + counts["clouds dropped"]
            return counts["clouds sent"] == done == self.robot.sent - self.sent

        what = f"{self.robot.sent - self.sent} clouds to be accounted for"
        self.robot.until(all_counted, 60, what)
        return self.counts()


class NodeProcess:
    """The node, with the stand-in segmenter or the network, and what it wrote.

    before: words that the command begins with, for what is to be done to the process first.
    namespace: the node's, with its slash.
    """

    def __init__(self, environment, log, parameters, before=(), real=False, namespace="/", **extra):
        words = [w for k, v in parameters.items() for w in ("-p", f"{k}:={v}")]
        words += ["-r", f"__ns:={namespace}"]
        self.log = log
        program = [sys.executable, *(REAL if real else (str(STAND_IN),))]
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [*before, *program, "--ros-args", *words],
                env={**os.environ, **environment, **extra},
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    @property
    def alive(self):
        return self.process.poll() is None

    @property
    def text(self):
        return self.log.read_text(errors="replace")

    def stop(self, number=signal.SIGINT, timeout=10.0):
        """Sends a signal; the exit code, and how long it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(timeout)
        return code, time.monotonic() - began


@pytest.fixture(scope="module")
def start_node(dds_environment, tmp_path_factory):
    """A function that starts a node process; all of them are killed at the module's end."""
    started = []

    def start(extra=None, before=(), real=False, namespace="/", **parameters):
        log = tmp_path_factory.mktemp("node") / "log"
        node = NodeProcess(
            dds_environment, log, parameters, before, real, namespace, **(extra or {})
        )
        started.append(node)
        return node

    yield start
    for node in started:
        if node.alive:
            node.process.kill()
            node.process.wait()


@pytest.fixture(scope="session")
def trial_seconds():
    """How long each of the slow trials goes on: MTML_TRIAL_MINUTES, one where it is not set."""
    return 60 * float(os.environ.get("MTML_TRIAL_MINUTES", "1"))


@pytest.fixture(scope="session")
def usage():
    """A function of a process: resident memory in MB, threads, and open file handles."""

    def measure(process):
        proc = Path(f"/proc/{process.pid}")
        pages = int((proc / "statm").read_text().split()[1])
        memory = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
        return memory, len(list((proc / "task").iterdir())), len(list((proc / "fd").iterdir()))

    return measure


@pytest.fixture(scope="module")
def robot(dds_environment):
    made = Robot(dds_environment)
    yield made
    made.close()


@pytest.fixture(scope="module")
def box_points():
    return box


@pytest.fixture(scope="session")
def make_robot():
    return Robot


@pytest.fixture(scope="session")
def account():
    return Account


@pytest.fixture(scope="session")
def check_flat():
    """A function that fails where MB, threads and handles of a process, as `usage` gives them over
    time, have grown since its pools were full.

    Memory goes up and down by what an update holds just then: its least in the second quarter is
    compared with its least in the last.
    """

    def check_flat(memory):
        quarter = len(memory) // 4
        early, late = memory[quarter], memory[-1]
        print(f"MB, threads, handles: {early} after a quarter, {late} at the end")
        before = min(m for m, _, _ in memory[quarter : 2 * quarter + 1])
        assert min(m for m, _, _ in memory[-quarter - 1 :]) < before + 30
        assert late[1] <= early[1] + 1
        assert late[2] <= early[2] + 2

    return check_flat
