"""The node under a lifecycle manager: the calls that nav2's makes, in its order and in its time."""

import time

import pytest
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import GetState

ANSWER_SECONDS = 2.0
"""In which get_state is answered; nav2's manager waits 5 s, older ones 2 s."""

GOALS = {
    Transition.TRANSITION_CONFIGURE: State.PRIMARY_STATE_INACTIVE,
    Transition.TRANSITION_ACTIVATE: State.PRIMARY_STATE_ACTIVE,
    Transition.TRANSITION_DEACTIVATE: State.PRIMARY_STATE_INACTIVE,
    Transition.TRANSITION_CLEANUP: State.PRIMARY_STATE_UNCONFIGURED,
    Transition.TRANSITION_UNCONFIGURED_SHUTDOWN: State.PRIMARY_STATE_FINALIZED,
}


class Manager:
    """Brings one node up and down as nav2's lifecycle manager does, without a bond."""

    def __init__(self, robot):
        self.robot = robot

    def change(self, transition):
        """Asks for a transition and then for the state; whether both are as they should be."""
        if not self.robot.change_state(transition):
            return False
        began = time.monotonic()
        state = self.robot.call(GetState, "get_state", GetState.Request()).current_state.id
        assert time.monotonic() - began < ANSWER_SECONDS
        return state == GOALS[transition]

    def all_of(self, *transitions):
        """Stops at the first that fails."""
        return all(self.change(t) for t in transitions)

    def startup(self):
        return self.all_of(Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)

    def pause(self):
        return self.all_of(Transition.TRANSITION_DEACTIVATE)

    def resume(self):
        return self.all_of(Transition.TRANSITION_ACTIVATE)

    def reset(self):
        return self.all_of(Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP)

    def shutdown(self):
        """Goes on whatever fails, as nav2's does; whether the node is finalized in the end."""
        self.change(Transition.TRANSITION_DEACTIVATE)
        self.change(Transition.TRANSITION_CLEANUP)
        return self.change(Transition.TRANSITION_UNCONFIGURED_SHUTDOWN)


@pytest.fixture
def node(start_node, robot):
    started = start_node(autostart="false", segmentation_rate=20.0)
    robot.until(lambda: robot.state() == "unconfigured", what="the node")
    yield started
    assert started.alive, started.text
    code, seconds = started.stop()
    assert (code, seconds < 2.0) == (0, True), started.text
    # or the next test might call the services of this one; its name can stay in DDS's memory
    services = robot.node.count_services
    robot.until(lambda: not services("/instance_segmentation/get_state"), what="its services' end")


@pytest.fixture
def manager(robot):
    return Manager(robot)


def found(robot, box_points, x):
    """Sends a box at this place; the number of objects found once the node has seen it."""
    robot.wait_active()
    robot.send(box_points([x, 0, 0]))

    def objects():
        heard = robot.heard["instances"]
        return heard[-1].instances if heard else []

    robot.until(lambda: any(abs(o.centroid.x - x - 0.25) < 0.01 for o in objects()))
    return len(objects())


def test_it_does_nothing_until_the_manager_starts_it(node, robot):
    robot.spin(2.0)
    assert robot.state() == "unconfigured"
    assert robot.clouds.get_subscription_count() == 0


def test_startup_pause_resume_reset_startup_shutdown(node, robot, manager, box_points):
    assert manager.startup(), node.text
    assert found(robot, box_points, 0) == 1
    assert manager.pause()
    robot.until(lambda: robot.clouds.get_subscription_count() == 0)
    assert manager.resume()
    assert found(robot, box_points, 3) == 2  # the map was kept
    assert manager.reset()
    assert robot.state() == "unconfigured"
    assert manager.startup()
    assert found(robot, box_points, 6) == 1  # and now it was not
    assert manager.shutdown(), node.text
    assert robot.state() == "finalized"


def test_ten_resets_with_clouds_flowing(node, robot, manager, box_points):
    for _ in range(10):
        assert manager.startup(), node.text
        for _ in range(5):
            robot.send(box_points([0, 0, 0]))
        assert manager.reset(), node.text
    assert manager.startup()
    assert found(robot, box_points, 9) >= 1


@pytest.mark.parametrize("before", ["unconfigured", "inactive", "active"])
def test_shutdown_from_any_state(node, robot, manager, before):
    """Of a node that is not active the first steps fail, and the manager goes on."""
    steps = {"unconfigured": 0, "inactive": 1, "active": 2}[before]
    up = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
    assert manager.all_of(*up[:steps])
    assert robot.state() == before
    assert manager.shutdown()


def test_what_does_not_fit_the_state_is_refused_and_changes_nothing(node, robot, manager):
    assert not manager.pause()
    assert not manager.resume()
    assert not manager.reset()
    assert robot.state() == "unconfigured"
    assert manager.startup()
    assert not manager.startup()
    assert not manager.resume()
    assert robot.state() == "active"


def test_a_node_that_cannot_be_configured_fails_the_startup_and_can_be_started_later(
    node, robot, manager
):
    assert robot.set(taxonomy="/nowhere.yaml") == {}
    assert not manager.startup()
    assert robot.state() == "unconfigured"
    assert robot.set(taxonomy="scannet") == {}
    assert manager.startup()


def test_a_pause_does_not_wait_for_a_long_segmentation(start_node, robot, manager, box_points):
    node = start_node({"MTML_TEST_SECONDS": "60"}, autostart="false", segmentation_rate=20.0)
    assert manager.startup(), node.text
    robot.wait_active()
    robot.send(box_points([0, 0, 0]))
    robot.spin(1.0)
    began = time.monotonic()
    assert manager.pause()
    assert time.monotonic() - began < ANSWER_SECONDS
    assert manager.resume()
    assert manager.shutdown()
    assert node.stop()[0] == 0
