"""Labelled points to separate objects, without ROS: python examples/library.py"""

import numpy as np

from mtml_ros import InstanceSegmenter, LabeledPoints, Taxonomy, VoxelGrid
from mtml_ros.datasets import SCANS
from mtml_ros.io.point_files import read_points

scan = read_points(SCANS / "office_large.npz")  # .ply and .pcd are read the same way
segmenter = InstanceSegmenter.load()
taxonomy = Taxonomy.scannet()  # what the label ids mean; Taxonomy.load("ade20k"), or a YAML file

points = LabeledPoints(scan.xyz, taxonomy.encode(scan.label))
grid, voxel_of_point = VoxelGrid.from_points(points, segmenter.voxel_size)
found = segmenter.segment(grid)

instance_of_point = found.instance[voxel_of_point]  # -1: of no object
for i, instance in enumerate(found.instances):
    size = " x ".join(f"{s:.1f}" for s in instance.box.size)
    name = taxonomy.names[instance.label]
    count = np.count_nonzero(instance_of_point == i)
    print(f"{name:16} score {instance.score:.2f} {count:6,} points, {size} m")
