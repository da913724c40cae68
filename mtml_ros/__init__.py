"""mtml_ros: separate objects in labelled 3D point clouds, live (MTML, ICCV 2019).

The folders are the architecture; the names a user needs are these:

- `InstanceSegmenter`: labelled voxels in, separate objects out;
- `VoxelMap`: labelled clouds fused over time; `InstanceTracker`: ids that persist;
- `Taxonomy`, `VoxelGrid`, `LabeledPoints`, `Segmentation`, `Instance`: the data between them.

Only `mtml_ros.ros` needs ROS.
"""

from pkgutil import extend_path

# A source checkout on sys.path still finds the generated mtml_ros.msg and mtml_ros.srv of the
# installed package.
__path__ = extend_path(__path__, __name__)

__version__ = "0.1.0"
