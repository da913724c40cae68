"""What the learned score and the naming of masks look at: shapes, borders, labels, deep features.

The score reads `object_features` and `relation_features`, the naming `object_features` and
`appearance_features`. The compiled kernels sum over the voxels of masks and over pairs of touching
voxels; here these sums become features. The cost follows the voxels, not the number of masks.
"""

from __future__ import annotations

import numpy as np

from mtml_ros.core.kernels import kernels
from mtml_ros.segmentation.context import VoxelContext
from mtml_ros.segmentation.proposals import Masks, Proposals

HEIGHT_STEP, HEIGHTS = 0.2, 12
"""Metres, and how many such layers above the floor the shape of a mask is told by."""
SLICES = 5
"""Parts of a mask's own height."""
RADII = (0.25, 0.5, 1.0, 2.0)
"""Of the balls about a mask's mean embedding."""
FAR = 4.0
"""Jumps of the embedding are counted up to this."""
SMALL = (5, 15)
"""Voxels: smaller components of the labels are told apart in how torn they are."""
VOXEL = 0.1
"""Metres that are added to extents between centres; the weights' voxels are so wide."""


def object_features(masks: Masks, context: VoxelContext) -> np.ndarray:
    """(P, F) float32: how each mask is shaped and stands out, and what its scene's labels are."""
    c = context
    deviation, within = _spread(masks, c.embedding)
    columns = [
        masks.mean(np.stack([_likely(c), c.labels > 0], axis=1).astype(np.float32)),
        deviation,
        np.linalg.norm(deviation, axis=1)[:, None],
        within,
        *_shape(masks, c),
        _border(masks, c),
        np.tile(_scene(c), (masks.count, 1)),
    ]
    return np.concatenate(columns, axis=1).astype(np.float32)


def relation_features(proposals: Proposals, context: VoxelContext) -> np.ndarray:
    """(P, G) float32: how each mask stands to its label component and to the other masks."""
    columns = [_component(proposals.masks, context), _others(proposals, len(context.labels))]
    return np.concatenate(columns, axis=1).astype(np.float32)


def appearance_features(masks: Masks, context: VoxelContext) -> np.ndarray:
    """(P, A) float32: deep features, class probabilities, and the labels and how likely they are,
    each as the mean over a mask; (P, 0) of a network that has neither."""
    c = context
    columns = [np.zeros((masks.count, 0))]
    if c.features is not None:
        columns.append(masks.mean(c.features))
    if c.probability is not None:
        number = c.probability.shape[1] + 1
        columns += [
            masks.mean(c.probability),
            _share(masks, c.channel, number),
            _share(masks, c.channel, number, _likely(c))[:, 1:],
        ]
    return np.concatenate(columns, axis=1).astype(np.float32)


def _likely(c: VoxelContext) -> np.ndarray:
    """(V,) float32: how likely the network takes the label to be."""
    if c.given is None:
        return np.zeros(len(c.labels), np.float32)
    return np.maximum(c.given, 0).astype(np.float32)


