"""instance_recorder as a process, with a node of the test in the place of the real one."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from unittest import mock

import numpy as np
import pytest
import rclpy
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from rclpy.context import Context
from std_msgs.msg import Header

from mtml_ros.core.instances import Instance, OrientedBox, Segmentation
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.io.point_files import read_points
from mtml_ros.msg import ObjectInstance, ObjectInstanceArray
from mtml_ros.ros import qos
from mtml_ros.ros.conversions import encode_voxel_cloud
from mtml_ros.ros.tools.scene_player import make_cloud
from mtml_ros.tracking.changes import Shown
from mtml_ros.tracking.tracker import TrackedInstance

PROGRAM = "import sys; from mtml_ros.ros.tools.recorder import main; sys.exit(main())"
CHAIR = Taxonomy.scannet().index("chair")


class Robot:
    """Publishes clouds and results with the stamps that a test says."""

    def __init__(self, environment):
        self.context = Context()
        with mock.patch.dict(os.environ, environment):
            rclpy.init(context=self.context)
            self.node = rclpy.create_node("robot", context=self.context)
        make = self.node.create_publisher
        voxels = encode_voxel_cloud(*_scene(), Taxonomy.scannet(), Header())
        cloud = make_cloud(np.zeros((1, 3), np.float32), np.zeros(1, np.int32), "label", Header())
        self._cloud, self._voxels = cloud, voxels
        self.clouds = make(type(cloud), "points", 10)
        self.points = make(type(voxels), "instance_segmentation/points", qos.OUTPUT)
        self.instances = make(ObjectInstanceArray, "instance_segmentation/instances", qos.OUTPUT)

    def wait_for_recorder(self):
        end = time.monotonic() + 60
        while self.clouds.get_subscription_count() == 0:
            assert time.monotonic() < end
            time.sleep(0.05)
        time.sleep(0.5)  # until the other topics are matched too

    def cloud(self, seconds):
        self._cloud.header = Header(frame_id="map", stamp=Time(sec=seconds))
        self.clouds.publish(self._cloud)

    def result(self, seconds):
        header = Header(frame_id="map", stamp=Time(sec=seconds))
        self.instances.publish(
            ObjectInstanceArray(header=header, voxel_size=0.1, instances=[_record()])
        )
        self._voxels.header = header
        self.points.publish(self._voxels)

    def close(self):
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


def _scene():
    """Three voxels, the last two of them object 7."""
    grid = VoxelGrid(
        np.array([[0, 0, 0], [0, 0, 1], [1, 0, 1]], np.int32),
        np.array([0, CHAIR, CHAIR], np.uint8),
        0.1,
    )
    box = OrientedBox(np.zeros(3), np.ones(3), 0.0)
    found = Instance(np.array([1, 2]), CHAIR, 0.75, np.zeros(3), box)
    segmentation = Segmentation(grid, np.array([-1, 0, 0], np.int32), [found], [], grid.labels)
    return grid, Shown.of(segmentation, [TrackedInstance(7, found, 0.0, 0.0)])


def _record():
    return ObjectInstance(
        id=7,
        class_id=5,
        class_name="chair",
        score=0.75,
        num_voxels=2,
        centroid=Point(x=0.1, y=0.05, z=0.15),
        pose=Pose(
            position=Point(x=0.1), orientation=Quaternion(z=math.sin(0.25), w=math.cos(0.25))
        ),
        size=Vector3(x=0.2, y=0.1, z=0.1),
    )


@pytest.fixture
def robot(dds_environment):
    made = Robot(dds_environment)
    yield made
    made.close()


@pytest.fixture
def record(tmp_path, dds_environment):
    """Starts the recorder; it has half a second of patience, or what a test says."""
    started = []

    def start(**parameters):
        values = {"output": tmp_path / "out", "after_seconds": 0.5, "timeout": 60.0, **parameters}
        words = [w for name, value in values.items() for w in ("-p", f"{name}:={value}")]
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "--ros-args", *words],
            env={**os.environ, **dds_environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_writes_the_result_that_includes_the_last_cloud(robot, record, tmp_path):
    process = record()
    robot.wait_for_recorder()
    robot.cloud(1)
    robot.cloud(2)
    robot.result(1)
    time.sleep(1.5)
    assert process.poll() is None  # cloud 2 is not in the result yet
    robot.result(2)
    assert process.wait(30) == 0, process.stderr.read()

    voxels = read_points(tmp_path / "out" / "segmentation.npz")
    expected = np.array([[0.05, 0.05, 0.05], [0.05, 0.05, 0.15], [0.15, 0.05, 0.15]])
    np.testing.assert_allclose(voxels.xyz, expected, atol=1e-6)
    assert voxels.label.tolist() == [0, 5, 5]
    assert voxels.instance.tolist() == [-1, 7, 7]
    assert voxels.score.tolist() == [0.0, 0.75, 0.75]

    written = json.loads((tmp_path / "out" / "objects.json").read_text())
    (found,) = written["objects"]
    assert found["box"].pop("yaw") == pytest.approx(0.5)
    assert found == {
        "id": 7,
        "class_id": 5,
        "class_name": "chair",
        "score": 0.75,
        "num_voxels": 2,
        "centroid": [0.1, 0.05, 0.15],
        "box": {"center": [0.1, 0.0, 0.0], "size": [0.2, 0.1, 0.1]},
        "first_seen": 0.0,
        "last_seen": 0.0,
    }
    assert (written["frame"], written["voxel_size"]) == ("map", 0.1)
    statistics = written["statistics"]
    assert (statistics["clouds"], statistics["segmentations"]) == (2, 2)
    assert 0 <= statistics["latency_median"] < 10
    assert statistics["latency_last"] > 1  # cloud 2 waited 1.5 s, less its way to the recorder


def test_a_result_with_no_clouds_heard_is_written_when_asked_to_stop(robot, record, tmp_path):
    """A robot that mapped before: its latched result comes, its clouds have ended."""
    process = record()
    robot.wait_for_recorder()
    robot.result(5)
    time.sleep(1.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0, process.stderr.read()
    assert len(json.loads((tmp_path / "out" / "objects.json").read_text())["objects"]) == 1


def test_gives_up_when_nothing_comes(record, tmp_path):
    process = record(timeout=1.0)
    assert process.wait(60) == 2
    error = process.stderr.read()
    assert "error: no segmentation to record: 0 clouds came on /points" in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_reported(robot, record, tmp_path):
    (tmp_path / "out").write_text("a file")
    process = record()
    robot.wait_for_recorder()
    robot.cloud(1)
    robot.result(1)
    assert process.wait(30) == 2
    error = process.stderr.read()
    assert "cannot be made" in error
    assert "Traceback" not in error
