"""The node with depth images and label images, of two cameras that /tf places, over DDS."""

import array
import math

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

pytest.importorskip("tf2_msgs", reason="comes with ROS, or with this project's pip install")

WIDTH, HEIGHT, FOCAL = 160, 120, 120.0
CHAIR, WALL = 5, 1


@pytest.fixture(scope="module")
def node(start_node):
    return start_node(
        input="depth", cameras="[front, rear, late]", segmentation_rate=20.0, queue_size=30
    )


class Camera:
    """A depth camera at a place in the map that looks along x (front) or against it (rear)."""

    def __init__(self, robot, name, x, yaw):
        from tf2_msgs.msg import TFMessage

        self.robot, self.frame = robot, f"{name}_optical"
        make = robot.node.create_publisher
        self.depth = make(Image, f"{name}/depth/image", 10)
        self.labels = make(Image, f"{name}/depth/labels", 10)
        self.info = make(CameraInfo, f"{name}/depth/camera_info", 10)
        latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.tf = make(TFMessage, "/tf_static", latched)
        entry = TransformStamped(child_frame_id=self.frame, header=Header(frame_id="map"))
        entry.transform.translation.x, entry.transform.translation.z = float(x), 1.0
        # optical axes (x right, y down, z forward) into x forward, y left, z up, then the yaw
        c, s = math.cos(yaw / 2), math.sin(yaw / 2)
        q = entry.transform.rotation
        q.x, q.y, q.z, q.w = (0.5 * v for v in (-c - s, c - s, -c + s, c + s))
        self.tf.publish(TFMessage(transforms=[entry]))
        robot.until(self.depth.get_subscription_count, 60, "the node")
        robot.until(self.labels.get_subscription_count)
        robot.until(self.info.get_subscription_count)

    def see(self, stamp, label_delay=0):
        """A wall at 4 m, before it at 2 m a board of half a metre across, labelled as a chair."""
        depth = np.full((HEIGHT, WIDTH), 4000, np.uint16)
        labels = np.full((HEIGHT, WIDTH), WALL, np.uint8)
        board = np.s_[45:75, 65:95]
        depth[board], labels[board] = 2000, CHAIR
        header = Header(frame_id=self.frame, stamp=stamp)
        k = [FOCAL, 0.0, WIDTH / 2 - 0.5, 0.0, FOCAL, HEIGHT / 2 - 0.5, 0.0, 0.0, 1.0]
        self.info.publish(CameraInfo(header=header, width=WIDTH, height=HEIGHT, k=k))
        self.depth.publish(image(header, depth, "16UC1"))
        later = Time(sec=stamp.sec, nanosec=stamp.nanosec)
        if label_delay:
            total = stamp.sec * 10**9 + stamp.nanosec + label_delay
            later = Time(sec=total // 10**9, nanosec=total % 10**9)
        self.labels.publish(image(Header(frame_id=self.frame, stamp=later), labels, "mono8"))


def image(header, values, encoding):
    data = array.array("B")
    data.frombytes(values.tobytes())
    height, width = values.shape
    step = width * values.itemsize
    return Image(header=header, height=height, width=width, encoding=encoding, step=step, data=data)


def objects(robot):
    heard = robot.heard["instances"]
    return list(heard[-1].instances) if heard else []


def test_two_cameras_see_two_chairs_where_they_are(node, robot):
    front, rear = Camera(robot, "front", 0.0, 0.0), Camera(robot, "rear", -1.0, math.pi)
    for _i in range(8):
        front.see(robot.now(), label_delay=10_000_000)
        rear.see(robot.now())
        robot.spin(0.1)
    robot.until(lambda: len(objects(robot)) == 2, what="two chairs")
    found = sorted(objects(robot), key=lambda o: o.centroid.x)
    assert [o.class_name for o in found] == ["chair", "chair"]
    # boards 2 m before the cameras, which are at x = 0 and x = -1, 1 m up
    np.testing.assert_allclose([o.centroid.x for o in found], [-3.0, 2.0], atol=0.08)
    np.testing.assert_allclose([o.centroid.y for o in found], [0, 0], atol=0.05)
    np.testing.assert_allclose([o.centroid.z for o in found], [1, 1], atol=0.05)

    def all_done():  # one that is being integrated neither waits nor is counted yet
        values = robot.diagnostics()
        done = int(values["clouds integrated"]) + int(values["clouds dropped"])
        return values if (values["clouds sent"], done) == ("16", 16) else None

    assert robot.until(all_done, what="16 clouds")["clouds integrated"] == "16"

    # labels too late to be of the same moment: the depth is dropped, for that reason
    for _i in range(40):
        front.see(robot.now(), label_delay=60_000_000)
        robot.spin(0.12)
        if int(robot.diagnostics().get("dropped: unlabelled", 0)):
            break
    assert "sync_tolerance" in node.text
    assert node.alive, node.text


def test_the_first_image_waits_for_its_calibration(node, robot):
    late = Camera(robot, "late", 0.0, 0.0)
    before = int(robot.diagnostics()["clouds integrated"])
    send, calibrations = late.info.publish, []
    late.info.publish = calibrations.append
    for _i in range(2):
        late.see(robot.now())
        robot.spin(0.3)
    # the first could wait no longer when the second came
    robot.until(lambda: robot.diagnostics().get("dropped: bad_camera_info") == "1")
    assert "late/depth/camera_info yet" in node.text
    assert int(robot.diagnostics()["clouds integrated"]) == before
    send(calibrations[-1])
    robot.until(lambda: int(robot.diagnostics()["clouds integrated"]) == before + 1)
    assert robot.diagnostics()["dropped: bad_camera_info"] == "1"
