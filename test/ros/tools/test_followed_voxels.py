"""FollowedVoxels: what is kept is what was said, and what was missed is noticed."""

import numpy as np
import pytest
from std_msgs.msg import Header

from mtml_ros.core.errors import InputError
from mtml_ros.core.instances import Segmentation, make_instance
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import VoxelGrid, pack_keys, unpack_keys
from mtml_ros.ros.conversions import encode_points_update, encode_voxel_cloud
from mtml_ros.ros.tools.followed_voxels import FollowedVoxels, voxels_of
from mtml_ros.tracking.changes import ChangeLog
from mtml_ros.tracking.tracker import TrackedInstance

TAXONOMY = Taxonomy.scannet()


def scenes(count, size=0.1):
    """Random small grids with up to four objects: the message of the changes (a function of
    `complete`), and the cloud of all."""
    rng, log = np.random.default_rng(0), ChangeLog()
    for number in range(count):
        coordinates = rng.integers(-4, 4, (int(rng.integers(0, 300)), 3))
        keys = np.unique(pack_keys(coordinates))
        grid = VoxelGrid(unpack_keys(keys), rng.integers(0, 9, len(keys)).astype(np.uint8), size)
        instance = rng.integers(-1, 4, len(keys)).astype(np.int32)
        found = [
            make_instance(grid, np.flatnonzero(instance == i), 1, float(rng.random()))
            for i in range(4)
            if (instance == i).any()
        ]
        tracked = [TrackedInstance(7 + n, i, 0.0, 1.0) for n, i in enumerate(found)]
        changes = log.update(Segmentation(grid, instance, found, [], grid.labels), tracked)

        def message(complete, number=number, grid=grid, changes=changes):
            return encode_points_update(
                changes, grid, changes.shown, TAXONOMY, Header(), number, complete
            )

        yield message, encode_voxel_cloud(grid, changes.shown, TAXONOMY, Header())


@pytest.mark.parametrize("size", [0.1, 0.05, 0.25])
def test_who_joins_late_has_the_whole_cloud_from_the_first_complete_message_on(size):
    follower = FollowedVoxels()
    for number, (message, whole) in enumerate(scenes(30, size)):
        assert follower.apply(message(complete=number == 3)) == (number >= 3)
        if number >= 3:
            assert np.array_equal(follower.records, voxels_of(whole))


def test_a_message_that_was_missed_is_noticed_until_the_next_complete_one():
    follower = FollowedVoxels()
    messages = [message for message, _ in scenes(8)]
    said = [follower.apply(messages[n](complete=n in (0, 6))) for n in (0, 1, 2, 4, 5, 6, 7)]
    assert said == [True, True, True, False, False, True, True]


def test_other_clouds_are_refused():
    follower = FollowedVoxels()
    (message, whole), *_ = scenes(2)
    assert follower.apply(message(complete=True))
    bad = message(complete=False)
    bad.number += 1
    bad.points.data = bad.points.data[:-1]
    with pytest.raises(InputError, match="none of those"):
        follower.apply(bad)
    assert np.array_equal(follower.records, voxels_of(whole))
