"""What the kernels of suppression and components refuse, and how their cost grows. Their values
are tested with the functions that use them."""

import numpy as np
import pytest

from mtml_ros.core.kernels import kernels

VOXEL, STARTS = np.array([0, 1, 2, 1]), np.array([0, 3, 4])


def test_suppression_of_isolated_voxels_does_not_take_voxels_times_masks():
    """That would be 10^11 here, minutes."""
    count = 300_000
    voxel, starts = np.arange(count), np.arange(count + 1)
    kept, greatest = kernels.suppress(voxel, starts, voxel, count, 0.3)
    assert len(kept) == count
    assert not greatest.any()


@pytest.mark.parametrize(
    ("voxel", "starts", "message"),
    [
        (VOXEL, np.array([0, 3, 3, 4]), "empty"),
        (VOXEL, np.array([0, 3]), "starts"),
        (VOXEL, np.array([1, 4]), "starts"),
        (VOXEL, np.zeros(0, dtype=np.int64), "starts"),
        (VOXEL + 1, STARTS, "out of range"),
        (VOXEL - 1, STARTS, "out of range"),
        (VOXEL[::-1], STARTS, "in a row"),
    ],
)
def test_masks_that_are_none_are_refused(voxel, starts, message):
    with pytest.raises(ValueError, match=message):
        kernels.suppress(voxel, starts, np.arange(2), 3, 0.5)


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="order"):
        kernels.suppress(VOXEL, STARTS, np.array([0, 2]), 3, 0.5)
    neighbors = kernels.touching(np.arange(3), 20)
    with pytest.raises(ValueError, match="labels"):
        kernels.label_components(neighbors, np.zeros((1, 4), dtype=np.int64))
    with pytest.raises(ValueError, match="labels"):
        kernels.label_components(neighbors, np.zeros(3, dtype=np.int64))
    with pytest.raises(ValueError, match="bits"):
        kernels.touching(np.arange(3), 40)
