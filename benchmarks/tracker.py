"""Ids from one update to the next: the tracker beside the IoU of every pair of objects."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import numpy as np

from mtml_ros.core.instances import Instance, OrientedBox, Segmentation
from mtml_ros.core.voxels import VoxelGrid, pack_keys
from mtml_ros.tracking.tracker import InstanceTracker

SIDE = 8
"""Objects are cubes of so many voxels."""

UPDATES = 4
"""Updates of each case; the first one warms up."""


def run() -> list[dict[str, Any]]:
    """One row a number of objects and alternative: seconds an update, median."""
    rows = []
    for count in (30, 300):
        history = [_scene(count, number) for number in range(UPDATES)]
        steady, ours = _timed(_Ours().update, history)
        alternatives = [("intersect1d of each pair", _arrays)] if count <= 30 else []
        for name, other in [*alternatives, ("sets of voxels, each pair", _sets)]:
            other_steady, seconds = _timed(_Pairwise(other).update, history)
            rows.append({
                "case": f"{count:,} objects, {len(history[0].grid):,} voxels",
                "ours_s": ours,
                "alternative": name,
                "alternative_s": seconds,
                "times": seconds / ours,
                "same": steady and other_steady,
            })  # fmt: skip
    return rows


def _scene(count: int, number: int) -> Segmentation:
    """Cubes in rows, of which a tenth of the voxels is missing, other ones each time, and as many
    voxels again that belong to none."""
    rng = np.random.default_rng(number)
    cube = np.stack(np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij"), -1).reshape(-1, 3)
    corner = np.stack([np.arange(count) // 40, np.arange(count) % 40, 0 * np.arange(count)], 1)
    voxels = (corner[:, None] * (SIDE + 2) + cube).reshape(-1, 3)
    instance = np.repeat(np.arange(count), len(cube))
    voxels = np.concatenate([voxels, voxels + np.array([0, 0, 2 * SIDE])])
    instance = np.concatenate([instance, np.full(len(instance), -1)])
    kept = rng.random(len(voxels)) < 0.9
    voxels, instance = voxels[kept], instance[kept]
    order = np.argsort(pack_keys(voxels))
    grid = VoxelGrid(voxels[order].astype(np.int32), np.ones(len(order), np.uint8), 0.1)
    instance = instance[order].astype(np.int32)
    rows = np.split(np.argsort(instance, kind="stable"),
                    np.cumsum(np.bincount(instance + 1))[:-1])[1:]  # fmt: skip
    instances = []
    for row in rows:
        middle = grid.coordinates[row].mean(axis=0) * 0.1
        instances.append(Instance(row, 1, 1.0, middle, OrientedBox(middle, middle, 0.0)))
    return Segmentation(grid, instance, instances, [], grid.labels)


def _timed(update: Any, history: list[Segmentation]) -> tuple[bool, float]:
    """Whether each object, in the same place of every list, kept its id; seconds an update."""
    seconds, ids = [], []
    for segmentation in history:
        began = time.perf_counter()
        ids.append(update(segmentation))
        seconds.append(time.perf_counter() - began)
    return all(i == ids[0] for i in ids), median(seconds[1:])


class _Ours:
    def __init__(self) -> None:
        self._tracker = InstanceTracker()

    def update(self, segmentation: Segmentation) -> list[int]:
        return [tracked.id for tracked in self._tracker.update(segmentation, 0.0)]


class _Pairwise:
    """The usual first attempt: IoU of each object with each instance, best first."""

    def __init__(self, overlaps: Any) -> None:
        self._overlaps = overlaps
        self._objects: dict[int, np.ndarray] = {}

    def update(self, segmentation: Segmentation) -> list[int]:
        keys = pack_keys(segmentation.grid.coordinates)
        parts = [keys[instance.voxels] for instance in segmentation.instances]
        common = self._overlaps(list(self._objects.values()), parts)
        sizes = np.array([len(o) for o in self._objects.values()]).reshape(-1, 1)
        iou = common / (sizes + np.array([len(p) for p in parts]) - common)
        known, ids = list(self._objects), [0] * len(parts)
        for pair in np.argsort(-iou, axis=None, kind="stable"):
            o, p = divmod(int(pair), len(parts))
            if iou[o, p] <= 0:
                break
            if not ids[p] and known[o] not in ids:
                ids[p] = known[o]
        for p in range(len(parts)):
            ids[p] = ids[p] or max([0, *ids, *known]) + 1
        self._objects = dict(zip(ids, parts))
        return ids


def _arrays(objects: list[np.ndarray], parts: list[np.ndarray]) -> np.ndarray:
    return np.array([
        [len(np.intersect1d(o, p, assume_unique=True)) for p in parts] for o in objects
    ]).reshape(len(objects), len(parts))  # fmt: skip


def _sets(objects: list[np.ndarray], parts: list[np.ndarray]) -> np.ndarray:
    sets = [set(p.tolist()) for p in parts]
    own = [set(o.tolist()) for o in objects]
    return np.array([[len(o & p) for p in sets] for o in own]).reshape(len(own), len(sets))
