"""Which voxels touch, and the connected components of any labelling of them."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components as graph_components

from mtml_ros.core.neighbors import FORWARD_NEIGHBORS, key_steps
from mtml_ros.core.sorted_keys import find
from mtml_ros.core.voxels import pack_keys


def neighbor_edges(coordinates: np.ndarray) -> np.ndarray:
    """(E, 2) int64 pairs of indices of voxels that touch by a face, edge or corner, each once.

    coordinates: (V, 3) int32, sorted by key, as in a VoxelGrid. The cost follows the voxels, not
    their bounding box, and the edges serve every labelling of the same grid.
    """
    keys = pack_keys(coordinates)
    here, there = [], []
    for step in key_steps(FORWARD_NEIGHBORS):
        found, at = find(keys, keys + step)
        hit = np.flatnonzero(found)
        here.append(hit)
        there.append(at[hit])
    return np.stack([np.concatenate(here), np.concatenate(there)], axis=1)


def label_components(edges: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(V,) int32: the connected component of each voxel among voxels of its own label.

    edges: (E, 2) from `neighbor_edges`. labels: (V,) integers; negative: in no component (-1).
    Components are numbered from 0 in the order of their first voxels.
    """
    a, b = edges[:, 0], edges[:, 1]
    joined = edges[(labels[a] == labels[b]) & (labels[a] >= 0)]
    v = len(labels)
    graph = coo_matrix((np.ones(len(joined), dtype=bool), (joined[:, 0], joined[:, 1])), (v, v))
    _, component = graph_components(graph, directed=False)
    inside = labels >= 0
    result = np.full(v, -1, dtype=np.int32)
    result[inside] = number_by_appearance(component[inside])
    return result


def connected_components(coordinates: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """(V,) int32: 26-neighbour components of a grid's voxels, within each label if given."""
    if labels is None:
        labels = np.zeros(len(coordinates), dtype=np.int64)
    return label_components(neighbor_edges(coordinates), labels.astype(np.int64))


def number_by_appearance(values: np.ndarray) -> np.ndarray:
    """(n,) int32: values renumbered from 0 in the order in which they first appear."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return rank[inverse.reshape(-1)]
