"""From a Scene to what a training step takes: voxels, inputs and targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mtml_ros.core.errors import InputError
from mtml_ros.core.scene import Scene
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
from mtml_ros.network.batch import VoxelBatch, make_batch, one_hot
from mtml_ros.network.config import NetworkConfig
from mtml_ros.training.losses import Targets


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
    cell, votes = np.unique(voxel * len(kinds) + kind.reshape(-1), return_counts=True)
    order = np.lexsort((cell, -votes, cell // len(kinds)))
    first = np.unique(cell[order] // len(kinds), return_index=True)[1]
    winner = kinds[cell[order][first] % len(kinds)]
    return Sample(
        grid, (winner % 256).astype(np.uint8), (winner // 256 - 1).astype(np.int32), voxel
    )


def make_inputs(grid: VoxelGrid, config: NetworkConfig, channels: np.ndarray) -> torch.Tensor:
    """(V, I) float32 input of a grid. channels: class index to input channel."""
    if config.input == "features":
        size = 0 if grid.features is None else grid.features.shape[1]
        if size != config.feature_size:
            raise InputError(
                f"the network takes {config.feature_size} features a point, the scene has {size}"
            )
        return torch.from_numpy(np.ascontiguousarray(grid.features, dtype=np.float32))
    return one_hot(channels[grid.labels], config.input_channels)


def make_targets(samples: Sequence[Sample], channels: np.ndarray) -> Targets:
    """The truth of a batch. channels: class index to the network's input channel."""
    instance, owner, centers = [], [], []
    total = 0
    for i, s in enumerate(samples):
        ids, compact = np.unique(s.instance, return_inverse=True)
        compact = compact.reshape(-1) - int(ids[0] == -1)
        count = len(ids) - int(ids[0] == -1)
        inside = compact >= 0
        xyz = s.grid.centers
        n = np.maximum(np.bincount(compact[inside], minlength=count), 1)
        centers.append(np.stack(
            [np.bincount(compact[inside], weights=xyz[inside, a], minlength=count) / n
             for a in range(3)], axis=1))  # fmt: skip
        instance.append(np.where(inside, compact + total, -1))
        owner.append(np.full(count, i))
        total += count
    return Targets(
        torch.from_numpy(np.concatenate(instance)),
        torch.from_numpy(np.concatenate(owner).astype(np.int64)),
        torch.from_numpy(np.concatenate(centers).astype(np.float32)),
        torch.from_numpy(np.concatenate([s.grid.centers for s in samples])),
        torch.from_numpy(np.concatenate([channels[s.labels] for s in samples])),
    )


def make_training_batch(
    samples: Sequence[Sample], config: NetworkConfig, channels: np.ndarray
) -> tuple[VoxelBatch, Targets]:
    """Network input and truth of a batch of samples."""
    batch = make_batch(
        [s.grid.coordinates for s in samples],
        [make_inputs(s.grid, config, channels) for s in samples],
    )
    return batch, make_targets(samples, channels)
