"""Launch files, RViz view, Fast DDS profile and demo scans that ship."""

import ast
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import yaml

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.io.point_files import read_points
from mtml_ros.ros import qos


def test_rviz_shows_what_the_node_publishes(root):
    view = yaml.safe_load((root / "rviz" / "instance_segmentation.rviz").read_text())
    manager = view["Visualization Manager"]
    displays = {d["Name"]: d for d in manager["Displays"]}
    assert manager["Global Options"]["Fixed Frame"] == "map"
    for name, topic in (("Voxels", "points"), ("Objects", "markers")):
        shown = displays[name]["Topic"]
        assert displays[name]["Enabled"]
        assert shown["Value"] == f"/instance_segmentation/{topic}"
        # late starters see the latched result only if they ask for what the node offers
        assert shown["Durability Policy"] == "Transient Local"
        assert shown["Reliability Policy"] == "Reliable"
    assert qos.OUTPUT.durability.name == "TRANSIENT_LOCAL"
    assert qos.OUTPUT.reliability.name == "RELIABLE"
    assert displays["Voxels"]["Color Transformer"] == "RGB8"
    assert displays["Voxels"]["Size (m)"] == 0.1


@pytest.mark.parametrize("name", ["living_room", "office_large"])
def test_demo_scans(root, name):
    path = root / "mtml_ros" / "datasets" / "scans" / f"{name}.npz"
    assert path.stat().st_size < 1_000_000
    scan = read_points(path)
    labels = Taxonomy.scannet().encode(scan.label)
    assert len(scan.xyz) > 50_000
    assert 0 <= scan.xyz[:, 2].min() < 0.05  # the floor is at 0, z is up
    assert np.ptp(scan.xyz[:, 2]) < 5
    assert Taxonomy.scannet().is_thing[labels].mean() > 0.2


def test_demo_scans_carry_their_licence(root):
    scans = root / "mtml_ros" / "datasets" / "scans"
    assert "MIT License" in (scans / "LICENSE").read_text()
    assert "@iwer/sem" in (scans / "README.md").read_text()


# One process publishes clouds as a camera driver does (BEST_EFFORT), another counts them.
PUBLISH = """
import array, sys, time, rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import PointCloud2
rclpy.init()
node = rclpy.create_node("publisher")
profile = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
publisher = node.create_publisher(PointCloud2, "large_clouds", profile)
while publisher.get_subscription_count() == 0:
    time.sleep(0.05)
cloud = PointCloud2(data=array.array("B", bytes(int(sys.argv[1]))))
for i in range(10):
    cloud.width = i + 1
    publisher.publish(cloud)
    time.sleep(0.25)
time.sleep(1.0)
"""
RECEIVE = """
import time, rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import PointCloud2
rclpy.init()
node = rclpy.create_node("receiver")
profile = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
got = []
node.create_subscription(PointCloud2, "large_clouds", lambda m: got.append(m.width), profile)
end = time.monotonic() + 60
while 10 not in got and time.monotonic() < end:
    rclpy.spin_once(node, timeout_sec=0.1)
print(len(got))
"""


def test_fastdds_profile_lets_large_clouds_through(root, alone_on_dds):
    profile = str(root / "config" / "fastdds_profile.xml")
    environment = {
        **alone_on_dds,
        "FASTRTPS_DEFAULT_PROFILES_FILE": profile,
        "FASTDDS_DEFAULT_PROFILES_FILE": profile,
    }
    # a container with 64 MB of it has no shared memory for this; then UDP must carry small clouds
    room = shutil.disk_usage("/dev/shm").free > 400_000_000
    publish = [sys.executable, "-c", PUBLISH, "16000000" if room else "10000"]
    with subprocess.Popen(publish, env=environment) as publisher:
        try:
            receiver = subprocess.run(
                [sys.executable, "-c", RECEIVE],
                env=environment,
                capture_output=True,
                text=True,
                timeout=90,
                check=True,
            )
        finally:
            publisher.kill()
    # by default about none of 10 arrives; one may be lost on a machine that is busy elsewhere
    assert int(receiver.stdout.split()[-1]) >= 9


def test_fastdds_profile_segment_holds_a_million_points(root):
    tree = ET.parse(root / "config" / "fastdds_profile.xml")
    sizes = [e for e in tree.iter() if e.tag.endswith("segment_size")]
    assert [int(e.text) for e in sizes] == [128 * 2**20]


def test_launch_arguments_are_those_that_are_documented(root):
    """Read without `launch`, which exists only where ROS does; test_launch.py runs the file."""
    tree = ast.parse((root / "launch" / "instance_segmentation.launch.py").read_text())
    rows = next(
        n.value.elts
        for n in tree.body
        if isinstance(n, ast.Assign) and n.targets[0].id == "ARGUMENTS"
    )
    assert [row.elts[0].value for row in rows] == [
        *("params_file", "input", "points", "labels"),
        *("depth_image", "camera_info", "label_image", "label_field", "taxonomy"),
        *("map_frame", "voxel_size", "device", "weights"),
        *("namespace", "use_sim_time", "rviz", "log_level"),
    ]


def test_launch_files_name_files_that_exist(root):
    for path in (root / "launch").glob("*.launch.py"):
        for folder, name in re.findall(r'SHARE / "(\w+)" / "([\w.]+)"', path.read_text()):
            assert (root / folder / name).is_file(), f"{path.name}: {folder}/{name}"
