"""The semantic label of a mask, and an instance for the voxels that no mask took."""

from __future__ import annotations

import numpy as np

from mtml_ros.grouping.proposals import Masks


def majority_labels(masks: Masks, labels: np.ndarray) -> np.ndarray:
    """(P,) uint8: each mask's most frequent label above 0 (section 3.3); 0 where it has none.

    labels: (V,) class indices, 0 for voxels that do not vote. Ties go to the lower index.
    """
    width = int(labels.max(initial=0)) + 1
    votes = np.bincount(
        masks.mask * width + labels[masks.voxel], minlength=masks.count * width
    ).reshape(masks.count, width)
    votes[:, 0] = 0
    return votes.argmax(axis=1).astype(np.uint8)


def label_masks(
    owner: np.ndarray, candidates: np.ndarray, embedding: np.ndarray, radius: float
) -> np.ndarray:
    """owner with each free candidate given to the instance nearest in the embedding.

    owner: (V,) int64, -1 for free voxels. candidates: (V,) bool. embedding: (V, E).
    A voxel farther than `radius` from every instance's mean embedding stays free.
    """
    taken = owner >= 0
    free = np.flatnonzero(candidates & ~taken)
    if not len(free) or not taken.any():
        return owner
    ids, index = np.unique(owner[taken], return_inverse=True)
    counts = np.bincount(index)
    means = np.stack(
        [np.bincount(index, weights=column) / counts for column in embedding[taken].T], axis=1
    )
    distance = np.linalg.norm(embedding[free, None] - means[None], axis=2)
    best = distance.argmin(axis=1)
    near = distance[np.arange(len(free)), best] <= radius
    result = owner.copy()
    result[free[near]] = ids[best[near]]
    return result
