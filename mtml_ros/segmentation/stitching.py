"""One segmentation from those of its regions; objects that a cut went through are joined again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mtml_ros.core.instances import Instance, Proposal, Segmentation, make_instance
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.segmentation.regions import Region

AGREEMENT = 0.5
"""IoU, counted where two regions both see, from which on objects of theirs are one. Above a half,
an object agrees with one of the other region's at most."""


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
    with_proposals: bool = True,
) -> Segmentation:
    """The segmentation of a grid from the results of its regions, in the same order."""
    instances: list[Instance] = []
    cut = [i for i, region in enumerate(regions) if region.own is not None]
    for region, result in zip(regions, results):
        if region.own is None:
            instances += [_placed(i, region) for i in result.instances if i is not None]
    if cut:
        instances += _stitched(
            grid, [regions[i] for i in cut], [results[i] for i in cut], min_voxels
        )
    instances.sort(key=lambda i: -i.score)
    proposals = [
        replace(p, voxels=region.rows[p.voxels])
        for region, result in zip(regions, results)
        for p in result.proposals
        if with_proposals
    ]
    proposals.sort(key=lambda p: -p.score)
    instance = np.full(len(grid), -1, dtype=np.int32)
    labels = grid.labels.copy()
    for number, found in enumerate(instances):
        instance[found.voxels] = number
        labels[found.voxels] = found.label
    return Segmentation(grid, instance, instances, proposals, labels)


def _placed(instance: Instance, region: Region) -> Instance:
    return replace(instance, voxels=region.rows[instance.voxels])


def _stitched(
    grid: VoxelGrid, regions: list[Region], results: list[RegionResult], min_voxels: int
) -> list[Instance]:
    """Objects of regions that were cut; what the margins' views agree on is one object."""
    parts: list[Instance] = []
    number = []  # of each region's instances, among the parts; -1: none of it is its own
    for region, result in zip(regions, results):
        own = np.array([i is not None for i in result.instances], dtype=bool)
        number.append(np.where(own, len(parts) + np.cumsum(own) - 1, -1))
        parts += [_placed(i, region) for i in result.instances if i is not None]
    if not parts:
        return []
    same = _agreeing(len(grid), regions, results, number)
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


def _agreeing(
    num_voxels: int, regions: list[Region], results: list[RegionResult], number: list[np.ndarray]
) -> np.ndarray:
    """(n, 2) pairs of parts that are one object. number: part of each region's instances."""
    owner = np.full(num_voxels, -1, dtype=np.int64)  # region whose own a voxel is
    found = np.full(num_voxels, -1, dtype=np.int64)  # its part there
    for i, (region, result) in enumerate(zip(regions, results)):
        own = region.rows[region.own]
        owner[own] = i
        found[own] = np.append(number[i], -1)[result.instance[region.own]]
    views = []
    for i, (region, result) in enumerate(zip(regions, results)):
        margin = ~region.own  # type: ignore[operator]
        rows = region.rows[margin]
        mine = np.append(number[i], -1)[result.instance[margin]]
        other = owner[rows]
        # the lower region's view first; a view without a part has the region's number below -1
        one, two = np.full(len(rows), i), other
        a, b = mine, found[rows]
        swap = one > two
        views.append(np.stack([np.where(swap, two, one), np.where(swap, one, two),
                               np.where(swap, b, a), np.where(swap, a, b)]))  # fmt: skip
    one, two, a, b = np.concatenate(views, axis=1)
    pair = one * len(regions) + two
    size_a = _Counts.of(pair[a >= 0], a[a >= 0])
    size_b = _Counts.of(pair[b >= 0], b[b >= 0])
    both = (a >= 0) & (b >= 0)
    if not both.any():
        return np.zeros((0, 2), dtype=np.int64)
    width = int(max(a.max(), b.max())) + 1
    # two parts tell their regions, and thus the pair
    joint, first, common = np.unique(
        a[both] * width + b[both], return_index=True, return_counts=True
    )
    left, right = np.divmod(joint, width)
    of = pair[both][first]
    union = size_a.at(of, left) + size_b.at(of, right) - common
    agree = common > AGREEMENT * union
    return np.stack([left[agree], right[agree]], axis=1)


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
