"""Preference for what was found before, so that near ties do not flip from update to update."""

from __future__ import annotations

import numpy as np

from mtml_ros.core.instances import Segmentation
from mtml_ros.core.sorted_keys import find
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.segmentation.proposals import Masks

PREFERENCE = 0.1
"""Greatest addition to a score, a tenth of its range: what is better by more wins at once."""


def instances_before(grid: VoxelGrid, previous: Segmentation | None) -> np.ndarray:
    """(V,) int64: the instance of `previous` that each voxel of the grid was in, -1 for none."""
    before = np.full(len(grid), -1, dtype=np.int64)
    if previous is not None:
        known, row = find(previous.grid.keys, grid.keys)
        before[known] = previous.instance[row[known]]
    return before


def preference(masks: Masks, before: np.ndarray) -> np.ndarray:
    """(P,) float64: what is added to the score of each mask because it was there before.

    before: (V,) as `instances_before` gives it. PREFERENCE times 2 IoU - 1 with the instance that
    the mask agrees with best; nothing up to an IoU of one half.
    """
    added = np.zeros(masks.count)
    inside = before[masks.voxel]
    seen = inside >= 0
    if not seen.any():
        return added
    size = np.bincount(before[before >= 0])
    pair, common = np.unique(masks.mask[seen] * len(size) + inside[seen], return_counts=True)
    mask, instance = np.divmod(pair, len(size))
    iou = common / (masks.sizes[mask] + size[instance] - common)
    np.maximum.at(added, mask, PREFERENCE * (2 * iou - 1))
    return added
