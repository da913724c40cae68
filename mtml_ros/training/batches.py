"""From samples to what a training step takes: network input and targets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from mtml_ros.datasets.samples import Sample
from mtml_ros.network.batch import VoxelBatch, make_batch, make_input
from mtml_ros.network.config import NetworkConfig
from mtml_ros.training.losses import Targets


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
        [make_input(s.grid, config, channels) for s in samples],
    )
    return batch, make_targets(samples, channels)
