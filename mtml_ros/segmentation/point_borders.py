"""Borders of objects finer than voxels: which object each point of a cloud is in.

A voxel on the border of an object holds points of what lies beside it too, and is as a whole in the
object or not. The labels of the points say more, as far as they can be relied on: what cells a
third of a voxel wide are labelled is looked at, not single points, which may be wrong alone.
"""

from __future__ import annotations

import numpy as np

from mtml_ros.core.instances import Segmentation
from mtml_ros.core.majority import most_frequent
from mtml_ros.core.neighbors import NEIGHBORS, key_steps
from mtml_ros.core.sorted_keys import find
from mtml_ros.core.taxonomy import UNKNOWN, Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid

CELLS_PER_VOXEL = 3
"""Cells to each side of a voxel."""
MOST_WRONG = 0.05
"""Share of the points amid objects whose cells are labelled otherwise, up to which labels tell
borders. It is .002 to .02 with true labels of real rooms, .01 to .05 where one in eight objects is
mislabelled and borders move by 5 cm, .07 and more where labels are seldom right."""
LEAST_LABELLED = 0.5
"""Share of the points that have a label; with fewer, a missing one says nothing."""


def instances_of_points(
    points: LabeledPoints, voxel: np.ndarray, segmentation: Segmentation, taxonomy: Taxonomy
) -> np.ndarray:
    """(N,) int32: the instance that each point is in, -1 for none.

    It is that of the point's voxel, but where the point's cell is labelled otherwise than the
    voxel: a cell of no object is in none, and one of another class than the voxel's instance is in
    the nearest instance of its own class in a touching voxel, if there is one. Where labels are
    often otherwise amid objects too, they tell no borders, and voxels do.

    points: those that the grid of `segmentation` was formed of. voxel: (N,) of each.
    """
    grid = segmentation.grid
    instance = segmentation.instance[voxel]
    if not segmentation.instances:
        return instance
    cell = _cells(points.xyz, voxel, grid)
    cells, majority, _ = most_frequent(cell, points.labels)
    label = majority[np.searchsorted(cells, cell)]
    otherwise = label != grid.labels[voxel]
    if np.mean(points.labels != UNKNOWN) < LEAST_LABELLED:
        otherwise &= label != UNKNOWN
    amid = _amid_objects(grid, taxonomy.is_thing)[voxel]
    if not amid.any() or otherwise[amid].mean() > MOST_WRONG:
        return instance
    is_thing = taxonomy.is_thing[label]
    instance[otherwise & ~is_thing] = -1
    class_of = np.array([o.label for o in segmentation.instances] + [UNKNOWN])
    apart = np.flatnonzero(otherwise & is_thing & (label != class_of[instance]))
    beside = _nearest(points.xyz[apart], voxel[apart], label[apart], segmentation, class_of)
    instance[apart] = np.where(beside >= 0, beside, instance[apart])
    return instance


def _cells(xyz: np.ndarray, voxel: np.ndarray, grid: VoxelGrid) -> np.ndarray:
    """(N,) int64: the cell of each point (N, 3), a number that no cell of another voxel has."""
    cell = voxel.astype(np.int64)
    for axis in range(3):
        inside = xyz[:, axis] / np.float64(grid.voxel_size) - grid.coordinates[voxel, axis]
        part = np.clip(inside * CELLS_PER_VOXEL, 0, CELLS_PER_VOXEL - 1).astype(np.int64)
        cell = cell * CELLS_PER_VOXEL + part
    return cell


def _amid_objects(grid: VoxelGrid, is_thing: np.ndarray) -> np.ndarray:
    """(V,) bool: voxels that are labelled as an object, and all that touch them as the same."""
    result: np.ndarray = is_thing[grid.labels]
    for step in key_steps(NEIGHBORS):
        there, at = find(grid.keys, grid.keys + step)
        result &= ~there | (grid.labels[at] == grid.labels)
    return result


def _nearest(
    xyz: np.ndarray,
    voxel: np.ndarray,
    label: np.ndarray,
    segmentation: Segmentation,
    class_of: np.ndarray,
) -> np.ndarray:
    """(n,) the instance of class `label` (n,) in the voxel nearest to each point (n, 3) of those
    that touch its `voxel` (n,), -1 where none is there. class_of: (I + 1,) of each instance."""
    grid = segmentation.grid
    best, least = np.full(len(xyz), -1), np.full(len(xyz), np.inf)
    for offset, step in zip(NEIGHBORS, key_steps(NEIGHBORS)):
        there, at = find(grid.keys, grid.keys[voxel] + step)
        instance = np.where(there, segmentation.instance[at], -1)
        center = (grid.coordinates[voxel] + offset + 0.5) * grid.voxel_size
        distance = ((xyz - center) ** 2).sum(axis=1)
        nearer = (class_of[instance] == label) & (distance < least)
        best[nearer], least[nearer] = instance[nearer], distance[nearer]
    return best
