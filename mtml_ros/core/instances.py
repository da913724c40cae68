"""What segmentation gives: instances, the segmentation of a grid, gravity-aligned boxes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

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
    seconds: how long each named step took.
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

    coordinates: (n, 3) integer voxel indices, n >= 1. The least rectangle around a convex outline
    has a side along one of the outline's edges (Freeman and Shapira 1975), so only those
    directions are tried: those of the centres' outline, and the voxels' own sides.
    """
    # whole numbers around a corner of their own: exact, and the same wherever the object stands
    corner = coordinates.min(axis=0)
    local = (coordinates - corner).astype(np.int64)
    outline = _convex_hull(local[:, :2])
    edges = np.diff(np.vstack([outline, outline[:1]]), axis=0)
    angles = np.unique(np.append(np.arctan2(edges[:, 1], edges[:, 0]) % (np.pi / 2), 0.0))
    cos, sin = np.cos(angles), np.sin(angles)
    along = outline @ np.stack([cos, sin])  # (h, a)
    across = outline @ np.stack([-sin, cos])
    extent = np.stack([np.ptp(along, axis=0), np.ptp(across, axis=0)])
    extent += np.abs(cos) + np.abs(sin)  # a voxel's own extent, seen along the box's axes
    best = int(np.argmin(np.round(extent[0] * extent[1], 9)))
    yaw = float(angles[best])
    middle = np.array([along[:, best].max() + along[:, best].min(),
                       across[:, best].max() + across[:, best].min()]) / 2  # fmt: skip
    length, width = extent[:, best]
    if width > length:  # the box's x axis is its longer horizontal side
        yaw, length, width = yaw - np.pi / 2, width, length
        middle = np.array([-middle[1], middle[0]])
    rotation = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    height = np.ptp(local[:, 2])
    # + 0.5: from a voxel's index to its centre
    center = (corner + [*(rotation @ middle), height / 2] + 0.5) * voxel_size
    return OrientedBox(center, np.array([length, width, height + 1]) * voxel_size, yaw)


def _convex_hull(xy: np.ndarray) -> np.ndarray:
    """(h, 2) outline of points (n, 2) by Andrew's monotone chain, counter-clockwise.

    xy: integers from 0 up.
    """
    width = xy[:, 1].max() + 1
    points = np.stack(np.divmod(np.unique(xy @ [width, 1]), width), axis=1)  # by x, then by y
    if len(points) <= 2:
        return points
    # only the lowest and highest y of each x can be on the hull
    first = np.unique(points[:, 0], return_index=True)[1]
    last = np.append(first[1:], len(points)) - 1
    candidates = points[np.unique(np.concatenate([first, last]))].tolist()
    chains = []
    for sequence in (candidates, candidates[::-1]):
        chain: list[list[int]] = []
        for p in sequence:
            while len(chain) >= 2 and _turn(chain[-2], chain[-1], p) <= 0:
                chain.pop()
            chain.append(p)
        chains.append(chain[:-1])
    return np.array(chains[0] + chains[1])


def _turn(a: list[int], b: list[int], c: list[int]) -> int:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
