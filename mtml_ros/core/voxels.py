"""VoxelGrid: the sparse set of labelled voxels; points to voxels and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mtml_ros.core.errors import InputError
from mtml_ros.core.kernels import kernels

COORDINATE_BITS = 21
MAX_COORDINATE = (1 << (COORDINATE_BITS - 1)) - 1
"""Voxel indices lie in -MAX_COORDINATE..MAX_COORDINATE, so that three fit one int64 key."""


DENSE_CELLS_PER_POINT = 8
"""A cloud whose bounding box has more cells a point than this is sorted, not laid out."""

UNKNOWN_MAJORITY = 3.0
"""Votes for unknown to one for a class, from which on a voxel has no class: three quarters of what
was seen there. A few wrong points name no place, and labels that are often missing stay."""


@dataclass(frozen=True)
class LabeledPoints:
    """A labelled cloud in the map frame.

    xyz: (N, 3) float32, metres, finite.
    labels: (N,) uint8, class indices of a Taxonomy (0: unknown).
    confidence: (N,) float32 in 0..1, or None (all 1).
    """

    xyz: np.ndarray
    labels: np.ndarray
    confidence: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.xyz)


@dataclass(frozen=True)
class VoxelGrid:
    """The occupied voxels of a scene, in ascending order of their keys.

    coordinates: (V, 3) int32, voxel indices; voxel i spans [i, i + 1) * voxel_size.
    labels: (V,) uint8, class indices (0: unknown).
    voxel_size: metres.
    features: (V, F) float32, what a semantic network knows of each voxel (class probabilities
        or a feature vector), for weights that take it in place of labels; or None.
    """

    coordinates: np.ndarray
    labels: np.ndarray
    voxel_size: float
    features: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.coordinates)

    @cached_property
    def keys(self) -> np.ndarray:
        """(V,) int64, ascending: the voxels' keys."""
        return pack_keys(self.coordinates)

    @staticmethod
    def of_keys(keys: np.ndarray, labels: np.ndarray, voxel_size: float) -> VoxelGrid:
        """The voxels of these keys, (V,) int64 ascending."""
        grid = VoxelGrid(unpack_keys(keys), labels, voxel_size)
        vars(grid)["keys"] = keys
        return grid

    @property
    def centers(self) -> np.ndarray:
        """(V, 3) float32, centres of the voxels in metres."""
        return centers_of(self.coordinates, self.voxel_size)

    @staticmethod
    def from_points(
        points: LabeledPoints,
        voxel_size: float,
        features: np.ndarray | None = None,
    ) -> tuple[VoxelGrid, np.ndarray]:
        """The voxels of a cloud, each with the label that its points give it (see `count_votes`
        and `winning_labels`), and the way back.

        features: (N, F) float32, averaged in each voxel; or None.
        Returns the grid and point_to_voxel (N,) int64: the voxel of each point, so that
        `values_of_voxels[point_to_voxel]` are the points' values (MTML, section 3.4).
        Raises InputError when a point lies too far from the origin to have a voxel.
        """
        keys, point_to_voxel = occupied_voxels(points.xyz, voxel_size)
        votes = count_votes(point_to_voxel, points.labels, len(keys), points.confidence)
        mean = None
        if features is not None:
            mean = np.zeros((len(keys), features.shape[1]), dtype=np.float32)
            np.add.at(mean, point_to_voxel, features.astype(np.float32))
            mean /= np.bincount(point_to_voxel, minlength=len(keys))[:, None]
        grid = VoxelGrid(unpack_keys(keys), winning_labels(votes), voxel_size, mean)
        return grid, point_to_voxel


def centers_of(coordinates: np.ndarray, voxel_size: float) -> np.ndarray:
    """(n, 3) float32, metres: the centres of voxels (n, 3) int32."""
    return ((coordinates + 0.5) * voxel_size).astype(np.float32)


def count_votes(
    voxel: np.ndarray,
    labels: np.ndarray,
    num_voxels: int,
    weights: np.ndarray | None = None,
    num_classes: int | None = None,
) -> np.ndarray:
    """(num_voxels, 1 + C) float32: the (weighted) votes of each voxel's points for each class.

    num_classes: C (None: the greatest label). A point without a label votes for unknown (0) by
    the share of all the points that have one: where labels are sparse their absence says little,
    and in a cloud that has none it says nothing.
    """
    width = int(labels.max(initial=0) if num_classes is None else num_classes) + 1
    flat = np.bincount(voxel * width + labels, weights=weights, minlength=num_voxels * width)
    votes = flat.astype(np.float32).reshape(num_voxels, width)
    unknown = float(votes[:, 0].sum(dtype=np.float64))
    if unknown > 0:
        votes[:, 0] *= 1 - unknown / (float(flat.sum()) or 1.0)
    return votes


