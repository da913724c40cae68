"""The two baselines of the paper's tables: labels as instances, and connected components.

Both give what the segmenter gives, so that everything that scores or draws a Segmentation takes
them as well. Neither knows how sure it is: an instance's score grows with its size, since small
pieces are fragments more often, which makes the baselines as strong as they can be.
"""

from __future__ import annotations

import numpy as np

from mtml_ros.core.instances import Proposal, Segmentation, make_instance
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.segmentation.components import connected_components

HALF_SCORE_VOXELS = 100
"""Size at which a baseline's score is .5; it changes no order, hence no AP."""


def labels_as_instances(grid: VoxelGrid, taxonomy: Taxonomy, min_voxels: int = 1) -> Segmentation:
    """All voxels of a thing class are one instance (MTML, Table 2, "labels as instances")."""
    return _segmentation(grid, taxonomy, grid.labels.astype(np.int64), min_voxels)


def components_as_instances(
    grid: VoxelGrid, taxonomy: Taxonomy, min_voxels: int = 1
) -> Segmentation:
    """Voxels of a thing class that touch (26 neighbours) are one instance (MTML, Tables 1 and 2).

    min_voxels: smaller components are left out.
    """
    component = connected_components(grid.coordinates, grid.labels)
    return _segmentation(grid, taxonomy, component.astype(np.int64), min_voxels)


def _segmentation(
    grid: VoxelGrid, taxonomy: Taxonomy, group: np.ndarray, min_voxels: int
) -> Segmentation:
    """Groups (V,) of one label each as a Segmentation, larger ones first."""
    proposals = []
    order = np.argsort(group, kind="stable")
    bounds = np.flatnonzero(np.diff(group[order])) + 1
    for voxels in np.split(order, bounds) if len(grid) else []:
        label = int(grid.labels[voxels[0]])
        if taxonomy.is_thing[label] and len(voxels) >= min_voxels:
            score = len(voxels) / (len(voxels) + HALF_SCORE_VOXELS)
            proposals.append(Proposal(voxels, label, score))
    proposals.sort(key=lambda p: -p.score)
    instance = np.full(len(grid), -1, dtype=np.int32)
    for i, p in enumerate(proposals):
        instance[p.voxels] = i
    instances = [make_instance(grid, p.voxels, p.label, p.score) for p in proposals]
    return Segmentation(grid, instance, instances, proposals, grid.labels)
