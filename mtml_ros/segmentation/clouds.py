"""One cloud from a file to objects and back to its points, in its order."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mtml_ros.core.errors import ConfigurationError, InputError
from mtml_ros.core.instances import Segmentation
from mtml_ros.core.object_record import ObjectRecord
from mtml_ros.core.taxonomy import UNKNOWN, Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
from mtml_ros.io.point_files import PointFile, labels_missing
from mtml_ros.segmentation.point_borders import instances_of_points
from mtml_ros.segmentation.segmenter import InstanceSegmenter


@dataclass(frozen=True)
class Found:
    """A segmented cloud: the voxels' segmentation, and its values point by point.

    label: (N,) int64 ids. instance: (N,) int32, -1 for none, see point_borders.py. score: (N,)
        float32, 0 for none. point_to_voxel: (N,) int64, -1 for points that are not finite.
    network: where it was asked for, embedding (N, E) and direction (N, 3), float32, 0 for points
        that are not finite.
    """

    segmentation: Segmentation
    label: np.ndarray
    instance: np.ndarray
    score: np.ndarray
    point_to_voxel: np.ndarray
    network: dict[str, np.ndarray] = field(default_factory=dict)

    def records(self, taxonomy: Taxonomy) -> list[ObjectRecord]:
        """One record an object, by its number in `instance`."""
        objects = self.segmentation.instances
        points = np.bincount(self.instance[self.instance >= 0], minlength=len(objects))
        return [ObjectRecord.of(o, i, taxonomy, int(points[i])) for i, o in enumerate(objects)]


def segment_cloud(
    cloud: PointFile,
    segmenter: InstanceSegmenter,
    voxel_size: float | None = None,
    unlabelled: bool = False,
    network: bool = False,
) -> Found:
    """The objects in a cloud, point for point in its order.

    Voxels and their labels are formed as the node's map forms them of the same points. Points
    that are not finite belong to nothing. voxel_size: metres, None for that of the weights.
    unlabelled: the cloud has no labels, and that is on purpose. network: whether to keep what the
    network gave each voxel.
    Raises InputError where the cloud lacks what the weights need.
    """
    taxonomy = segmenter.taxonomy
    size = segmenter.voxel_size if voxel_size is None else voxel_size
    if not size > 0:
        raise ConfigurationError(f"--voxel-size must be above 0 m, not {size}")
    if unlabelled and not segmenter.config.semantic:
        raise InputError("these weights cannot do without labels; leave out --no-labels")
    if cloud.label is None and not unlabelled:
        raise labels_missing(cloud)
    label = np.zeros(len(cloud), np.int64) if cloud.label is None or unlabelled else cloud.label
    finite = cloud.finite
    encoded = taxonomy.encode(label[finite])
    if unlabelled:
        encoded[:] = UNKNOWN  # also where the taxonomy has a class with the id 0
    points = LabeledPoints(cloud.xyz[finite], encoded)
    features = None if cloud.features is None else cloud.features[finite]
    grid, voxel = VoxelGrid.from_points(points, size, features)
    segmentation = segmenter.segment(grid)

    point_to_voxel = np.full(len(cloud), -1, dtype=np.int64)
    point_to_voxel[finite] = voxel
    instance = np.full(len(cloud), -1, dtype=np.int32)
    if segmenter.settings.as_in_the_paper:  # section 3.4
        instance[finite] = segmentation.instance[voxel]
    else:
        instance[finite] = instances_of_points(points, voxel, segmentation, taxonomy)
    objects = segmentation.instances
    scores = np.array([*(o.score for o in objects), 0.0], dtype=np.float32)
    classes = np.array([*(taxonomy.ids[o.label] for o in objects), 0], dtype=np.int64)
    given = segmenter.network_features(grid) if network else {}
    return Found(
        segmentation,
        np.where(instance >= 0, classes[instance], label),
        instance,
        scores[instance],
        point_to_voxel,
        {n: np.vstack([v, np.zeros_like(v[:1])])[point_to_voxel] for n, v in given.items()},
    )
