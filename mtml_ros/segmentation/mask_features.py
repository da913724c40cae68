"""What the learned score and the naming of masks look at: deep features, shapes, labels, borders.

The compiled kernels sum over the voxels of masks and over pairs of touching voxels; here these sums
become features. The cost follows the voxels and not the number of masks.
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
VOXEL = 0.1
"""Metres that are added to extents between centres; the weights' voxels are so wide."""


def object_features(proposals: Proposals, context: VoxelContext) -> np.ndarray:
    """(P, F) float32: what each mask looks like by itself and what lies beside it."""
    masks, c = proposals.masks, context
    deviation, within = _spread(masks, c.embedding)
    columns = [
        *_appearance(masks, c),
        deviation,
        np.linalg.norm(deviation, axis=1)[:, None],
        within,
        *_shape(masks, c),
        *_border(masks, c),
        np.tile(_scene(c), (masks.count, 1)),
    ]
    return np.concatenate(columns, axis=1).astype(np.float32)


def relation_features(proposals: Proposals, context: VoxelContext) -> np.ndarray:
    """(P, G) float32: how each mask stands to its label component and to the other masks."""
    masks, c = proposals.masks, context
    number = int(c.component.max(initial=0)) + 1
    main, shared = kernels.main_bins(masks.voxel, masks.starts, c.component, number)
    columns = [
        _component(masks, c, main, shared),
        *_rest(masks, c, main, shared),
        _others(proposals, len(c.labels)),
    ]
    return np.concatenate(columns, axis=1).astype(np.float32)


def _share(
    masks: Masks, group: np.ndarray, number: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """(P, number) which share of each mask, weighed by (V,) float32, is in which group (V,)."""
    bins = group.astype(np.int64, copy=False)
    result: np.ndarray = kernels.histogram(masks.voxel, masks.starts, bins, number, weights)
    return result / masks.sizes[:, None]


def _appearance(masks: Masks, c: VoxelContext) -> list[np.ndarray]:
    """Means of deep features and class probabilities, the labels and how likely they are."""
    columns = [masks.mean(c.features)] if c.features is not None else []
    labelled = (c.labels > 0).astype(np.float32)[:, None]
    if c.probability is None or c.given is None:
        return [*columns, masks.mean(labelled)]
    likely = np.maximum(c.given, 0).astype(np.float32)
    number = c.probability.shape[1] + 1
    return [
        *columns,
        masks.mean(c.probability),
        _share(masks, c.channel, number),
        _share(masks, c.channel, number, likely)[:, 1:],
        masks.mean(np.concatenate([likely[:, None], labelled], axis=1)),
    ]


def _spread(masks: Masks, embedding: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P, E) deviation of the embedding from its mean, (P, R) share of it within RADII."""
    mean = masks.mean(embedding)
    rows = embedding.astype(np.float32, copy=False)
    found = kernels.spread(masks.voxel, masks.starts, rows, mean, RADII) / masks.sizes[:, None]
    return np.sqrt(found[:, : -len(RADII)]), found[:, -len(RADII) :]


def _scene(c: VoxelContext) -> np.ndarray:
    """(3,): reliability of the scene's labels, share of labelled voxels, size."""
    known = c.candidates & (c.given >= 0) if c.given is not None else c.candidates
    reliability = c.given[known].mean() if c.given is not None and known.any() else 0.0
    return np.array([reliability, (c.labels > 0).mean(), np.log(len(c.labels))])


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


def _border(masks: Masks, c: VoxelContext) -> list[np.ndarray]:
    """How the embedding and the deep features jump across a mask's border, and what lies there."""
    within, crossing, beside = kernels.borders(
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
    return [*contacts, *means, beside[:, :-1] / np.maximum(beside[:, -1:], 1)]


def _component(masks: Masks, c: VoxelContext, main: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """(P, 10): a mask's share of its main label component, that component's size and extents.

    main, shared: (P,), the component that most of a mask is in, and how many of its voxels are.
    """
    number = int(c.component.max(initial=0)) + 1
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


def _rest(masks: Masks, c: VoxelContext, main: np.ndarray, shared: np.ndarray) -> list[np.ndarray]:
    """How what would be left of a mask's label component differs from the mask."""
    # the main components of the masks as masks; -1, in none, reads the last
    wanted, position = np.unique(main, return_inverse=True)
    place = np.full(int(c.component.max(initial=0)) + 2, -1)
    place[wanted] = np.arange(len(wanted))
    whole = Proposals.of([place[c.component]]).masks
    if not whole.count:
        whole, position = masks, np.arange(masks.count)
    total = whole.sizes[position][:, None]
    left = total - shared[:, None]
    changes = []
    for values in (c.embedding, c.features, c.probability):
        if values is not None:
            mean = masks.mean(values)
            rest = whole.mean(values)[position] * total - mean * shared[:, None]
            changes.append(np.where(left > 2, rest / np.maximum(left, 1) - mean, 0))
    return [np.linalg.norm(changes[0], axis=1)[:, None], *changes[1:]]


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
