"""What is added to scores when masks are chosen: for what was found before and against what was
found otherwise, so that near ties do not flip from update to update, and for whole components of
labels that can be relied on.
"""

from __future__ import annotations

import numpy as np

from mtml_ros.core.instances import Segmentation
from mtml_ros.core.kernels import kernels
from mtml_ros.core.sorted_keys import find
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.segmentation.context import VoxelContext
from mtml_ros.segmentation.proposals import Masks, Proposals

PREFERENCE = 0.1
"""Greatest addition to a score or deduction from it, a tenth of its range: what is better by more
wins at once."""

COMPONENT = 0.2
"""Addition for a whole component of labels that decide."""
MIN_COMPONENT = 10
"""Voxels; smaller components are not preferred."""


NOBODY, NEW = -1, -2
"""What a voxel was in before: no instance; it was not in the map."""


def instances_before(grid: VoxelGrid, previous: Segmentation | None) -> np.ndarray:
    """(V,) int64: the instance of `previous` that each voxel of the grid was in, or NOBODY, NEW."""
    before = np.full(len(grid), NEW, dtype=np.int64)
    if previous is not None:
        known, row = find(previous.grid.keys, grid.keys)
        before[known] = previous.instance[row[known]]
    return before


def preference(masks: Masks, before: np.ndarray) -> np.ndarray:
    """(P,) float64: what is added to the score of each mask because it was there before, or taken
    from it because its voxels were there, but as something else.

    before: (V,) as `instances_before` gives it. PREFERENCE times 2 IoU - 1 with the instance that
    the mask agrees with best, where the map was known: an object that has grown into new voxels
    agrees with what there was of it. Of what that takes away, the share of the mask that was known.
    """
    iou = np.zeros(masks.count)
    inside = before[masks.voxel]
    known = np.bincount(masks.mask, inside != NEW, minlength=masks.count)
    seen = inside >= 0
    if seen.any():
        size = np.bincount(before[before >= 0])
        pair, common = np.unique(masks.mask[seen] * len(size) + inside[seen], return_counts=True)
        mask, instance = np.divmod(pair, len(size))
        np.maximum.at(iou, mask, common / (known[mask] + size[instance] - common))
    share = np.where(iou > 0.5, 1.0, known / masks.sizes)
    added: np.ndarray = PREFERENCE * share * (2 * iou - 1)
    return added


def with_preference(scores: np.ndarray, masks: Masks, before: np.ndarray) -> np.ndarray:
    """(P,) scores, above 0, with `preference`; of a score half is left at least, so that what
    scores anything is never worth nothing: a threshold of 0 shows it."""
    preferred: np.ndarray = scores + np.maximum(preference(masks, before), -scores / 2)
    return preferred


def components_preferred(proposals: Proposals, context: VoxelContext) -> np.ndarray:
    """(P,) float64: what is added to the score of each mask because it is a component of labels.

    The learned score is fitted on procedural rooms, where true labels fall into more components
    than in real scans; `context.label_weight` says how far this scene's decide.
    """
    masks = proposals.masks
    number = int(context.component.max(initial=-1)) + 1
    if not number or not masks.count:
        return np.zeros(masks.count)
    main, shared = kernels.main_bins(masks.voxel, masks.starts, context.component, number)
    total = np.bincount(context.component[context.component >= 0], minlength=number)
    whole = (shared == masks.sizes) & (shared == total[main]) & (shared >= MIN_COMPONENT)
    whole &= context.labels[masks.voxel[masks.starts[:-1]]] > 0
    return COMPONENT * context.label_weight * whole
