"""What the learned score and the naming of masks look at: deep features, shapes, labels, borders.

Everything is pooled from voxels and from pairs of touching voxels, a partition at a time, so that
the cost follows the voxels and not the number of masks.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from mtml_ros.segmentation.context import VoxelContext
from mtml_ros.segmentation.proposals import Proposals

HEIGHT_STEP, HEIGHTS = 0.2, 12
"""Metres, and how many such layers above the floor the shape of a mask is told by."""
SLICES = 5
"""Parts of a mask's own height."""
FAR = 4.0
"""Jumps of the embedding are counted up to this."""


def object_features(proposals: Proposals, context: VoxelContext) -> np.ndarray:
    """(P, F) float32: what each mask looks like by itself and what lies beside it."""
    p, c = proposals, context
    size = p.masks.sizes.astype(np.float32)[:, None]
    voxel = p.masks.voxel
    embedding = c.embedding
    mean = p.mean(embedding)
    deviation = np.sqrt(np.maximum(p.mean(embedding**2) - mean**2, 0))
    distance = np.linalg.norm(embedding[voxel] - mean[p.masks.mask], axis=1)
    within = [p.mean_of(distance <= radius) for radius in (0.25, 0.5, 1.0, 2.0)]
    columns = [
        p.mean(_appearance(c)),
        deviation,
        np.linalg.norm(deviation, axis=1)[:, None],
        np.stack(within, axis=1),
        *_shape(p, c),
        *_border(p, c, size),
        np.tile(_scene(c), (p.masks.count, 1)),
    ]
    return np.concatenate(columns, axis=1).astype(np.float32)


def relation_features(proposals: Proposals, context: VoxelContext) -> np.ndarray:
    """(P, G) float32: how each mask stands to its label component and to the other masks."""
    columns = [_component(proposals, context), *_rest(proposals, context), _others(proposals)]
    return np.concatenate(columns, axis=1).astype(np.float32)


def _appearance(c: VoxelContext) -> np.ndarray:
    """(V, A) float32: deep features, class probabilities, the label and how likely it is."""
    parts = [c.features] if c.features is not None else []
    if c.probability is not None and c.given is not None:
        likely = np.maximum(c.given, 0)[:, None]
        label = np.zeros((len(c.labels), c.probability.shape[1] + 1), np.float32)
        label[np.arange(len(label)), c.channel] = 1
        parts += [c.probability, label, label[:, 1:] * likely, likely]
    return np.concatenate([*parts, (c.labels > 0).astype(np.float32)[:, None]], axis=1)


def _scene(c: VoxelContext) -> np.ndarray:
    """(3,): reliability of the scene's labels, share of labelled voxels, size."""
    known = c.candidates & (c.given >= 0) if c.given is not None else c.candidates
    reliability = c.given[known].mean() if c.given is not None and known.any() else 0.0
    return np.array([reliability, (c.labels > 0).mean(), np.log(len(c.labels))])


def _shape(p: Proposals, c: VoxelContext) -> list[np.ndarray]:
    """Extents, height above the floor, fill, and where a mask is flat or upright."""
    masks = p.masks
    start = np.cumsum(masks.sizes) - masks.sizes
    sizes = masks.sizes.astype(np.float32)
    xyz = c.centers.astype(np.float32)
    height = xyz[:, 2] - np.quantile(xyz[:, 2], 0.02)
    middle = p.mean(xyz)
    away = xyz[masks.voxel] - middle[masks.mask]
    x, y = away[:, 0], away[:, 1]
    turn = 0.5 * np.arctan2(2 * p.mean_of(x * y), p.mean_of(x * x) - p.mean_of(y * y))
    cos, sin = np.cos(turn)[masks.mask], np.sin(turn)[masks.mask]

    def extent(values: np.ndarray) -> np.ndarray:
        spread = np.maximum.reduceat(values, start) - np.minimum.reduceat(values, start)
        return spread + np.float32(0.1)

    along, across = extent(x * cos + y * sin), extent(y * cos - x * sin)
    tall = extent(height[masks.voxel])
    low = np.minimum.reduceat(height[masks.voxel], start)
    box = np.stack([
        np.log(sizes), np.log(along), np.log(across), np.log(tall), along, across, tall, low,
        low + tall, p.mean_of(height[masks.voxel]), np.log(sizes / (along * across * tall)),
        np.log(sizes / (along * tall)), np.log(sizes / (along * across)),
    ], axis=1)  # fmt: skip
    part = ((height[masks.voxel] - low[masks.mask]) / tall[masks.mask] * SLICES).astype(int)
    cell = masks.mask * SLICES + np.minimum(part, SLICES - 1)
    slices = np.bincount(cell, minlength=masks.count * SLICES).reshape(-1, SLICES)
    towards = -away
    length = np.linalg.norm(towards, axis=1)
    cosine = (towards * c.direction[masks.voxel]).sum(axis=1) / np.maximum(length, 1e-6)
    coherency = p.mean_of(np.where(length > 1e-3, cosine, 1.0))
    return [box, slices / sizes[:, None], p.mean(_surface(c, height)), coherency[:, None]]


