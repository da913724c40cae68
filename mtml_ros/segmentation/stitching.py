"""One segmentation from those of its regions; objects that a cut went through are joined again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mtml_ros.core.instances import Instance, Proposal, Segmentation, make_instance
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.segmentation.components import touching
from mtml_ros.segmentation.regions import Region

AGREEMENT = 0.5
"""IoU, counted where two regions both see, from which on objects of theirs are one. Above a half,
an object agrees with one of the other region's at most. Where two rooms meet, neither of which
sees the other, it is the share of the smaller one's contact that is with the other, and the two
must be of one class."""


@dataclass(frozen=True)
class RegionResult:
    """What was found in a region of n voxels; indices are into the region's rows.

    instance: (n,) int32, -1 for none. instances: of the region's own voxels alone, in the order
    of `instance`; None for one that lies in the margin. proposals: those mostly in its own voxels.
    """

    instance: np.ndarray
    instances: list[Instance | None]
    proposals: list[Proposal]

    @staticmethod
    def of(found: Segmentation, own: np.ndarray | None) -> RegionResult:
        """The result of a region's segmentation. own: as of a Region."""
        if own is None:
            return RegionResult(found.instance, list(found.instances), found.proposals)
        instances: list[Instance | None] = []
        for whole in found.instances:
            inside = own[whole.voxels]
            if inside.all():
                instances.append(whole)
            elif inside.any():
                part = whole.voxels[inside]
                instances.append(make_instance(found.grid, part, whole.label, whole.score))
            else:
                instances.append(None)
        proposals = [p for p in found.proposals if 2 * own[p.voxels].sum() > len(p.voxels)]
        return RegionResult(found.instance, instances, proposals)


def joined(
    grid: VoxelGrid,
    regions: Sequence[Region],
    results: Sequence[RegionResult],
    min_voxels: int,
) -> Segmentation:
    """The segmentation of a grid from the results of its regions, in the same order."""
    instances = _stitched(grid, regions, results, min_voxels)
    instances.sort(key=lambda i: -i.score)
    proposals = [
        replace(p, voxels=region.rows[p.voxels])
        for region, result in zip(regions, results)
        for p in result.proposals
    ]
    proposals.sort(key=lambda p: -p.score)
    instance = np.full(len(grid), -1, dtype=np.int32)
    labels = grid.labels.copy()
    for number, found in enumerate(instances):
        instance[found.voxels] = number
        labels[found.voxels] = found.label
    return Segmentation(grid, instance, instances, proposals, labels)


def _stitched(
    grid: VoxelGrid,
    regions: Sequence[Region],
    results: Sequence[RegionResult],
    min_voxels: int,
) -> list[Instance]:
    """The objects of all regions; those that the regions' views show to be one are."""
    parts: list[Instance] = []
    number = []  # of each region's instances, among the parts; -1: none of it is its own
    for region, result in zip(regions, results):
        own = np.array([i is not None for i in result.instances], dtype=bool)
        number.append(np.where(own, len(parts) + np.cumsum(own) - 1, -1))
        parts += [
            replace(i, voxels=region.rows[i.voxels]) for i in result.instances if i is not None
        ]
    if not parts:
        return []
    same = _same(grid, regions, results, number, np.array([p.label for p in parts]))
    ones = np.ones(len(same), dtype=bool)
    graph = coo_matrix((ones, (same[:, 0], same[:, 1])), (len(parts), len(parts)))
    _, group = connected_components(graph, directed=False)
    order = np.argsort(group, kind="stable")
    instances = []
    for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        several = [parts[m] for m in members]
        largest = max(several, key=lambda p: len(p.voxels))
        if len(several) > 1:
            voxels = np.sort(np.concatenate([p.voxels for p in several]))
            score = sum(p.score * len(p.voxels) for p in several) / len(voxels)
            largest = make_instance(grid, voxels, largest.label, score)
        if len(largest.voxels) >= min_voxels:
            instances.append(largest)
    return instances


