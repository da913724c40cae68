"""The two heads of MTML (embedding, direction), a third for true labels, and their output."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from mtml_ros.network.batch import VoxelBatch
from mtml_ros.network.config import NetworkConfig

EPSILON = 1e-6


@dataclass(frozen=True)
class NetworkOutput:
    """What the network says of each voxel.

    embedding: (V, E) float32; voxels of one instance are to lie together (section 3.2).
    direction: (V, 3) float32, unit length: from the voxel towards its instance's centre.
    semantic: (V, C + 1) float32 logits, of channel 0, no object of any class, and of the network's
        classes; None without that head.
    features: (V, F) float32, what the heads read; None where nobody looks at them again.
    """

    embedding: Tensor
    direction: Tensor
    semantic: Tensor | None
    features: Tensor | None = None

    @cached_property
    def probability(self) -> np.ndarray | None:
        """(V, C) float32, that of each class, which may sum to less than one; None without a
        semantic head."""
        if self.semantic is None:
            return None
        probability: np.ndarray = torch.softmax(self.semantic, dim=1)[:, 1:].cpu().numpy()
        return probability


class Heads(nn.Module):
    """1^3 convolutions from the backbone's features (V, F) to the outputs."""

    def __init__(self, channels: int, config: NetworkConfig) -> None:
        super().__init__()
        self.position_scale = config.position_scale
        self.voxel_size = config.voxel_size
        self.embedding = nn.Linear(channels, config.embedding_size)
        self.direction = nn.Linear(channels, 3)
        self.semantic = nn.Linear(channels, len(config.classes) + 1) if config.semantic else None

    def forward(self, features: Tensor, batch: VoxelBatch) -> NetworkOutput:
        embedding = self.embedding(features)
        if self.position_scale > 0:
            position = scene_positions(batch, self.voxel_size) * self.position_scale
            embedding = torch.cat([embedding[:, :3] + position, embedding[:, 3:]], dim=1)
        direction = self.direction(features)
        # an epsilon under the root: the gradient stays finite at zero
        direction = direction / (direction.square().sum(1, keepdim=True) + EPSILON).sqrt()
        semantic = self.semantic(features) if self.semantic is not None else None
        return NetworkOutput(embedding, direction, semantic, features)


def scene_positions(batch: VoxelBatch, voxel_size: float) -> Tensor:
    """(V, 3) float32, metres: voxel centres relative to the mean of their scene's."""
    xyz = batch.coordinates.to(batch.inputs.dtype) * voxel_size
    counts = torch.bincount(batch.scene)
    mean = torch.zeros(len(counts), 3, dtype=xyz.dtype, device=xyz.device)
    mean.index_add_(0, batch.scene, xyz)
    return xyz - (mean / counts[:, None])[batch.scene]
