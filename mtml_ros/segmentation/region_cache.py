"""RegionCache: what was found in each region, for as long as the region stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from mtml_ros.core.kernels import kernels
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.segmentation.regions import Region
from mtml_ros.segmentation.stitching import RegionResult


@dataclass(frozen=True)
class Part:
    """A region of a grid. digest: of all that its result depends on, the settings apart."""

    whole: VoxelGrid
    rows: np.ndarray
    digest: bytes

    @property
    def grid(self) -> VoxelGrid:
        """The region's voxels alone."""
        whole, rows = self.whole, self.rows
        coordinates = np.take(whole.coordinates, rows, axis=0)  # several times as fast as [rows]
        features = None if whole.features is None else whole.features[rows]
        return VoxelGrid(coordinates, whole.labels[rows], whole.voxel_size, features)


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
        labels = np.ascontiguousarray(grid.labels, dtype=np.uint8)
        digest = blake2b(kernels.fingerprint(grid.keys, labels, rows), digest_size=16)
        for array in (None if grid.features is None else grid.features[rows], region.own):
            digest.update(b"" if array is None else np.ascontiguousarray(array).data)
        return Part(grid, rows, digest.digest())

    def find(self, part: Part) -> RegionResult | None:
        """The result of a region that is as it was."""
        result = self._old.get(part.digest)
        if result is not None:
            self._new[part.digest] = result
        return result

    def keep(self, part: Part, result: RegionResult) -> RegionResult:
        """Notes a new result, and returns it."""
        self._new[part.digest] = result
        self.fresh += len(part.rows)
        return result

    def close(self) -> None:
        """Ends the segmentation: what it did not use is forgotten."""
        self._old, self._new = self._new, {}
        del self._grid
