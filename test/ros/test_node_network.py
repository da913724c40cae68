"""A sensor on another machine: a network that is slow, loses frames and is cut now and then."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy

CABLE = Path(__file__).parent / "cable.py"
UDP = {"FASTDDS_BUILTIN_TRANSPORTS": "UDPv4", "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}
GOOD, BAD, CUT = "0 0.001 0.001", "0.05 0.02 0.01", "1 0 0"
"""Share of the frames that are lost, delay and jitter in seconds."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(
        os.geteuid() != 0 or not os.access("/dev/net/tun", os.W_OK),
        reason="only root makes network namespaces",
    ),
]


class Cable:
    """Two namespaces, by descriptor, and what is between them."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, str(CABLE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        word, first = self.process.stdout.readline().split()
        assert word == "ready"
        proc = f"/proc/{self.process.pid}"
        self.ends = [f"{proc}/fd/{first}", f"{proc}/ns/net"]

    def set(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()
        self.process.wait(5)


@pytest.fixture(scope="module")
def cable():
    made = Cable()
    yield made
    made.close()


@pytest.fixture(scope="module")
def robot(dds_environment, cable, make_robot):
    """The robot of the other tests, its DDS in the first namespace: threads inherit theirs."""
    sys.path.insert(0, str(CABLE.parent))
    import cable as namespaces

    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(cable.ends[0], os.O_RDONLY)
    namespaces.enter(there)
    try:
        robot = make_robot({**dds_environment, **UDP})
    finally:
        namespaces.enter(home)
        os.close(home)
        os.close(there)
    yield robot
    robot.close()


@pytest.mark.parametrize("reliability", ["reliable", "best_effort"])
def test_clouds_over_a_bad_network_are_all_accounted_for(
    start_node, robot, cable, box_points, account, check_flat, usage, trial_seconds, reliability
):
    """One frame in twenty is lost, of a cloud's eleven one in two clouds'; all are 20 ms late; in
    each half minute nothing comes through for five seconds."""
    cable.set(GOOD)
    before = ("nsenter", f"--net={cable.ends[1]}")
    node = start_node(UDP, before=before, segmentation_rate=5.0, queue_size=100)
    policy = ReliabilityPolicy[reliability.upper()]
    robot.node.destroy_publisher(robot.clouds)
    robot.clouds = robot.publisher(profile=QoSProfile(depth=50, reliability=policy))
    robot.wait_active()
    robot.send(box_points((0, 0, 0)))  # what is lost before the first that comes, nobody can know
    robot.until(lambda: robot.diagnostics().get("clouds integrated") == "1", what="the first cloud")
    counted, memory, totals = account(robot), [], []
    end = time.monotonic() + trial_seconds / 2
    while time.monotonic() < end:
        for words, seconds in ((BAD, 20), (CUT, 5), (GOOD, 5)):
            cable.set(words)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                robot.send(box_points((robot.sent % 50, 0, 0)))
                robot.spin(0.2)
        totals.append(counted.settled())
        memory.append(usage(node.process))
        assert node.alive, node.text
    counts = totals[-1]
    print(f"\n{reliability}: {counts}")
    assert "nothing has come on /points" in node.text
    lost = counts["clouds dropped"]
    assert counts.get("dropped: lost_in_transport", 0) == lost
    assert 0.3 * counts["clouds sent"] < counts["clouds integrated"]
    check_flat(memory)
    assert node.stop()[0] == 0
    assert "Traceback" not in node.text
