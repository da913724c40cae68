"""The semantic label of a mask, and an instance for the voxels that no mask took."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from mtml_ros.segmentation.proposals import Masks


def label_masks(masks: Masks, votes: np.ndarray) -> np.ndarray:
    """(P,) uint8: each mask's most probable class (section 3.3); 0 (unknown) where none has a vote.

    votes: (V, C + 1) each voxel's votes by class index; those for 0 do not count. Ties go to the
    lower index.
    """
    if not masks.count:
        return np.zeros(0, dtype=np.uint8)
    member = csr_matrix(
        (np.ones(len(masks.voxel), dtype=votes.dtype), (masks.mask, masks.voxel)),
        shape=(masks.count, len(votes)),
    )
    total = member @ votes
    best = total[:, 1:].argmax(axis=1) + 1
    return np.where(total[np.arange(masks.count), best] > 0, best, 0).astype(np.uint8)


def assign_free(
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
    distance, best = cKDTree(means).query(embedding[free])
    near = distance <= radius
    result = owner.copy()
    result[free[near]] = ids[best[near]]
    return result
