"""Non-maximum suppression: of proposals that overlap, the better stays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtml_ros.core.kernels import kernels
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


def suppress(
    masks: Masks, scores: np.ndarray, num_voxels: int, iou: float
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the masks that survive, by falling score (ties: the larger, then the first), and
    of each its greatest IoU with a better one among them, 0 for none.

    A mask goes when its IoU with a better survivor is above `iou` (section 3.3).
    """
    order = np.lexsort((np.arange(masks.count), -masks.sizes, -scores))
    return kernels.suppress(masks.voxel, masks.starts, order, num_voxels, iou)
