"""Objects found in tiles, as where memory is short, beside those found in the whole.

A scan that ships, and nine generated rooms side by side. `same`: of the whole's objects, those
that are found in tiles too (IoU .9 or more). `largest`: the share of the voxels that the network
sees at once, halo and all.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from mtml_ros.core.instances import Segmentation
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
from mtml_ros.io.point_files import read_points
from mtml_ros.network.batch import VoxelBatch
from mtml_ros.network.heads import NetworkOutput
from mtml_ros.segmentation.segmenter import InstanceSegmenter
from mtml_ros.simulation.rooms import generate_room

SCAN = Path(__file__).resolve().parents[1] / "mtml_ros" / "datasets" / "scans" / "living_room.npz"
APART = 9.0
"""Metres between the corners of two rooms."""


class Watched(nn.Module):
    """A network that notes how many voxels it saw at most."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.largest = network, 0

    def forward(self, batch: VoxelBatch) -> NetworkOutput:
        self.largest = max(self.largest, len(batch))
        output: NetworkOutput = self.network(batch)
        return output


def run() -> list[dict[str, Any]]:
    """One row a grid and number of tiles."""
    segmenter = InstanceSegmenter.load()
    watched = segmenter.network = Watched(segmenter.network)
    cloud = read_points(SCAN)
    scan = LabeledPoints(cloud.xyz, Taxonomy.scannet().encode(cloud.label))
    rows = []
    for name, points in ((SCAN.stem, scan), ("nine rooms", _storey())):
        grid, _ = VoxelGrid.from_points(points, segmenter.voxel_size)
        whole, whole_seconds = _timed(segmenter, grid, 1)
        for tiles in (2, 4, 8):
            watched.largest = 0
            found, seconds = _timed(segmenter, grid, tiles)
            rows.append(
                {
                    "case": f"{name}, {len(grid):,} voxels, {tiles} tiles",
                    "ours_s": seconds,
                    "alternative": "whole",
                    "alternative_s": whole_seconds,
                    "times": whole_seconds / seconds,
                    "largest": watched.largest / len(grid),
                    "same": f"{_same(whole, found)} of {len(whole.instances)}",
                }
            )
    return rows


def _storey() -> LabeledPoints:
    rng, xyz, labels = np.random.default_rng(77), [], []
    for place in range(9):
        room = generate_room(rng)
        corner = np.array([place % 3 * APART, place // 3 * APART, 0], dtype=np.float32)
        xyz.append(room.xyz - room.xyz.min(axis=0) + corner)
        labels.append(room.labels)
    return LabeledPoints(np.concatenate(xyz), np.concatenate(labels))


def _timed(segmenter: InstanceSegmenter, grid: VoxelGrid, tiles: int) -> tuple[Segmentation, float]:
    began = time.perf_counter()
    return segmenter.segment(grid, tiles=tiles), time.perf_counter() - began


def _same(whole: Segmentation, found: Segmentation) -> int:
    """Objects of the whole that overlap one found by IoU .9 or more."""
    sizes = np.array([len(i.voxels) for i in found.instances])
    count = 0
    for instance in whole.instances:
        inside = found.instance[instance.voxels]
        common = np.bincount(inside[inside >= 0], minlength=len(sizes))
        iou = common / (len(instance.voxels) + sizes - common)
        count += bool(iou.max(initial=0) >= 0.9)
    return count
