"""examples/nearest_object.py against the real node and the weights that ship."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from std_msgs.msg import Header

from mtml_ros import InstanceSegmenter, LabeledPoints, VoxelGrid
from mtml_ros.datasets import SCANS
from mtml_ros.io.point_files import read_points
from mtml_ros.ros.tools.scene_player import make_cloud

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "nearest_object.py"
NODE = "from mtml_ros.ros.node import main; main()"
PLACE = (2.0, 1.0)


def test_it_names_the_nearest_table_and_its_points(robot, dds_environment, tmp_path):
    scan = read_points(SCANS / "office_large.npz")
    environment = {**os.environ, **dds_environment}
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen([sys.executable, "-c", NODE], env=environment, stdout=log) as node,
    ):
        try:
            robot.wait_active()
            header = Header(frame_id="map", stamp=robot.now())
            robot.publish(make_cloud(scan.xyz, scan.label.astype(np.int32), "label", header))
            robot.until(lambda: robot.heard["instances"], 120, "objects")
            done = subprocess.run(
                [sys.executable, str(EXAMPLE), "table", *map(str, PLACE)],
                env=environment, capture_output=True, text=True, timeout=100,
            )  # fmt: skip
        finally:
            node.terminate()
    assert done.returncode == 0, done.stderr
    line = re.fullmatch(
        r"table \d+: (\d+) points, top at ([\d.]+) m, yaw (-?[\d.]+)\n", done.stdout
    )
    assert line, done.stdout

    segmenter = InstanceSegmenter.load()  # what it should be, without node and messages
    points = LabeledPoints(scan.xyz, segmenter.taxonomy.encode(scan.label))
    grid, _ = VoxelGrid.from_points(points, segmenter.voxel_size)
    names = segmenter.taxonomy.names
    tables = [o for o in segmenter.segment(grid).instances if names[o.label] == "table"]
    nearest = min(tables, key=lambda o: np.linalg.norm(o.centroid[:2] - PLACE))
    top = (grid.coordinates[nearest.voxels, 2].max() + 0.5) * grid.voxel_size
    assert (int(line[1]), float(line[2])) == (len(nearest.voxels), round(float(top), 2))
    assert abs(float(line[3]) - nearest.box.yaw) < 0.006
