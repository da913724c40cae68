"""The node with label images that come with confidences, and with names in place of its ids."""

import array

import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

WIDTH, HEIGHT, FOCAL = 160, 120, 120.0
WALL, CHAIR, TABLE = 1, 5, 7
BOARD = np.s_[45:75, 65:95]


@pytest.fixture(scope="module")
def node(start_node):
    return start_node(input="depth", map_frame="camera", segmentation_rate=20.0, queue_size=30)


class Camera:
    """A camera in the map's own frame: a wall at 4 m, before it at 2 m a board."""

    def __init__(self, robot):
        self.robot = robot
        make = robot.node.create_publisher
        self.depth, self.labels, self.confidence = (
            make(Image, f"depth/{name}", 10) for name in ("image", "labels", "confidence")
        )
        self.info = make(CameraInfo, "depth/camera_info", 10)
        for publisher in (self.depth, self.labels, self.confidence, self.info):
            robot.until(publisher.get_subscription_count, 60, "the node")

    def see(self, board, wall=WALL, confidence=255):
        """One image, in which the board and the wall have these ids. confidence: of the board."""
        depth = np.full((HEIGHT, WIDTH), 4000, np.uint16)
        labels = np.full((HEIGHT, WIDTH), wall, np.uint8)
        sure = np.full((HEIGHT, WIDTH), 255, np.uint8)
        depth[BOARD], labels[BOARD], sure[BOARD] = 2000, board, confidence
        header = Header(frame_id="camera", stamp=self.robot.now())
        k = [FOCAL, 0.0, WIDTH / 2 - 0.5, 0.0, FOCAL, HEIGHT / 2 - 0.5, 0.0, 0.0, 1.0]
        self.info.publish(CameraInfo(header=header, width=WIDTH, height=HEIGHT, k=k))
        self.depth.publish(image(header, depth, "16UC1"))
        self.labels.publish(image(header, labels, "mono8"))
        self.confidence.publish(image(header, sure, "mono8"))
        self.robot.spin(0.1)


def image(header, values, encoding):
    data = array.array("B")
    data.frombytes(values.tobytes())
    step = values.shape[1] * values.itemsize
    return Image(header=header, height=HEIGHT, width=WIDTH, encoding=encoding, step=step, data=data)


@pytest.fixture
def camera(node, robot):
    made = Camera(robot)
    robot.trigger("reset_map")
    yield made
    for publisher in (made.depth, made.labels, made.confidence, made.info):
        robot.node.destroy_publisher(publisher)
    assert node.alive, node.text


def all_integrated(robot, number):
    robot.heard["diagnostics"].clear()
    values = robot.diagnostics()
    return values if int(values["clouds integrated"]) >= number else None


def classes(robot):
    heard = robot.heard["instances"]
    return [i.class_name for i in heard[-1].instances] if heard else []


def test_labels_of_little_confidence_do_not_outvote_few_that_are_sure(camera, robot):
    for _ in range(3):
        camera.see(CHAIR)
    for _ in range(9):
        camera.see(TABLE, confidence=20)
    # 3 votes for chair, 9 * 20 / 255 = .7 for table
    values = robot.until(lambda: all_integrated(robot, 12), what="12 images")
    assert not [k for k in values if k.startswith("dropped")]
    robot.until(lambda: classes(robot) == ["chair"], what="a chair")
    for _ in range(3):
        camera.see(TABLE)  # .7 + 3 votes
    robot.until(lambda: classes(robot) == ["table"], what="a table")


def test_label_info_says_what_the_ids_mean(camera, node, robot):
    messages = pytest.importorskip("vision_msgs.msg", reason="comes with ROS, in no wheel")
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = robot.node.create_publisher(messages.LabelInfo, "depth/label_info", latched)
    robot.until(publisher.get_subscription_count, what="the node")
    names = {0: "background", 1: "Table", 2: "wall", 3: "dragon"}
    entries = [messages.VisionClass(class_id=i, class_name=n) for i, n in names.items()]
    publisher.publish(messages.LabelInfo(class_map=entries))
    robot.until(lambda: "dragon" in node.text, what="word of the class that is none")
    for _ in range(3):
        camera.see(1, wall=2)  # NYU40 would have 1 a wall and 2 the floor
    robot.until(lambda: classes(robot) == ["table"], what="a table")
