"""What segmentation gives: instances, the segmentation of a grid, gravity-aligned boxes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mtml_ros.core.kernels import kernels
from mtml_ros.core.voxels import VoxelGrid


@dataclass(frozen=True)
class OrientedBox:
    """A gravity-aligned box: turned about the vertical (z) axis only.

    center: (3,) float64, metres. size: (3,) float64, metres, along the box's own axes.
    yaw: rotation about z in radians, counter-clockwise, in [-pi/2, pi/2).
    """

    center: np.ndarray
    size: np.ndarray
    yaw: float


@dataclass(frozen=True)
class Proposal:
    """A candidate instance. Proposals may overlap (MTML, section 3.3).

    voxels: (n,) int64, ascending indices into the grid. label: class index. score: 0..1, how sure
    it is that this is one object, and of this class.
    """

    voxels: np.ndarray
    label: int
    score: float


@dataclass(frozen=True)
class Instance:
    """One object of the non-overlapping labelling.

    voxels: (n,) int64, ascending indices into the grid. label: class index. score: as a Proposal's.
    centroid: (3,) float64, metres, mean of the voxels' centres.
    """

    voxels: np.ndarray
    label: int
    score: float
    centroid: np.ndarray
    box: OrientedBox


@dataclass(frozen=True)
class Segmentation:
    """Instances of a grid.

    instance: (V,) int32, position in `instances` of each voxel's instance, -1 for none.
    instances: the non-overlapping labelling, by falling score.
    proposals: the scored masks after suppression, which may overlap: what benchmarks score.
    labels: (V,) uint8, class index of each voxel; its instance's class where it has one.
    seconds: how long each named step took, added up over regions, of which two may run at once.
    """

    grid: VoxelGrid
    instance: np.ndarray
    instances: list[Instance]
    proposals: list[Proposal]
    labels: np.ndarray
    seconds: dict[str, float] = field(default_factory=dict)


def make_instance(grid: VoxelGrid, voxels: np.ndarray, label: int, score: float) -> Instance:
    """The Instance that these voxels ((n,) indices into the grid, n >= 1) form."""
    coordinates = grid.coordinates[voxels]
    centroid = (coordinates.mean(axis=0) + 0.5) * grid.voxel_size
    return Instance(voxels, label, score, centroid, fit_box(coordinates, grid.voxel_size))


def fit_box(coordinates: np.ndarray, voxel_size: float) -> OrientedBox:
    """The gravity-aligned box of least footprint around whole voxels.

    coordinates: (n, 3) integer voxel indices, n >= 1.
    """
    rows = np.ascontiguousarray(coordinates, dtype=np.int64)
    center, size, yaw = kernels.least_box(rows)
    return OrientedBox(center * voxel_size, size * voxel_size, yaw)