def _surface(c: VoxelContext, height: np.ndarray) -> np.ndarray:
    """(V, 2 HEIGHTS + 6) float32: the layer that a voxel is in, if it is flat there, and how many
    neighbours it has in its plane, above and below, and in all."""
    v = len(height)
    step = np.abs(c.centers[c.edges[:, 1]] - c.centers[c.edges[:, 0]]) > 1e-3
    level, upright = ~step[:, 2], ~step[:, 0] & ~step[:, 1]
    beside = np.bincount(c.edges[level].ravel(), minlength=v)
    above = np.bincount(c.edges[upright].ravel(), minlength=v)
    every = np.bincount(c.edges.ravel(), minlength=v)
    flat, wall = (beside >= 5) & (above == 0), (above == 2) & (beside <= 4)
    layer = np.zeros((v, HEIGHTS), np.float32)
    index = np.clip(height / HEIGHT_STEP, 0, HEIGHTS - 1).astype(int)
    layer[np.arange(v), index] = 1
    numbers = np.stack([beside / 8, above / 2, every / 26, flat, wall, above == 0], axis=1)
    return np.concatenate([layer, layer * flat[:, None], numbers.astype(np.float32)], axis=1)


def _border(p: Proposals, c: VoxelContext, size: np.ndarray) -> list[np.ndarray]:
    """How the embedding and the deep features jump across a mask's border, and what lies there."""
    jump = np.linalg.norm(c.embedding[c.edges[:, 0]] - c.embedding[c.edges[:, 1]], axis=1)
    jump = np.minimum(jump, FAR)
    # few pairs of touching voxels are cut by any partition: only those are looked at further
    border = np.zeros(len(c.edges), dtype=bool)
    for label, _ in p.partitions():
        border |= label[c.edges[:, 0]] != label[c.edges[:, 1]]
    at = np.flatnonzero(border)
    pairs, around = _across(c, at, jump[at])
    number = p.masks.count
    crossing = np.zeros((number, pairs.shape[1]), np.float32)
    within = np.zeros((number, 2), np.float32)
    beside = np.zeros((number, around.shape[1]), np.float32)
    every, few = c.edges.T, c.edges[at].T
    for label, first in p.partitions():
        of_a, of_b = label[every[0]], label[every[1]]
        kept = np.flatnonzero((of_a == of_b) & first[of_a])
        within[:, 0] += np.bincount(of_a[kept], minlength=number)
        within[:, 1] += np.bincount(of_a[kept], weights=jump[kept], minlength=number)
        of_a, of_b = of_a[at], of_b[at]
        for mine, other in ((of_a, few[1]), (of_b, few[0])):
            cut = np.flatnonzero((of_a != of_b) & first[mine])
            crossing += _sum(mine[cut], np.arange(len(cut)), number, len(cut)) @ pairs[cut]
            touched = _sum(mine[cut], other[cut], number, len(around))
            touched.data[:] = 1  # each voxel beside a mask once
            beside += touched @ around
    inner, outer = np.maximum(within[:, :1], 1), np.maximum(crossing[:, 1:3], 1)
    none = crossing[:, 1:3] == 0
    means = [np.where(none, FAR, crossing[:, 3:5] / outer), crossing[:, 5:6] / outer[:, :1]]
    means += [
        np.where(none, 0, crossing[:, k : k + 2] / outer) for k in range(6, pairs.shape[1], 2)
    ]
    contacts = [
        crossing[:, 1:3] / (within[:, :1] + crossing[:, 1:3] + 1),
        crossing[:, 1:2] / np.maximum(crossing[:, :1], 1),
        np.log1p(crossing[:, 1:3]),
        within[:, 1:] / inner,
        within[:, :1] / size,
    ]
    return [*contacts, *means, beside[:, :-1] / np.maximum(beside[:, -1:], 1)]


