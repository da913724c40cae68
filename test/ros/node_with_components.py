"""The real node with a stand-in for the network: connected components, as slow as is asked for.

Run by tests as a process of its own, so that they need no weights and no luck with them.
MTML_TEST_SECONDS: how long a segmentation takes. MTML_TEST_FAIL: what it raises, "oom" or "error",
on a device other than the CPU, or always.
"""

import os
import sys
import time

import torch

import mtml_ros.segmenter
from mtml_ros.evaluation.baselines import components_as_instances
from mtml_ros.ros.node import main
from mtml_ros.taxonomy import Taxonomy
from mtml_ros.voxels import VoxelGrid


class ComponentSegmenter:
    """Has the names that the node uses of InstanceSegmenter."""

    def __init__(self, taxonomy, device):
        self.settings = mtml_ros.segmenter.SegmenterSettings()
        self.taxonomy = taxonomy
        self.device = device
        self.voxel_size = 0.1

    @staticmethod
    def load(weights=None, taxonomy=None, device="auto", settings=None):
        return ComponentSegmenter(taxonomy or Taxonomy.scannet(), device)

    def segment(self, grid: VoxelGrid):
        failure = os.environ.get("MTML_TEST_FAIL")
        if failure == "oom" and self.device != "cpu":
            raise torch.cuda.OutOfMemoryError("out of memory")
        if failure == "error":
            raise RuntimeError("a segmentation that fails")
        time.sleep(float(os.environ.get("MTML_TEST_SECONDS", "0")))
        return components_as_instances(grid, self.taxonomy, self.settings.min_voxels)


if __name__ == "__main__":
    mtml_ros.segmenter.InstanceSegmenter = ComponentSegmenter
    sys.exit(main())
