"""ChangeLog: applied to what was shown before, the changes give what is shown now."""

import numpy as np

from mtml_ros.core.instances import Segmentation, make_instance
from mtml_ros.core.voxels import VoxelGrid, pack_keys, unpack_keys
from mtml_ros.tracking.changes import ChangeLog
from mtml_ros.tracking.tracker import TrackedInstance

Shown = dict[tuple[int, ...], tuple[int, int, float]]


def scene(rng: np.random.Generator) -> tuple[Segmentation, list[TrackedInstance]]:
    """Up to 300 voxels of a small box, in up to four objects with ids of their own."""
    keys = np.unique(pack_keys(rng.integers(0, 8, (int(rng.integers(0, 300)), 3))))
    grid = VoxelGrid(unpack_keys(keys), rng.integers(0, 2, len(keys)).astype(np.uint8), 0.1)
    instance = rng.integers(-1, 4, len(keys)).astype(np.int32)
    found = [
        make_instance(grid, np.flatnonzero(instance == i), 1, float(rng.choice([0.25, 0.5])))
        for i in range(4)
        if (instance == i).any()
    ]
    tracked = [TrackedInstance(7 + n, i, 0.0, 1.0) for n, i in enumerate(found)]
    return Segmentation(grid, instance, found, [], grid.labels), tracked


def shown(segmentation: Segmentation, tracked: list[TrackedInstance]) -> Shown:
    result = {
        tuple(c): (int(label), 0, 0.0)
        for c, label in zip(segmentation.grid.coordinates.tolist(), segmentation.labels)
    }
    for t in tracked:
        for v in t.instance.voxels:
            place = tuple(segmentation.grid.coordinates[v].tolist())
            result[place] = (result[place][0], t.id, t.instance.score)
    return result


def test_who_follows_the_changes_sees_what_is_shown() -> None:
    rng, log, follower = np.random.default_rng(0), ChangeLog(), {}
    for _ in range(30):
        segmentation, tracked = scene(rng)
        now = shown(segmentation, tracked)
        changes = log.update(segmentation, tracked)
        for place in changes.removed.tolist():
            del follower[tuple(place)]  # was there
        assert not follower.keys() - now.keys()
        for place in segmentation.grid.coordinates[changes.rows].tolist():
            assert follower.get(tuple(place)) != now[tuple(place)]  # does change
            follower[tuple(place)] = now[tuple(place)]
        assert follower == now


def test_nothing_changes_where_nothing_does() -> None:
    segmentation, tracked = scene(np.random.default_rng(3))
    log = ChangeLog()
    assert len(log.update(segmentation, tracked).rows) == len(segmentation.grid)
    again = log.update(segmentation, tracked)
    assert (len(again.rows), len(again.removed)) == (0, 0)
