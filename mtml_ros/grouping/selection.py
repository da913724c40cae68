"""One coherent labelling out of several partitions of the same voxels.

Mean-shift at each bandwidth, and the connected components of the labels, each divide the voxels in
their own way. Where they agree there is nothing to choose. Where they differ, the masks involved
form a group, and the partition whose masks score best within the group is taken: a whole against
all of its pieces, never one good piece against the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

LEAST_OVERLAP = 0.1
"""Share of the smaller mask from which two masks of different partitions concern each other."""


def choose_partition(
    partitions: Sequence[np.ndarray],
    scores: Sequence[np.ndarray],
    advantage: Sequence[float],
) -> list[tuple[int, int]]:
    """The chosen masks, as (partition, label) pairs.

    partitions: K arrays (V,) int64 of labels from 0, -1 for voxels in no mask.
    scores: K arrays, the score of each label; 0 for masks that may not become instances.
    advantage: K factors on the partitions' worth, above 1 for one that others must surpass.
    A partition's worth in a group is the sum of its masks' voxels times their scores. Ties go to
    the earlier partition.
    """
    counts = [len(s) for s in scores]
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    sizes = np.concatenate(
        [np.bincount(p[p >= 0], minlength=n) for p, n in zip(partitions, counts)]
    )
    group = _groups(partitions, start, sizes)
    worth = sizes * np.concatenate(scores)
    totals = np.zeros((int(group.max(initial=-1)) + 1, len(partitions)))
    for k, factor in enumerate(advantage):
        nodes = slice(start[k], start[k + 1])
        np.add.at(totals[:, k], group[nodes], factor * worth[nodes])
    best = totals.argmax(axis=1) if len(totals) else np.zeros(0, dtype=np.int64)
    chosen = []
    for k in range(len(partitions)):
        mine = np.arange(counts[k])
        take = (best[group[start[k] + mine]] == k) & (scores[k] > 0)
        chosen += [(k, int(label)) for label in mine[take]]
    return chosen


def _groups(partitions: Sequence[np.ndarray], start: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(total masks,) group of each mask: joined where masks overlap by LEAST_OVERLAP or more."""
    total = int(start[-1])
    edges = []
    for i, j in combinations(range(len(partitions)), 2):
        both = (partitions[i] >= 0) & (partitions[j] >= 0)
        pair = (partitions[i][both] + start[i]) * total + partitions[j][both] + start[j]
        pair, shared = np.unique(pair, return_counts=True)
        a, b = pair // total, pair % total
        near = shared >= LEAST_OVERLAP * np.minimum(sizes[a], sizes[b])
        edges.append(np.stack([a[near], b[near]]))
    a, b = np.concatenate(edges, axis=1) if edges else np.zeros((2, 0), dtype=np.int64)
    graph = coo_matrix((np.ones(len(a), dtype=bool), (a, b)), shape=(total, total))
    return connected_components(graph, directed=False)[1]