def _across(c: VoxelContext, at: np.ndarray, jump: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, N) float32 what is summed over the pairs of touching voxels `at`, between which the
    embedding jumps so far; (V, A) float32 what is pooled of the voxels beside a mask, 1 last."""
    a, b = c.edges[at].T
    inside = c.candidates[a] & c.candidates[b]
    same = inside & (c.component[a] == c.component[b])
    values = [np.ones(len(a)), inside, same, jump * inside, jump * same, (jump > 1) * inside]
    around = []
    if c.features is not None:
        change = np.linalg.norm(c.features[a] - c.features[b], axis=1)
        values += [change * inside, change * same]
        around.append(c.features)
    if c.probability is not None:
        agree = (c.probability[a] * c.probability[b]).sum(axis=1)
        values += [agree * inside, agree * same]
        around.append(c.probability)
    one = np.ones((len(c.labels), 1), np.float32)
    return np.stack(values, axis=1).astype(np.float32), np.concatenate([*around, one], axis=1)


def _component(p: Proposals, c: VoxelContext) -> np.ndarray:
    """(P, 10): a mask's share of its main label component, that component's size and extents."""
    number = int(c.component.max(initial=0)) + 1
    main, shared = p.main(c.component, number)
    total = np.maximum(np.bincount(c.component[c.component >= 0], minlength=number), 1)
    size = p.masks.sizes
    covered, pure = shared / total[main], shared / size
    index = np.flatnonzero(c.component >= 0)
    index = index[np.argsort(c.component[index], kind="stable")]
    filled, start = np.unique(c.component[index], return_index=True)
    extent = np.full((number, 3), 0.1)
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


def _rest(p: Proposals, c: VoxelContext) -> list[np.ndarray]:
    """How what would be left of a mask's label component differs from the mask."""
    number = int(c.component.max(initial=0)) + 1
    parts = [c.embedding, *(x for x in (c.features, c.probability) if x is not None)]
    values = np.concatenate(parts, axis=1)
    main, shared = p.main(c.component, number)
    inside = np.flatnonzero(c.component >= 0)
    total = np.bincount(c.component[inside], minlength=number)
    sums = _sum(c.component[inside], inside, number, len(values)) @ values
    mean = p.mean(values)
    left = (total[main] - shared)[:, None]
    rest = (sums[main] - mean * shared[:, None]) / np.maximum(left, 1)
    change = np.where(left > 2, rest - mean, 0)
    width = c.embedding.shape[1]
    return [np.linalg.norm(change[:, :width], axis=1)[:, None], change[:, width:]]


def _others(p: Proposals) -> np.ndarray:
    """(P, 9): how stable a mask is over the partitions, what holds it and what it holds."""
    number, partitions = p.masks.count, p.source.shape[1]
    member = p.member
    shared = (member @ member.T).tocoo()
    row, column, both = shared.row, shared.col, shared.data
    size = p.masks.sizes.astype(np.float32)
    iou = both / (size[row] + size[column] - both)
    best = np.zeros((number, partitions), np.float32)
    for k in range(partitions):
        mine = p.source[column, k]
        np.maximum.at(best[:, k], row[mine], iou[mine])
    above = (both > 0.9 * size[row]) & (size[column] > 1.15 * size[row])
    below = (both > 0.9 * size[column]) & (size[row] > 1.15 * size[column])
    ratio = np.minimum(size[column] / size[row], 20)
    parent, child = np.full(number, 20.0), np.zeros(number)
    np.minimum.at(parent, row[above], ratio[above])
    np.maximum.at(child, row[below], ratio[below])
    return np.stack([
        p.source.mean(axis=1), best.mean(axis=1), best.min(axis=1), p.source[:, -1], best[:, -1],
        np.log1p(np.bincount(row[above], minlength=number)),
        np.log1p(np.bincount(row[below], minlength=number)), parent, child,
    ], axis=1)  # fmt: skip


def _sum(row: np.ndarray, column: np.ndarray, rows: int, columns: int) -> csr_matrix:
    """The matrix that sums `columns` over `row`, each pair of both once."""
    matrix = csr_matrix((np.ones(len(row), np.float32), (row, column)), shape=(rows, columns))
    matrix.sum_duplicates()
    return matrix
