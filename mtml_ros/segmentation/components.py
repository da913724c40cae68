"""Which voxels touch, and the connected components of any labelling of them."""

from __future__ import annotations

import numpy as np

from mtml_ros.core.kernels import kernels
from mtml_ros.core.voxels import COORDINATE_BITS, pack_keys


def touching(coordinates: np.ndarray) -> kernels.Neighbors:
    """Which voxels touch by a face, edge or corner; serves every labelling of the same grid.

    coordinates: (V, 3) int32, sorted by key, as in a VoxelGrid. The cost follows the voxels, not
    their bounding box.
    """
    return kernels.touching(pack_keys(coordinates), COORDINATE_BITS)


def label_components(neighbors: kernels.Neighbors, labels: np.ndarray) -> np.ndarray:
    """(V,) int64: the connected component of each voxel among voxels of its own label.

    neighbors: from `touching`. labels: (V,) integers; negative: in no component (-1).
    Components are numbered from 0 in the order of their first voxels. Several labellings (K, V)
    give as many results (K, V).
    """
    several = np.atleast_2d(np.ascontiguousarray(labels, dtype=np.int64))
    return kernels.label_components(neighbors, several).reshape(labels.shape)


def connected_components(coordinates: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """(V,) int64: 26-neighbour components of a grid's voxels, within each label if given."""
    if labels is None:
        labels = np.zeros(len(coordinates), dtype=np.int64)
    return label_components(touching(coordinates), labels)


def number_by_appearance(values: np.ndarray) -> np.ndarray:
    """(n,) int32: values renumbered from 0 in the order in which they first appear."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return rank[inverse.reshape(-1)]
