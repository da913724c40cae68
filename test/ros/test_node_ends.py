"""How the node ends and is stopped, whatever it is doing, and how it fails to start."""

import signal
import time

import pytest
from lifecycle_msgs.msg import Transition
from std_srvs.srv import Trigger

from mtml_ros.ros.node import leave_a_core_free

SECONDS = 2.0
"""Within which the node has to be down."""


@pytest.fixture
def busy(start_node, robot, box_points):
    """A node in the middle of a segmentation that takes a minute."""
    node = start_node({"MTML_TEST_SECONDS": "60"}, segmentation_rate=20.0)
    robot.wait_active()
    robot.send(box_points([0, 0, 0]))
    robot.spin(1.0)
    yield node
    if node.alive:
        node.stop()
    robot.until(lambda: robot.clouds.get_subscription_count() == 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_the_middle_of_a_segmentation(busy, number):
    code, seconds = busy.stop(number)
    assert code == 0, busy.text
    assert seconds < SECONDS
    assert "Traceback" not in busy.text


def test_deactivation_does_not_wait_for_a_segmentation_either(busy, robot):
    began = time.monotonic()
    assert robot.change_state(Transition.TRANSITION_DEACTIVATE)
    assert time.monotonic() - began < SECONDS
    assert robot.state() == "inactive"
    code, seconds = busy.stop()
    assert code == 0, busy.text
    assert seconds < SECONDS


def test_a_service_that_waits_is_answered_when_the_node_is_deactivated(busy, robot):
    client = robot.node.create_client(Trigger, "/instance_segmentation/segment")
    robot.until(client.service_is_ready)
    waiting = client.call_async(Trigger.Request())
    robot.spin(0.5)
    assert not waiting.done()
    assert robot.change_state(Transition.TRANSITION_DEACTIVATE)
    robot.until(waiting.done)
    assert waiting.result().message == "the node was deactivated meanwhile"


def test_while_a_segmentation_runs_every_service_says_busy_within_two_seconds(busy, robot):
    for name in ("segment", "reset_map"):
        began = time.monotonic()
        answer = robot.trigger(name)
        assert time.monotonic() - began < SECONDS
        assert not answer.success
        assert answer.message.startswith("busy, a segmentation for "), answer.message
    began = time.monotonic()
    answer = robot.map_file("save_map", "room.map")
    assert time.monotonic() - began < SECONDS
    assert "nothing was done" in answer.message
    assert robot.diagnostics()["voxels"] == "125"  # the reset that was withdrawn did not come later
    robot.until(lambda: "running for" in robot.heard["diagnostics"][-1].status[0].message)
    assert robot.heard["diagnostics"][-1].status[0].level != b"\x00"


def test_reset_map_during_an_update_is_answered_when_the_map_is_empty(
    start_node, robot, box_points
):
    node = start_node({"MTML_TEST_SECONDS": "0.3"}, segmentation_rate=20.0)
    robot.wait_active()
    robot.send(box_points([0, 0, 0]))
    robot.until(lambda: robot.heard["instances"])
    robot.send(box_points([3, 0, 0]))
    robot.spin(0.15)  # the update for the second box runs, and will show both
    began = time.monotonic()
    answer = robot.trigger("reset_map")
    assert time.monotonic() - began < SECONDS
    assert (answer.success, answer.message) == (True, "the map is empty")
    robot.until(lambda: not robot.heard["instances"][-1].instances)
    robot.spin(1.2)  # the diagnostics of now
    assert robot.diagnostics()["voxels"] == "0"
    assert not robot.heard["instances"][-1].instances
    node.stop()
    robot.until(lambda: robot.clouds.get_subscription_count() == 0)


def test_hundreds_of_requests_to_segment_do_not_make_save_map_wait(start_node, robot, box_points):
    node = start_node({"MTML_TEST_SECONDS": "0.5"}, segmentation_rate=20.0)
    robot.wait_active()
    robot.send(box_points([0, 0, 0]))
    client = robot.node.create_client(Trigger, "/instance_segmentation/segment")
    robot.until(client.service_is_ready)
    asked = [client.call_async(Trigger.Request()) for _ in range(300)]
    robot.spin(0.3)
    began = time.monotonic()
    assert not robot.map_file("save_map", "").success  # no name: refused, but by the worker
    assert time.monotonic() - began < SECONDS
    # of a burst as large as this DDS itself keeps the last ten
    robot.until(lambda: any(future.done() for future in asked))
    node.stop()
    robot.until(lambda: robot.clouds.get_subscription_count() == 0)


def test_an_idle_node_ends_at_once(start_node, robot):
    node = start_node()
    robot.wait_active()
    code, seconds = node.stop()
    assert code == 0, node.text
    assert seconds < SECONDS
    robot.until(lambda: robot.clouds.get_subscription_count() == 0)


def test_without_autostart_it_waits_to_be_configured(start_node, robot):
    node = start_node(autostart="false")
    assert robot.state() == "unconfigured"
    assert robot.clouds.get_subscription_count() == 0
    assert robot.change_state(Transition.TRANSITION_CONFIGURE)
    assert robot.change_state(Transition.TRANSITION_ACTIVATE)
    robot.wait_active()
    assert robot.change_state(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert robot.state() == "finalized"
    code, _ = node.stop()
    assert code == 0, node.text


def test_a_wrong_parameter_at_start_is_one_line_and_exit_code_2(start_node):
    node = start_node(segmentation_rate=1)
    assert node.process.wait(60) == 2
    assert "error: parameter segmentation_rate" in node.text
    assert "Traceback" not in node.text


def test_a_taxonomy_that_is_not_there_leaves_it_unconfigured_and_says_so(start_node, robot):
    node = start_node(taxonomy="/nowhere.yaml")
    robot.until(lambda: "cannot configure" in node.text, what="the reason")
    assert "/nowhere.yaml" in node.text
    assert robot.state() == "unconfigured"
    robot.until(lambda: "nowhere" in robot.diagnostics()["last error"], what="the error")
    assert robot.set(taxonomy="scannet") == {}
    assert robot.change_state(Transition.TRANSITION_CONFIGURE)
    assert robot.change_state(Transition.TRANSITION_ACTIVATE)
    robot.wait_active()


@pytest.mark.parametrize(
    ("cores", "said", "threads"), [(8, None, "7"), (1, None, "1"), (8, "3", "3")]
)
def test_torch_leaves_a_core_free_unless_told_otherwise(monkeypatch, cores, said, threads):
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    environment = {} if said is None else {"OMP_NUM_THREADS": said}
    monkeypatch.setattr("os.environ", environment)
    leave_a_core_free()
    assert environment["OMP_NUM_THREADS"] == threads
