"""The real node with a stand-in for the network: connected components, as slow as is asked for.

Run by tests as a process of its own, so that they need no weights and no luck with them.
MTML_TEST_SECONDS: how long a segmentation takes.
"""

import os
import sys
import time
from types import ModuleType

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.evaluation.baselines import components_as_instances
from mtml_ros.ros.node import main


class ComponentSegmenter:
    """Has the names that the node uses of InstanceSegmenter."""

    def __init__(self, taxonomy, device):
        self.taxonomy = taxonomy
        self.device = device
        self.voxel_size = 0.1

    @staticmethod
    def load(weights=None, taxonomy=None, device="auto"):
        return ComponentSegmenter(taxonomy or Taxonomy.scannet(), device)

    def segment(self, grid: VoxelGrid, *, min_voxels=None, **_options):
        time.sleep(float(os.environ.get("MTML_TEST_SECONDS", "0")))
        return components_as_instances(grid, self.taxonomy, min_voxels or 10)


if __name__ == "__main__":
    # the real one imports torch: seconds a process
    segmenter = ModuleType("mtml_ros.segmentation.segmenter")
    segmenter.InstanceSegmenter = ComponentSegmenter
    threads = ModuleType("mtml_ros.network.threads")
    threads.set_threads = lambda count: None
    sys.modules.update({m.__name__: m for m in (segmenter, threads)})
    sys.exit(main())
