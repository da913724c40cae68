"""Suppression of proposals that overlap better ones, and one coherent labelling."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from mtml_ros.segmentation.proposals import Masks


def overlaps(masks: Masks, num_voxels: int) -> np.ndarray:
    """(P, P) int: voxels that each two masks share."""
    member = csr_matrix(
        (np.ones(len(masks.voxel), dtype=np.int32), (masks.mask, masks.voxel)),
        shape=(masks.count, num_voxels),
    )
    shared: np.ndarray = (member @ member.T).toarray()
    return shared


def suppress(
    masks: Masks, scores: np.ndarray, num_voxels: int, iou: float
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the masks that survive, by falling score (ties: the larger, then the first), and
    of each its greatest IoU with a better one among them, 0 for none.

    A mask goes when its IoU with a better survivor is above `iou` (section 3.3).
    """
    sizes = masks.sizes
    shared = overlaps(masks, num_voxels)
    greatest = np.zeros(masks.count)
    later = np.ones(masks.count, dtype=bool)
    kept = []
    for i in np.lexsort((np.arange(masks.count), -sizes, -scores)):
        later[i] = False
        if greatest[i] <= iou:
            kept.append(i)
            overlap = shared[i] / (sizes[i] + sizes - shared[i])
            np.maximum(greatest, overlap, out=greatest, where=later)
    survivors = np.array(kept, dtype=np.int64)
    return survivors, greatest[survivors]


def coherent_labelling(
    masks: Masks,
    scores: np.ndarray,
    num_voxels: int,
    min_voxels: int,
    least_score: float = 0.0,
    least_share: float = 0.7,
) -> np.ndarray:
    """(num_voxels,) int64: each voxel in at most one mask (its position), -1 for none.

    masks: by falling scores (P,). A mask takes what better ones have left, if that is at least
    min_voxels and `least_share` of it, and its score times that share at least `least_score`.
    """
    owner = np.full(num_voxels, -1, dtype=np.int64)
    for i, (voxels, score) in enumerate(zip(masks.split(), scores)):
        free = voxels[owner[voxels] < 0]
        share = len(free) / len(voxels)
        if len(free) >= min_voxels and share >= least_share and share * score >= least_score:
            owner[free] = i
    return owner
