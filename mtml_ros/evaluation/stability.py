"""How steadily ids stay with their objects while a map grows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mtml_ros.core.errors import InputError
from mtml_ros.core.majority import most_frequent
from mtml_ros.core.scene import Scene
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid, occupied_voxels, pack_keys
from mtml_ros.mapper import ObjectMapper
from mtml_ros.tracking.tracker import TrackedInstance


@dataclass(frozen=True)
class IdStability:
    """Whether ids stayed with their objects, over a sequence of updates.

    In an update, an object is found by the instance whose IoU with the voxels of it that are in
    the map is above .5 (there is at most one), and has that instance's id.

    objects: true objects that were in the map at the last update.
    followed: of all true objects, those found in two updates or more.
    steady: of those followed, the ones that had the same id each time they were found.
    changes: times that a followed object was found with another id than when found before.
    shared_ids: ids that were those of two or more objects, at whatever times.
    """

    objects: int = 0
    followed: int = 0
    steady: int = 0
    changes: int = 0
    shared_ids: int = 0

    def __add__(self, other: IdStability) -> IdStability:
        return IdStability(*(a + b for a, b in zip(vars(self).values(), vars(other).values())))

    @property
    def share(self) -> float | None:
        """Share of the followed objects whose id never changes; None where none was followed."""
        return self.steady / self.followed if self.followed else None


def id_stability(
    updates: Iterable[tuple[Sequence[TrackedInstance], np.ndarray]],
) -> IdStability:
    """How steady ids were over a sequence of updates.

    updates: for each, the tracked instances, and truth (V,) int, the true object of each voxel of
    the grid that they index (-1: none), numbered alike in all updates.
    """
    ids: dict[int, list[int]] = {}
    objects = 0
    for tracked, truth in updates:
        objects = len(np.unique(truth[truth >= 0]))
        for number, id_ in _found(tracked, truth):
            ids.setdefault(number, []).append(id_)
    followed = [history for history in ids.values() if len(history) > 1]
    owners = Counter(id_ for history in ids.values() for id_ in set(history))
    return IdStability(
        objects=objects,
        followed=len(followed),
        steady=sum(len(set(history)) == 1 for history in followed),
        changes=sum(a != b for history in followed for a, b in pairwise(history)),
        shared_ids=sum(number > 1 for number in owners.values()),
    )


def _found(tracked: Sequence[TrackedInstance], truth: np.ndarray) -> Iterable[tuple[int, int]]:
    """Each true object that an instance finds, and the id of that instance."""
    size = np.bincount(truth[truth >= 0])
    for t in tracked:
        inside = truth[t.instance.voxels]
        common = np.bincount(inside[inside >= 0])
        if len(common):
            number = int(common.argmax())
            union = len(inside) + size[number] - common[number]
            if 2 * common[number] > union:
                yield number, t.id


def follow_growing_map(scans: Sequence[Scene], mapper: ObjectMapper) -> IdStability:
    """Id stability of a scan that grows, through all that is between clouds and ids in a node.

    scans: each holds the points of the one before, in the same order, and more; their noisy labels
    count where they have them. mapper: one whose map is empty.
    """
    return id_stability(_updates(scans, mapper))


def _updates(
    scans: Sequence[Scene], mapper: ObjectMapper
) -> Iterable[tuple[Sequence[TrackedInstance], np.ndarray]]:
    known = 0
    for number, scan in enumerate(scans):
        if len(scan.xyz) < known:
            raise InputError(f"scan {number} has fewer points than the one before it")
        labels = scan.labels if scan.noisy_labels is None else scan.noisy_labels
        mapper.integrate(LabeledPoints(scan.xyz[known:], labels[known:]), float(number))
        known = len(scan.xyz)
        update = mapper.update(force=True)
        if update is not None:
            yield update.tracked, voxel_truth(scan, update.segmentation.grid)


def voxel_truth(scene: Scene, grid: VoxelGrid) -> np.ndarray:
    """(V,) int64: the object that most points of each voxel belong to, -1 where that is none.

    The points of the scene lie in the grid's voxels. Ties go to the lower number.
    """
    keys, voxel = occupied_voxels(scene.xyz, grid.voxel_size)
    if not np.array_equal(keys, pack_keys(grid.coordinates)):
        raise InputError("the grid's voxels are not those of the scene's points")
    return most_frequent(voxel, scene.instance.astype(np.int64) + 1)[1] - 1
