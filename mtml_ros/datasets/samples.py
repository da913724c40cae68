"""From a Scene to its voxels, with the truth of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtml_ros.core.majority import most_frequent
from mtml_ros.core.scene import Scene
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid


@dataclass(frozen=True)
class Sample:
    """A voxelised scene with its truth.

    grid: what the network sees: labels (noisy where the scene has noisy ones), features.
    labels: (V,) uint8, true class index. instance: (V,) int32, true instance, -1 for none.
    point_to_voxel: (N,) int64, the voxel of each of the scene's points.
    """

    grid: VoxelGrid
    labels: np.ndarray
    instance: np.ndarray
    point_to_voxel: np.ndarray


def voxelize(scene: Scene, voxel_size: float) -> Sample:
    """The voxels of a scene; each has its points' most frequent label and instance."""
    seen = scene.labels if scene.noisy_labels is None else scene.noisy_labels
    grid, voxel = VoxelGrid.from_points(LabeledPoints(scene.xyz, seen), voxel_size, scene.features)
    # The true label and instance are voted for together, so that they agree.
    pair = (scene.instance.astype(np.int64) + 1) * 256 + scene.labels
    kinds, kind = np.unique(pair, return_inverse=True)
    winner = kinds[most_frequent(voxel, kind.reshape(-1))[1]]
    return Sample(
        grid, (winner % 256).astype(np.uint8), (winner // 256 - 1).astype(np.int32), voxel
    )