def _same(
    grid: VoxelGrid,
    regions: Sequence[Region],
    results: Sequence[RegionResult],
    number: list[np.ndarray],
    label: np.ndarray,
) -> np.ndarray:
    """(n, 2) pairs of parts that are one object. number: part of each region's instances. label:
    of each part."""
    if all(r.own is None and r.border is None for r in regions):
        return np.zeros((0, 2), dtype=np.int64)
    seen = [np.append(n, -1)[result.instance] for n, result in zip(number, results)]
    owner = np.full(len(grid), -1, dtype=np.int64)  # region whose own a voxel is
    found = np.full(len(grid), -1, dtype=np.int64)  # its part there
    for i, (region, parts) in enumerate(zip(regions, seen)):
        owner[region.owned] = i
        found[region.owned] = parts if region.own is None else parts[region.own]
    left, right, common, size_left, size_right = _shared(_in_margins(regions, seen, owner, found))
    agree = common > AGREEMENT * (size_left + size_right - common)
    a, b, contact, contact_a, contact_b = _shared(_at_borders(grid, regions, owner, found))
    goes_on = (contact > AGREEMENT * np.minimum(contact_a, contact_b)) & (label[a] == label[b])
    return np.concatenate(
        [np.stack([left[agree], right[agree]], axis=1), np.stack([a[goes_on], b[goes_on]], axis=1)]
    )


def _in_margins(
    regions: Sequence[Region], seen: list[np.ndarray], owner: np.ndarray, found: np.ndarray
) -> np.ndarray:
    """(4, m) views, as `_shared` takes them, of margins: by who sees a voxel, and who owns it."""
    views = [np.zeros((4, 0), dtype=np.int64)]
    for i, (region, parts) in enumerate(zip(regions, seen)):
        if region.own is not None:
            rows = region.rows[~region.own]
            here = np.full(len(rows), i), owner[rows], parts[~region.own], found[rows]
            views.append(np.stack(here))
    return np.concatenate(views, axis=1)


def _at_borders(
    grid: VoxelGrid, regions: Sequence[Region], owner: np.ndarray, found: np.ndarray
) -> np.ndarray:
    """(4, m) views, as `_shared` takes them, of where a room's voxel touches another room's."""
    borders = [r.rows[r.border] for r in regions if r.border is not None]
    rows = np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *borders]))
    one, two = rows[touching(grid.coordinates[rows]).pairs().T]
    apart = owner[one] != owner[two]
    one, two = one[apart], two[apart]
    return np.stack([owner[one], owner[two], found[one], found[two]])


def _shared(views: np.ndarray) -> tuple[np.ndarray, ...]:
    """The pairs of parts that two regions see in the same places, left and right: both (n,), how
    often together, and how often either in all places of the two regions.

    views: (4, m), of each place one region and another, and the part that either sees there, -1
    for none.
    """
    # the lower region first
    one, two, a, b = np.where(views[0] > views[1], views[[1, 0, 3, 2]], views)
    pair = one * (int(two.max(initial=0)) + 1) + two
    size_a = _Counts.of(pair[a >= 0], a[a >= 0])
    size_b = _Counts.of(pair[b >= 0], b[b >= 0])
    both = (a >= 0) & (b >= 0)
    width = int(b.max(initial=0)) + 1
    # two parts tell their regions, and thus the pair
    joint, first, common = np.unique(
        a[both] * width + b[both], return_index=True, return_counts=True
    )
    left, right = np.divmod(joint, width)
    of = pair[both][first]
    return left, right, common, size_a.at(of, left), size_b.at(of, right)


@dataclass(frozen=True)
class _Counts:
    """How often each pair of values occurs."""

    keys: np.ndarray
    counts: np.ndarray

    @staticmethod
    def of(first: np.ndarray, second: np.ndarray) -> _Counts:
        return _Counts(*np.unique(first << 32 | second, return_counts=True))

    def at(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The counts of pairs that do occur."""
        result: np.ndarray = self.counts[np.searchsorted(self.keys, first << 32 | second)]
        return result