def _share(
    masks: Masks, group: np.ndarray, number: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """(P, number) which share of each mask, weighed by (V,) float32, is in which group (V,)."""
    bins = group.astype(np.int64, copy=False)
    result: np.ndarray = kernels.histogram(masks.voxel, masks.starts, bins, number, weights)
    return result / masks.sizes[:, None]


def _spread(masks: Masks, embedding: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P, E) deviation of the embedding from its mean, (P, R) share of it within RADII."""
    mean = masks.mean(embedding)
    rows = embedding.astype(np.float32, copy=False)
    found = kernels.spread(masks.voxel, masks.starts, rows, mean, RADII) / masks.sizes[:, None]
    return np.sqrt(found[:, : -len(RADII)]), found[:, -len(RADII) :]


def _scene(c: VoxelContext) -> np.ndarray:
    """(6,): reliability of the scene's labels as the network sees it, share of labelled voxels,
    size; and how torn the labels are, which needs no network to see: label components a hundred
    voxels, and which share of the voxels is in components that are SMALL."""
    known = c.candidates & (c.given >= 0) if c.given is not None else c.candidates
    reliability = c.given[known].mean() if c.given is not None and known.any() else 0.0
    size = np.bincount(c.component[c.component >= 0])
    every = max(int(size.sum()), 1)
    torn = [np.log1p(100 * len(size) / every), *(size[size < s].sum() / every for s in SMALL)]
    return np.array([reliability, (c.labels > 0).mean(), np.log(len(c.labels)), *torn])


def _shape(masks: Masks, c: VoxelContext) -> list[np.ndarray]:
    """Extents, height above the floor, fill, and where a mask is flat or upright."""
    xyz = c.centers.astype(np.float32)
    xyz[:, 2] -= np.quantile(xyz[:, 2], 0.02)
    direction = c.direction.astype(np.float32, copy=False)
    found = kernels.shapes(masks.voxel, masks.starts, xyz, direction, SLICES, VOXEL)
    along, across, tall = found[:, :3].T + VOXEL
    low, middle, coherency = found[:, 3:6].T
    sizes = masks.sizes
    box = np.stack([
        np.log(sizes), np.log(along), np.log(across), np.log(tall), along, across, tall, low,
        low + tall, middle, np.log(sizes / (along * across * tall)),
        np.log(sizes / (along * tall)), np.log(sizes / (along * across)),
    ], axis=1)  # fmt: skip
    surface = _surface(masks, c, xyz[:, 2])
    return [box, found[:, 6:] / sizes[:, None], *surface, coherency[:, None]]


def _surface(masks: Masks, c: VoxelContext, height: np.ndarray) -> list[np.ndarray]:
    """The layers that a mask is in, those that it is flat in, and how many neighbours its voxels
    have in their plane, above and below, and in all."""
    every, beside, above = c.neighbors.counts().T
    flat, wall = (beside >= 5) & (above == 0), (above == 2) & (beside <= 4)
    layer = np.clip(height / HEIGHT_STEP, 0, HEIGHTS - 1).astype(np.int64)
    numbers = np.stack([beside / 8, above / 2, every / 26, flat, wall, above == 0], axis=1)
    return [
        _share(masks, layer, HEIGHTS),
        _share(masks, np.where(flat, layer, -1), HEIGHTS),
        masks.mean(numbers),
    ]


def _border(masks: Masks, c: VoxelContext) -> np.ndarray:
    """How the embedding and the deep features jump across a mask's border."""
    within, crossing = kernels.borders(
        masks.voxel,
        masks.starts,
        c.neighbors,
        c.embedding.astype(np.float32, copy=False),
        c.candidates,
        c.component,
        c.features,
        c.probability,
        FAR,
    )
    inner, outer = np.maximum(within[:, :1], 1), np.maximum(crossing[:, 1:3], 1)
    none = crossing[:, 1:3] == 0
    means = [np.where(none, FAR, crossing[:, 3:5] / outer), crossing[:, 5:6] / outer[:, :1]]
    means += [
        np.where(none, 0, crossing[:, k : k + 2] / outer) for k in range(6, crossing.shape[1], 2)
    ]
    contacts = [
        crossing[:, 1:3] / (within[:, :1] + crossing[:, 1:3] + 1),
        crossing[:, 1:2] / np.maximum(crossing[:, :1], 1),
        np.log1p(crossing[:, 1:3]),
        within[:, 1:] / inner,
        within[:, :1] / masks.sizes[:, None],
    ]
    return np.concatenate([*contacts, *means], axis=1)


def _component(masks: Masks, c: VoxelContext) -> np.ndarray:
    """(P, 10): a mask's share of its main label component, the one that most of it is in, and that
    component's size and extents."""
    number = int(c.component.max(initial=0)) + 1
    main, shared = kernels.main_bins(masks.voxel, masks.starts, c.component, number)
    index = np.flatnonzero(c.component >= 0)
    index = index[np.argsort(c.component[index], kind="stable")]
    total = np.maximum(np.bincount(c.component[index], minlength=number), 1)
    size = masks.sizes
    covered, pure = shared / total[main], shared / size
    filled, start = np.unique(c.component[index], return_index=True)
    extent = np.full((number, 3), VOXEL)
    if len(index):
        xyz = c.centers[index]
        extent[filled] += np.maximum.reduceat(xyz, start) - np.minimum.reduceat(xyz, start)
    masks_of = np.bincount(main, minlength=number)
    wide = np.hypot(extent[:, 0], extent[:, 1])
    return np.stack([
        covered, pure, (covered > 0.999) & (pure > 0.999), np.log(total[main]),
        np.log1p(total[main] - shared), np.log(masks_of[main]), np.log(wide[main]),
        np.log(extent[main, 2]), np.log(total[main] / size), shared == 0,
    ], axis=1)  # fmt: skip


def _others(proposals: Proposals, voxels: int) -> np.ndarray:
    """(P, 9): how stable a mask is over the partitions, what holds it and what it holds."""
    p, masks = proposals, proposals.masks
    row, column, both = kernels.overlaps(masks.voxel, masks.starts, voxels)
    size = masks.sizes.astype(np.float32)
    iou = both / (size[row] + size[column] - both)
    partitions = p.source.shape[1]
    best = np.zeros((masks.count, partitions), np.float32)
    for k in range(partitions):
        mine = p.source[column, k]
        np.maximum.at(best[:, k], row[mine], iou[mine])
    above = (both > 0.9 * size[row]) & (size[column] > 1.15 * size[row])
    below = (both > 0.9 * size[column]) & (size[row] > 1.15 * size[column])
    ratio = np.minimum(size[column] / size[row], 20)
    parent, child = np.full(masks.count, 20.0), np.zeros(masks.count)
    np.minimum.at(parent, row[above], ratio[above])
    np.maximum.at(child, row[below], ratio[below])
    return np.stack([
        p.source.mean(axis=1), best.mean(axis=1), best.min(axis=1), p.source[:, -1], best[:, -1],
        np.log1p(np.bincount(row[above], minlength=masks.count)),
        np.log1p(np.bincount(row[below], minlength=masks.count)), parent, child,
    ], axis=1)  # fmt: skip
