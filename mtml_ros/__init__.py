"""mtml_ros: separate objects in labelled 3D point clouds, live (MTML, ICCV 2019).

The folders are the architecture; the names a user needs are these:

- `ObjectMapper`: labelled clouds in, objects with lasting ids out;
- `InstanceSegmenter`: labelled voxels in, separate objects out;
- `VoxelMap`: labelled clouds fused over time; `InstanceTracker`: ids that last;
- `Taxonomy`, `VoxelGrid`, `LabeledPoints`, `Segmentation`, `Instance`: the data between them.

Only `mtml_ros.ros` needs ROS.
"""

from importlib import import_module
from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

# A source checkout on sys.path still finds the generated mtml_ros.msg and mtml_ros.srv of the
# installed package.
__path__ = extend_path(__path__, __name__)

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mtml_ros.core.instances import Instance, Segmentation
    from mtml_ros.core.taxonomy import Taxonomy
    from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
    from mtml_ros.mapper import ObjectMapper
    from mtml_ros.mapping.voxel_map import VoxelMap
    from mtml_ros.segmentation.segmenter import InstanceSegmenter
    from mtml_ros.tracking.tracker import InstanceTracker

_HOMES = {
    "Instance": "core.instances",
    "InstanceSegmenter": "segmentation.segmenter",
    "InstanceTracker": "tracking.tracker",
    "LabeledPoints": "core.voxels",
    "ObjectMapper": "mapper",
    "Segmentation": "core.instances",
    "Taxonomy": "core.taxonomy",
    "VoxelGrid": "core.voxels",
    "VoxelMap": "mapping.voxel_map",
}

__all__ = [
    "Instance",
    "InstanceSegmenter",
    "InstanceTracker",
    "LabeledPoints",
    "ObjectMapper",
    "Segmentation",
    "Taxonomy",
    "VoxelGrid",
    "VoxelMap",
]


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first asked for: torch takes seconds, and the node answers
    on the graph before it is there."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
