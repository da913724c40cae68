"""Scenes are placed where coarse cells divide them as before; unknown labels are all zero."""

import numpy as np
import pytest
import torch

from mtml_ros.core.errors import InputError
from mtml_ros.network.batch import ALIGNMENT, make_batch, one_hot


def test_scenes_follow_one_another_and_keep_their_order():
    first = np.array([[0, 0, 0], [0, 0, 5]], dtype=np.int32)
    second = np.array([[-40, 3, 2]], dtype=np.int32)
    batch = make_batch([first, second], [torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0]])])
    assert batch.scene.tolist() == [0, 0, 1]
    assert batch.inputs[:, 0].tolist() == [1.0, 2.0, 3.0]
    # second: -40 lies 24 above -64, the multiple of 32 below it
    assert batch.coordinates.tolist() == [
        [ALIGNMENT, ALIGNMENT, ALIGNMENT],
        [ALIGNMENT, ALIGNMENT, ALIGNMENT + 5],
        [ALIGNMENT + 24, ALIGNMENT + 3, ALIGNMENT + 2],
    ]


@pytest.mark.parametrize("shift", [(32, 0, 0), (-320, 64, 32), (320_000, -32, 0)])
def test_moving_a_scene_by_multiples_of_the_alignment_changes_nothing(shift, sorted_voxels):
    voxels = sorted_voxels(np.random.default_rng(0).integers(-9, 30, (50, 3)))
    inputs = torch.ones(len(voxels), 1)
    moved = make_batch([voxels + np.array(shift, dtype=np.int32)], [inputs])
    assert torch.equal(moved.coordinates, make_batch([voxels], [inputs]).coordinates)


def test_a_scene_without_voxels_is_refused():
    with pytest.raises(InputError, match="without voxels"):
        make_batch([np.zeros((0, 3), dtype=np.int32)], [torch.zeros(0, 1)])


@pytest.mark.parametrize("order", [[0, 0, 1], [1, 0, 2]])
def test_voxels_given_twice_or_out_of_order_are_refused(order):
    voxels = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0]], dtype=np.int32)[order]
    with pytest.raises(InputError, match="ascending"):
        make_batch([voxels], [torch.zeros(3, 1)])


def test_one_hot_leaves_unknown_all_zero():
    assert one_hot(np.array([0, 2, 1]), 3).tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0]]
