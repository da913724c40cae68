"""Neighbours as offsets and as steps of keys."""

import numpy as np

from mtml_ros.core.neighbors import FORWARD_NEIGHBORS, NEIGHBORS, key_steps, offsets_within
from mtml_ros.core.voxels import pack_keys


def test_a_voxel_has_26_neighbours_one_of_each_two_opposite_ones_forward():
    assert len(NEIGHBORS) == 3**3 - 1
    both = {tuple(o) for o in FORWARD_NEIGHBORS} | {tuple(-o) for o in FORWARD_NEIGHBORS}
    assert both == {tuple(o) for o in NEIGHBORS}
    assert len(offsets_within(2)) == 5**3 - 1


def test_a_step_of_the_key_is_a_step_of_the_coordinates():
    voxel = np.array([[3, -2, 7]])
    stepped = pack_keys(voxel) + key_steps(NEIGHBORS)
    assert np.array_equal(stepped, pack_keys(voxel + NEIGHBORS))
    assert (np.diff(stepped) > 0).all()
