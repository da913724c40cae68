"""Non-maximum suppression: of proposals that overlap, the better stays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from mtml_ros.core.options import require
from mtml_ros.segmentation.proposals import Masks


@dataclass(frozen=True)
class SuppressionSettings:
    """Which proposals go.

    iou: those that overlap a better one by more. soft: the score of those that stay falls by
    their overlap (as in soft suppression, Bodla et al. 2017; not in the paper).
    """

    iou: float = 0.3
    soft: bool = True

    def __post_init__(self) -> None:
        require("suppression", {"iou": 0 <= self.iou <= 1}, self)


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
