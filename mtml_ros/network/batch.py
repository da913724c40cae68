"""VoxelBatch: several grids as one set of voxels with the network's input on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mtml_ros.core.errors import InputError
from mtml_ros.core.voxels import VoxelGrid, pack_keys
from mtml_ros.network.config import NetworkConfig

ALIGNMENT = 32
"""Grids keep their place modulo this many voxels, so that the coarse levels of the network
divide the space in the same way however far a map has grown."""


@dataclass(frozen=True)
class VoxelBatch:
    """Voxels of one or more scenes, scene after scene, each in the order of its grid.

    coordinates: (V, 3) int64, voxel indices from an aligned corner of the scene, >= 1.
    scene: (V,) int64, which scene, ascending from 0.
    inputs: (V, I) float32, input channels.
    """

    coordinates: Tensor
    scene: Tensor
    inputs: Tensor

    def __len__(self) -> int:
        return len(self.coordinates)

    def to(self, device: torch.device) -> VoxelBatch:
        return VoxelBatch(*(t.to(device) for t in (self.coordinates, self.scene, self.inputs)))


def make_batch(coordinates: Sequence[np.ndarray], inputs: Sequence[Tensor]) -> VoxelBatch:
    """A batch of scenes: coordinates (V, 3) int32 sorted by key, inputs (V, I), of each.

    Raises InputError for a scene without voxels, or whose voxels repeat or are not in order.
    """
    placed = [_aligned(c) for c in coordinates]
    scene = np.repeat(np.arange(len(placed)), [len(c) for c in placed])
    return VoxelBatch(
        torch.from_numpy(np.concatenate(placed)),
        torch.from_numpy(scene),
        torch.cat(list(inputs)),
    )


def one_hot(channels: np.ndarray, num_channels: int) -> Tensor:
    """(V, num_channels) float32 of input channels (V,); channel 0 (unknown) is all zero."""
    inputs = torch.zeros(len(channels), num_channels)
    known = np.flatnonzero(channels)
    inputs[torch.from_numpy(known), torch.from_numpy(channels[known].astype(np.int64))] = 1
    return inputs


def make_input(grid: VoxelGrid, config: NetworkConfig, channels: np.ndarray) -> Tensor:
    """(V, I) float32, a grid's input to a network of this configuration.

    channels: (C + 1,) class index to input channel, see Taxonomy.network_channels.
    Raises InputError when the network takes features that the grid does not have.
    """
    if config.input == "labels":
        return one_hot(channels[grid.labels], config.input_channels)
    size = None if grid.features is None else grid.features.shape[1]
    if size != config.feature_size:
        raise InputError(
            f"the weights need {config.feature_size} features a point, "
            f"the input has {size or 'none'}"
        )
    return torch.from_numpy(np.ascontiguousarray(grid.features, dtype=np.float32))


def _aligned(coordinates: np.ndarray) -> np.ndarray:
    if not len(coordinates):
        raise InputError("a scene without voxels has nothing to feed the network with")
    if (np.diff(pack_keys(coordinates)) <= 0).any():
        raise InputError(
            "the voxels of a scene must be in ascending order of their keys, each once"
        )
    corner = coordinates.min(axis=0).astype(np.int64) // ALIGNMENT * ALIGNMENT
    return coordinates.astype(np.int64) - corner + ALIGNMENT
