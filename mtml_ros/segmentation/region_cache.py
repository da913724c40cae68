"""RegionCache: what was found in each region, for as long as the region stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.segmentation.regions import Region
from mtml_ros.segmentation.stitching import RegionResult


@dataclass(frozen=True)
class Part:
    """A region's voxels. digest: of all that its result depends on, the settings apart."""

    grid: VoxelGrid
    digest: bytes


class RegionCache:
    """Results by the content of their regions; those that one segmentation has no use for go.

    One cache serves one segmenter, and one segmentation at a time. `fresh` counts the voxels that
    the last one had to segment anew, margins included.
    """

    def __init__(self) -> None:
        self._settings: Any = None
        self._old: dict[bytes, RegionResult] = {}
        self._new: dict[bytes, RegionResult] = {}
        self.fresh = 0

    def open(self, grid: VoxelGrid, settings: Any) -> None:
        """Begins a segmentation of this grid. settings: all else that results depend on."""
        self._old |= self._new  # of a segmentation that failed half way
        self._new = {}
        if settings != self._settings:
            self._old = {}
        self._grid, self._settings = grid, settings
        self.fresh = 0

    def part(self, region: Region) -> Part:
        """The region's part of the grid."""
        grid, rows = self._grid, region.rows
        coordinates = np.take(grid.coordinates, rows, axis=0)  # several times as fast as [rows]
        labels = grid.labels[rows]
        features = None if grid.features is None else grid.features[rows]
        digest = blake2b(coordinates.data, digest_size=16)
        for array in (labels, features, region.own):
            digest.update(b"" if array is None else np.ascontiguousarray(array).data)
        part = VoxelGrid(coordinates, labels, grid.voxel_size, features)
        return Part(part, digest.digest())

    def find(self, part: Part) -> RegionResult | None:
        """The result of a region that is as it was."""
        result = self._old.get(part.digest)
        if result is not None:
            self._new[part.digest] = result
        return result

    def keep(self, part: Part, result: RegionResult) -> RegionResult:
        """Notes a new result, and returns it."""
        self._new[part.digest] = result
        self.fresh += len(part.grid)
        return result

    def close(self) -> None:
        """Ends the segmentation: what it did not use is forgotten."""
        self._old, self._new = self._new, {}
        del self._grid
