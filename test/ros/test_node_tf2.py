"""The node with /tf, with tf2_ros or without: a moving sensor, a chair that is carried away."""

import math

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from std_msgs.msg import Header

from mtml_ros.ros.tools.scene_player import make_cloud

pytest.importorskip("tf2_msgs", reason="comes with ROS, or with this project's pip install")

CHAIR, TABLE, WALL, FLOOR = 5, 7, 1, 2


class Sensor:
    """A depth camera that says where it is."""

    def __init__(self, robot):
        from tf2_msgs.msg import TFMessage

        self.robot = robot
        self.message = TFMessage
        self.publisher = robot.node.create_publisher(TFMessage, "/tf", 100)
        robot.until(self.publisher.get_subscription_count, what="the node's tf2 listener")

    def now(self):
        return self.robot.node.get_clock().now().nanoseconds * 1e-9

    def at(self, xyz, seconds, yaw=0.0, frame="camera"):
        """Publishes the sensor's pose."""
        t = TransformStamped(child_frame_id=frame)
        t.header = Header(frame_id="map", stamp=to_stamp(seconds))
        place, turn = t.transform.translation, t.transform.rotation
        place.x, place.y, place.z = (float(v) for v in xyz)
        turn.z, turn.w = math.sin(yaw / 2), math.cos(yaw / 2)
        self.publisher.publish(self.message(transforms=[t]))

    def see(self, points, labels, xyz, seconds, yaw=0.0, frame="camera"):
        """Publishes points (N, 3) of the map as the sensor at that place sees them."""
        c, s = math.cos(yaw), math.sin(yaw)
        own = (points - np.asarray(xyz)) @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        header = Header(frame_id=frame, stamp=to_stamp(seconds))
        self.robot.publish(make_cloud(own.astype(np.float32), labels, "label", header))


def to_stamp(seconds):
    whole, rest = divmod(round(seconds * 1e9), 10**9)
    return Time(sec=whole, nanosec=rest)


def of_label(points, label):
    return np.full(len(points), label, np.int32)


@pytest.fixture(scope="module")
def node(start_node):
    return start_node(segmentation_rate=20.0, queue_size=50, transform_timeout=2.0)


@pytest.fixture
def sensor(node, robot):
    robot.wait_active()
    assert robot.trigger("reset_map").success
    robot.until(lambda: not objects(robot))
    made = Sensor(robot)
    yield made
    robot.node.destroy_publisher(made.publisher)
    assert node.alive, node.text


def objects(robot):
    heard = robot.heard["instances"]
    return {i.id: i for i in heard[-1].instances} if heard else {}


def test_what_a_moving_sensor_sees_stays_in_its_place(sensor, robot, box_points):
    """Half a metre and twenty degrees a second, each cloud between two transforms."""
    chair = box_points([2, 0, 0]).astype(float)
    start = sensor.now()
    for step in range(60):
        seconds = start + step * 0.05

        def pose(at, start=start):
            return np.array([0.5 * (at - start), 1.0, 0.3]), 0.35 * (at - start)

        place, yaw = pose(seconds)
        sensor.at(place, seconds, yaw)
        if step % 6 == 5:
            place, yaw = pose(seconds - 0.025)
            sensor.see(chair, of_label(chair, CHAIR), place, seconds - 0.025, yaw)
        robot.spin(max(0.0, seconds + 0.05 - sensor.now()))
    robot.until(lambda: len(objects(robot)) == 1)
    robot.spin(0.5)
    (found,) = objects(robot).values()
    centroid = found.centroid
    np.testing.assert_allclose([centroid.x, centroid.y, centroid.z], [2.25, 0.25, 0.25], atol=0.02)
    assert found.num_voxels == pytest.approx(125, abs=10)


def test_a_cloud_waits_for_its_late_transform(sensor, robot, box_points):
    box = box_points([5, 0, 0])
    seconds = sensor.now()
    sensor.see(box, of_label(box, CHAIR), (1, 0, 0), seconds, frame="late")
    sensor.at((1, 0, 0), seconds - 1, frame="late")
    robot.spin(0.5)
    assert objects(robot) == {}
    sensor.at((1, 0, 0), seconds + 0.1, frame="late")
    robot.until(lambda: len(objects(robot)) == 1)
    assert next(iter(objects(robot).values())).centroid.x == pytest.approx(5.25, abs=1e-3)


def test_a_cloud_without_a_transform_is_dropped_and_holds_up_no_other(sensor, robot, box_points):
    box = box_points([0, 0, 0])
    sensor.see(box, of_label(box, CHAIR), (9, 9, 9), sensor.now(), frame="nowhere")
    robot.send(box_points([3, 0, 0]))
    robot.until(lambda: len(objects(robot)) == 1, 1.5, "the cloud behind the one that waits")
    robot.until(lambda: robot.diagnostics().get("dropped: no_transform") == "1")
    assert next(iter(objects(robot).values())).centroid.x == pytest.approx(3.25, abs=1e-3)


def test_a_chair_that_is_carried_away_disappears_and_the_table_keeps_its_id(
    sensor, robot, box_points
):
    """The sensor sees floor and wall where the chair was."""
    chair, table = box_points([1, 1.5, 0]), box_points([3, 1.5, 0])
    wall = _plane([-1, 5], [3.05, 3.06], [0, 2])
    floor = _plane([-1, 5], [-0.5, 3], [-0.05, -0.04])
    before = [(chair, CHAIR), (table, TABLE), (wall, WALL), (floor, FLOOR)]

    def look(scene, step):
        place = np.array([1.0 + 0.8 * math.sin(step / 7), -1.0, 1.0])
        seconds = sensor.now()
        sensor.at(place, seconds - 0.02)
        sensor.at(place, seconds + 0.02)
        sensor.see(*_visible(place, scene), place, seconds)
        robot.spin(0.2)

    for step in range(30):
        look(before, step)
    by_class = {o.class_name: o.id for o in objects(robot).values()}
    assert set(by_class) == {"chair", "table"}
    for step in range(30, 150):
        look(before[1:], step)
        assert by_class["table"] in objects(robot)
        assert set(objects(robot)) <= set(by_class.values()), "what is left of the chair has an id"
        if set(objects(robot)) == {by_class["table"]}:
            break
    assert set(objects(robot)) == {by_class["table"]}
    print(f"\ngone after {step - 29} clouds")


def _plane(*ranges):
    axes = [np.arange(low, high, 0.03) for low, high in ranges]
    return np.stack(np.meshgrid(*axes), -1).reshape(-1, 3).astype(np.float32)


def _visible(place, scene):
    """Points and labels that a sensor sees: the nearest one in each direction."""
    points = np.concatenate([p for p, _ in scene])
    labels = np.concatenate([of_label(p, label) for p, label in scene])
    away = points - place
    distance = np.linalg.norm(away, axis=1)
    across = np.round(np.arctan2(away[:, 0], away[:, 1]) / 0.012).astype(int)
    up = np.round(np.arcsin(away[:, 2] / distance) / 0.012).astype(int)
    order = np.lexsort((distance, up, across))
    cell = np.stack([across, up], 1)[order]
    nearest = np.append(True, np.any(np.diff(cell, axis=0) != 0, axis=1))
    return points[order[nearest]], labels[order[nearest]]
