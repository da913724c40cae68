"""run_in_tiles: the network over one part of a scene after another, where memory is short."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from mtml_ros.network.batch import VoxelBatch
from mtml_ros.network.config import NetworkConfig
from mtml_ros.network.heads import NetworkOutput, scene_positions

HALO = 16
"""Voxels around a tile that the network sees with it. It looks farther than that (sparse.REACH),
so that its output is not quite that of the whole; benchmarks/tiles.py measures what that does:
all 166 objects of nine rooms side by side are the same."""


def run_in_tiles(
    network: nn.Module,
    batch: VoxelBatch,
    config: NetworkConfig,
    tiles: int,
    device: torch.device,
) -> NetworkOutput:
    """The network's output for a batch of one scene, on the CPU; the device holds one tile,
    about an equal number of voxels and the halo around them, at a time."""
    position = scene_positions(batch, config.voxel_size)
    cores = list(_halved(batch.coordinates, torch.arange(len(batch)), tiles))
    embedding, direction, semantic = [], [], []
    for core in cores:
        inside = batch.coordinates[core]
        low, high = inside.amin(dim=0) - HALO, inside.amax(dim=0) + HALO
        near = ((batch.coordinates >= low) & (batch.coordinates <= high)).all(dim=1)
        rows = near.nonzero()[:, 0]
        part = VoxelBatch(batch.coordinates[rows], batch.scene[rows], batch.inputs[rows])
        own = torch.searchsorted(rows, core)
        output = network(part.to(device))
        embedding.append(output.embedding.cpu()[own])
        if config.position_scale > 0:  # the heads took positions from the mean of the tile
            shift = position[core] - scene_positions(part, config.voxel_size)[own]
            embedding[-1][:, :3] += shift * config.position_scale
        direction.append(output.direction.cpu()[own])
        if output.semantic is not None:
            semantic.append(output.semantic.cpu()[own])
    place = torch.cat(cores).argsort()
    return NetworkOutput(
        torch.cat(embedding)[place],
        torch.cat(direction)[place],
        torch.cat(semantic)[place] if semantic else None,
    )


def _halved(coordinates: Tensor, rows: Tensor, tiles: int) -> Iterator[Tensor]:
    """`rows`, each ascending, in `tiles` (a power of two) parts of like size: halved across the
    longest side, and so on."""
    if tiles <= 1 or len(rows) < 2:
        yield rows
        return
    inside = coordinates[rows]
    axis = int((inside.amax(dim=0) - inside.amin(dim=0)).argmax())
    order = inside[:, axis].argsort(stable=True)
    for half in order.tensor_split(2):
        yield from _halved(coordinates, rows[half].sort().values, tiles // 2)