def winning_labels(votes: np.ndarray) -> np.ndarray:
    """(V,) uint8: the class with most votes; unknown (0) where no class has any vote, or unknown
    has more than UNKNOWN_MAJORITY times those of all classes together.

    votes: (V, C + 1) by class index. Ties go to the lower index, so the result is deterministic.
    """
    if votes.shape[1] == 1:
        return np.zeros(len(votes), dtype=np.uint8)
    best = votes[:, 1:].argmax(axis=1)
    known = votes[np.arange(len(votes)), best + 1] > 0
    doubtful = np.flatnonzero(known & (votes[:, 0] > 0))
    of_classes = votes[doubtful, 1:].sum(axis=1)
    known[doubtful[votes[doubtful, 0] > UNKNOWN_MAJORITY * of_classes]] = False
    return np.where(known, best + 1, 0).astype(np.uint8)


def occupied_voxels(xyz: np.ndarray, voxel_size: float) -> tuple[np.ndarray, np.ndarray]:
    """The voxels that points (N, 3), metres, lie in: keys (V,), ascending, and each point's (N,).

    Raises InputError as `voxel_keys` does.
    """
    if not len(xyz):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return _distinct(_voxel_indices(xyz, voxel_size))


def occupied_cells(coordinates: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The cells, `width` voxels wide (a power of two), that voxels (V, 3) int32 lie in: keys (C,),
    ascending, of the cells' own indices, and each voxel's (V,)."""
    shift = width.bit_length() - 1
    whole = np.ascontiguousarray(coordinates, dtype=np.int32)
    return kernels.cells(whole, shift, COORDINATE_BITS)


def _distinct(indices: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Ascending keys of the distinct indices, (N,) integers an axis, and which each of them is."""
    low = [int(axis.min()) for axis in indices]
    extent = [int(axis.max()) - least + 1 for axis, least in zip(indices, low)]
    cells = extent[0] * extent[1] * extent[2]
    if cells > DENSE_CELLS_PER_POINT * len(indices[0]) + (1 << 16):
        wide = (axis.astype(np.int64, copy=False) for axis in indices)
        keys, which = np.unique(_pack(*wide), return_inverse=True)
        return keys, which.reshape(-1)
    # a cloud fills its bounding box well enough to mark its cells there, which needs no sorting
    x, y, z = indices
    cell = ((x - low[0]) * extent[1] + (y - low[1])) * extent[2] + (z - low[2])
    number = np.zeros(cells, dtype=np.int64)
    number[cell] = 1
    occupied = np.flatnonzero(number)
    number[occupied] = np.arange(len(occupied))
    column, z = np.divmod(occupied, extent[2])
    x, y = np.divmod(column, extent[1])
    return _pack(x + low[0], y + low[1], z + low[2]), number[cell]


def voxel_keys(xyz: np.ndarray, voxel_size: float) -> np.ndarray:
    """(N,) int64 keys of the voxels that points (N, 3), metres, lie in.

    Raises InputError when a coordinate is not finite or out of the range of a key.
    """
    return _pack(*_voxel_indices(xyz, voxel_size))


def _voxel_indices(xyz: np.ndarray, voxel_size: float) -> list[np.ndarray]:
    """The voxel indices of points (N, 3), an (N,) int64 an axis; InputError as `voxel_keys`."""
    # an axis at a time: several times as fast as (N, 3) arrays
    xyz = np.asarray(xyz)
    scaled = [np.floor(xyz[:, i].astype(np.float64) / voxel_size) for i in range(3)]
    # not (... <= ...), so that NaN fails too
    if not all(np.all(np.abs(axis) <= MAX_COORDINATE) for axis in scaled):
        raise InputError(
            f"a point is not finite or farther than {MAX_COORDINATE * voxel_size:.0f} m from the "
            "origin of the map; check the cloud's units and its frame"
        )
    return [axis.astype(np.int64) for axis in scaled]


def pack_keys(coordinates: np.ndarray) -> np.ndarray:
    """(V,) int64 keys of voxel indices (V, 3); keys order as (x, y, z) do."""
    return _pack(*(coordinates[:, i].astype(np.int64) for i in range(3)))


def _pack(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    offset = 1 << (COORDINATE_BITS - 1)
    keys: np.ndarray = ((x + offset) << (2 * COORDINATE_BITS)) | ((y + offset) << COORDINATE_BITS)
    keys |= z + offset
    return keys


def unpack_keys(keys: np.ndarray) -> np.ndarray:
    """(V, 3) int32 voxel indices of keys (V,); the inverse of `pack_keys`."""
    coordinates: np.ndarray = kernels.unpack(
        np.ascontiguousarray(keys, dtype=np.int64), COORDINATE_BITS
    )
    return coordinates
