"""What kernels of clusters and masks refuse, and how their cost grows. Their
values are tested with the functions that use them."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from mtml_ros.core.kernels import kernels

VOXEL, STARTS = np.array([0, 1, 2, 1]), np.array([0, 3, 4])


@pytest.mark.parametrize(("points", "dimensions"), [(1, 1), (63, 3), (5000, 8), (20_000, 3)])
def test_points_within_a_radius_are_counted_as_by_a_kd_tree(points, dimensions):
    rng = np.random.default_rng(points)
    xyz = rng.uniform(0, 4, (points, dimensions)).astype("f4")
    centers = rng.uniform(-1, 5, (50, dimensions)).astype("f4")
    wanted = cKDTree(xyz).query_ball_point(centers, 0.9, return_length=True)
    assert np.abs(kernels.count_within(xyz, centers, 0.9) - wanted).max() <= 1  # rounding


def test_suppression_and_counts_around_isolated_voxels_do_not_take_voxels_times_masks():
    """That would be 10^11 here, minutes."""
    count = 300_000
    voxel, starts = np.arange(count), np.arange(count + 1)
    points = np.random.default_rng(0).uniform(0, 500, (count, 3)).astype("f4")
    kept, greatest = kernels.suppress(voxel, starts, voxel, count, 0.3)
    assert len(kept) == count
    assert not greatest.any()
    assert kernels.count_within(points, points, 0.01).min() == 1


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
    values = np.zeros((3, 2), dtype="f4")
    with pytest.raises(ValueError, match=message):
        kernels.mask_means(voxel, starts, values)
    with pytest.raises(ValueError, match=message):
        kernels.suppress(voxel, starts, np.arange(2), 3, 0.5)
    with pytest.raises(ValueError, match=message):
        kernels.main_group_shares(voxel, starts, np.zeros(3, dtype=np.int64))


def test_arrays_that_do_not_fit_are_refused():
    values, means = np.zeros((3, 2), dtype="f4"), np.zeros((2, 2))
    with pytest.raises(ValueError, match="means"):
        kernels.mask_spread(VOXEL, STARTS, values, means[:1])
    with pytest.raises(ValueError, match="order"):
        kernels.suppress(VOXEL, STARTS, np.array([0, 2]), 3, 0.5)
    with pytest.raises(ValueError, match="edges"):
        kernels.label_components(np.array([[0, 3]]), np.zeros(3, dtype=np.int64))
    with pytest.raises(ValueError, match="counted"):
        kernels.mask_contacts(
            VOXEL, STARTS, np.array([[0, 1]]), np.ones(2, dtype=bool), values, 4.0
        )
    with pytest.raises(ValueError, match="more groups"):
        kernels.main_group_shares(VOXEL, STARTS, np.array([0, 1 << 40, 0]))
    with pytest.raises(ValueError, match="bits"):
        kernels.neighbor_edges(np.arange(3), 40)
    with pytest.raises(ValueError, match="centers"):
        kernels.count_within(values, np.zeros((1, 3), dtype="f4"), 1.0)
