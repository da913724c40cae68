"""A bag played to the node: the same map as `mtml replay` makes of it, all images accounted for."""

import os
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from rosbags.rosbag2 import StoragePlugin, Writer

from mtml_ros.cli.main import mtml
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.transforms import Transform
from mtml_ros.io.bag_writer import STORE, BagWriter, camera_info, image, transforms
from mtml_ros.io.camera import Camera
from mtml_ros.mapping.voxel_map import VoxelMap

pytest.importorskip("tf2_msgs", reason="comes with ROS, or with this project's pip install")

PLAYER = "import sys; from mtml_ros.ros.tools.scene_player import main; sys.exit(main())"
CAMERA = Camera(160, 120, (120.0, 120.0), (79.5, 59.5))
START, STEP, IMAGES = 1_600_000_000_000_000_000, 100_000_000, 12
CHAIR, WALL = 5, 1
TOPICS = {"image": "/front/depth", "camera_info": "/front/info", "labels": "/front/classes"}
NOTHING = "RIHS01_0b2c7accc744ea821fe417814517e95080ef70f476033e9f20696d41c7781198"  # of "bool x"
FORWARD = (-0.5, 0.5, -0.5, 0.5)  # optical axes into x forward, y left, z up


@pytest.fixture
def bag(tmp_path):
    """A camera that moves half a metre a second past a board before a wall; a pose every 60 ms, so
    that images lie between poses."""
    depth = np.full((120, 160), 4000, np.uint16)
    labels = np.full((120, 160), WALL, np.uint8)
    board = np.s_[45:75, 65:95]
    depth[board], labels[board] = 2000, CHAIR
    end = START + IMAGES * STEP
    events = [
        (when, "/tf", transforms(when, [("map", "camera", place((when - START) * 0.5e-9))]))
        for when in range(START, end + STEP, 60_000_000)
    ]
    for when in range(START, end, STEP):
        events += [
            (when, TOPICS["camera_info"], camera_info(when, "camera", CAMERA)),
            (when, TOPICS["image"], image(when, "camera", depth)),
            (when + 20_000_000, TOPICS["labels"], image(when, "camera", labels)),
        ]
    with BagWriter(tmp_path / "bag") as writer:
        for when, topic, message in sorted(events, key=lambda e: e[0]):
            writer.write(topic, when, message)
    return tmp_path / "bag"


def place(y):
    return Transform.from_quaternion((0, y, 1), FORWARD)


def test_the_node_makes_the_same_map_of_a_bag_as_replay(
    bag, start_node, robot, dds_environment, tmp_path
):
    words = ["--depth", TOPICS["image"], "--camera-info", TOPICS["camera_info"]]
    words += ["--label-image", TOPICS["labels"], "--map", str(tmp_path / "replay.map")]
    assert CliRunner().invoke(mtml, ["replay", str(bag), *words]).exit_code == 0

    node = start_node(input="depth", map_directory=tmp_path, transform_timeout=3.0, queue_size=30)
    robot.until(lambda: robot.heard["diagnostics"], 60, "the node")
    remapped = [w for k, v in TOPICS.items() for w in ("-r", f"{v}:=/depth/{k}")]
    done = subprocess.run(
        [sys.executable, "-c", PLAYER, "--ros-args", "-p", f"file:={bag}", *remapped],
        env={**os.environ, **dds_environment},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    robot.until(
        lambda: robot.diagnostics().get("clouds integrated") == str(IMAGES), 30, "all images"
    )
    robot.heard["diagnostics"].clear()
    assert not [k for k in robot.diagnostics() if k.startswith("dropped")]
    answer = robot.map_file("save_map", "node.map")
    assert answer.success, answer.message
    one, other = (grid_of(tmp_path / f"{name}.map") for name in ("node", "replay"))
    np.testing.assert_array_equal(one.coordinates, other.coordinates)
    np.testing.assert_array_equal(one.labels, other.labels)
    assert node.alive, node.text


def grid_of(path):
    taxonomy = Taxonomy.scannet()
    voxel_map = VoxelMap(0.1, len(taxonomy), 100_000)
    voxel_map.load(path, taxonomy)
    return voxel_map.snapshot()


def test_topics_of_types_that_are_missing_are_named_and_the_rest_is_played(
    dds_environment, tmp_path
):
    with Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        known = writer.add_connection("/front", "std_msgs/msg/Bool", typestore=STORE)
        strange = writer.add_connection(
            "/strange", "nobody_msgs/msg/Nothing", msgdef="bool x", rihs01=NOTHING
        )
        message = STORE.types["std_msgs/msg/Bool"](True)
        writer.write(known, START, STORE.serialize_cdr(message, "std_msgs/msg/Bool"))
        writer.write(strange, START, b"\x00\x01\x00\x00\x01")
    done = subprocess.run(
        [sys.executable, "-c", PLAYER, "--ros-args", "-p", f"file:={tmp_path / 'bag'}",
         "-p", "subscribers:=0"],
        env={**os.environ, **dds_environment},
        capture_output=True,
        text=True,
        timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert "1 messages on /front" in said
    assert "types are missing: /strange (nobody_msgs/msg/Nothing)" in said
