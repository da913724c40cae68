"""VoxelContext: all that is known of a scene's voxels when proposals are scored and named."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtml_ros.core.kernels import kernels


@dataclass(frozen=True)
class VoxelContext:
    """What scores and names are read from, voxel by voxel.

    embedding: (V, E). direction: (V, 3), towards the centre. centers: (V, 3) metres.
    neighbors: which voxels touch.
    candidates: (V,) bool, voxels that may belong to an instance. votes: (V, C + 1) float32, each
    voxel's votes for the class of its instance. See label_fusion.py for both.
    component: (V,) int64, component of equal labels, -1 outside candidates.
    labels: (V,) class indices as given; channel: (V,) their classes in the network, 0 for none.
    features: (V, F) what the network's heads read, or None.
    probability: (V, C) the network's own classes, or None.
    given: (V,) float32, of them that of the label as given, -1 where no class is; or None.
    label_weight: how far the labels decide, see label_fusion.py.
    """

    embedding: np.ndarray
    direction: np.ndarray
    centers: np.ndarray
    neighbors: kernels.Neighbors
    candidates: np.ndarray
    votes: np.ndarray
    component: np.ndarray
    labels: np.ndarray
    channel: np.ndarray
    features: np.ndarray | None
    probability: np.ndarray | None
    given: np.ndarray | None
    label_weight: float = 0.0
