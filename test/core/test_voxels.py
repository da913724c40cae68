"""Points to voxels and back, against loops over dictionaries."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mtml_ros.core.errors import InputError
from mtml_ros.core.voxels import (
    MAX_COORDINATE,
    LabeledPoints,
    VoxelGrid,
    count_votes,
    occupied_voxels,
    pack_keys,
    unpack_keys,
    voxel_keys,
    winning_labels,
)


def points(xyz, labels, confidence=None):
    return LabeledPoints(
        np.array(xyz, dtype=np.float32).reshape(-1, 3),
        np.array(labels, dtype=np.uint8),
        None if confidence is None else np.array(confidence, dtype=np.float32),
    )


# keys

voxel_indices = hnp.arrays(
    np.int32,
    st.tuples(st.integers(0, 40), st.just(3)),
    elements=st.integers(-MAX_COORDINATE, MAX_COORDINATE),
)


@given(voxel_indices)
def test_keys_unpack_to_what_was_packed(coordinates):
    back = unpack_keys(pack_keys(coordinates))
    assert back.dtype == np.int32
    assert np.array_equal(back, coordinates)


@given(voxel_indices)
def test_keys_order_as_coordinates_do(coordinates):
    by_key = coordinates[np.argsort(pack_keys(coordinates), kind="stable")].tolist()
    assert by_key == sorted(coordinates.tolist())


def test_the_corners_of_the_range_have_keys_of_their_own():
    m = MAX_COORDINATE
    corners = np.array([[x, y, z] for x in (-m, m) for y in (-m, m) for z in (-m, m)])
    keys = pack_keys(corners)
    assert len(np.unique(keys)) == 8
    assert keys.dtype == np.int64
    assert (keys >= 0).all()
    assert np.array_equal(unpack_keys(keys), corners)


def test_voxel_i_spans_i_to_i_plus_1():
    xyz = np.array([[0.0, 0.0, 0.0], [0.4999, -0.0001, 0.5], [-0.5, -0.5001, 0.9999]])
    expected = [[0, 0, 0], [0, -1, 1], [-1, -2, 1]]
    assert unpack_keys(voxel_keys(xyz, 0.5)).tolist() == expected


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e30])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_point_without_a_voxel_is_refused(value, axis):
    xyz = np.zeros((3, 3), dtype=np.float32)
    xyz[1, axis] = value
    with pytest.raises(InputError, match="not finite or farther than 104858 m"):
        voxel_keys(xyz, 0.1)


def test_the_last_voxel_of_the_range_is_usable_and_the_next_is_not():
    edge = float(MAX_COORDINATE)
    assert unpack_keys(voxel_keys(np.array([[edge, -edge, edge + 0.9]]), 1.0)).tolist() == [
        [MAX_COORDINATE, -MAX_COORDINATE, MAX_COORDINATE]
    ]
    for beyond in (edge + 1, -edge - 0.1):
        with pytest.raises(InputError):
            voxel_keys(np.array([[0.0, beyond, 0.0]]), 1.0)


# clouds to grids


def test_a_cloud_becomes_voxels_with_the_label_most_points_have():
    cloud = points(
        [[0.1, 0.1, 0.1], [0.2, 0.2, 0.2], [0.3, 0.3, 0.3], [-0.1, 0, 0], [0.9, 0, 0]],
        [3, 5, 5, 7, 0],
    )
    grid, point_to_voxel = VoxelGrid.from_points(cloud, 0.5)
    assert grid.coordinates.tolist() == [[-1, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert grid.labels.tolist() == [7, 5, 0]
    assert grid.labels.dtype == np.uint8
    assert point_to_voxel.tolist() == [1, 1, 1, 0, 2]
    assert len(grid) == 3
    assert grid.features is None


def test_a_known_label_beats_any_number_of_unknown_ones():
    grid, _ = VoxelGrid.from_points(points([[0, 0, 0]] * 5, [0, 0, 0, 0, 2]), 0.1)
    assert grid.labels.tolist() == [2]


def test_ties_go_to_the_lower_index():
    grid, _ = VoxelGrid.from_points(points([[0, 0, 0]] * 4, [9, 4, 9, 4]), 0.1)
    assert grid.labels.tolist() == [4]


def test_confidence_weighs_the_votes():
    cloud = points([[0, 0, 0]] * 3, [4, 4, 9], [0.25, 0.25, 0.75])
    assert VoxelGrid.from_points(cloud, 0.1)[0].labels.tolist() == [9]
    nothing = points([[0, 0, 0]] * 2, [4, 9], [0.0, 0.0])
    assert VoxelGrid.from_points(nothing, 0.1)[0].labels.tolist() == [0]


def test_no_points_are_no_voxels():
    grid, point_to_voxel = VoxelGrid.from_points(points([], []), 0.1)
    assert len(grid) == 0
    assert grid.coordinates.shape == (0, 3)
    assert grid.centers.shape == (0, 3)
    assert point_to_voxel.shape == (0,)


def test_features_are_averaged_in_each_voxel():
    cloud = points([[0, 0, 0], [0.01, 0, 0], [1, 0, 0]], [1, 1, 2])
    features = np.array([[1, 10], [3, 30], [7, 70]], dtype=np.float32)
    grid, _ = VoxelGrid.from_points(cloud, 0.1, features)
    assert grid.features.tolist() == [[2, 20], [7, 70]]
    assert grid.features.dtype == np.float32


clouds = st.lists(
    st.tuples(
        st.tuples(*[st.integers(-40, 40).map(lambda i: i / 8 + 1 / 16)] * 3),
        st.integers(0, 255),
    ),
    max_size=60,
)


@given(clouds, st.booleans())
def test_a_grid_is_what_a_loop_over_points_makes(cloud, far):
    votes, size = defaultdict(Counter), 0.5
    if far:  # too large a bounding box to lay the points out in
        cloud = [*cloud, ((-1000.0625, 1000.0625, 1000.0625), 3)]
    for xyz, label in cloud:
        votes[tuple(int(v // size) for v in xyz)][label] += 1
    grid, point_to_voxel = VoxelGrid.from_points(
        points([p for p, _ in cloud], [v for _, v in cloud]), size
    )
    assert [tuple(c) for c in grid.coordinates.tolist()] == sorted(votes)
    for coordinates, label in zip(grid.coordinates.tolist(), grid.labels.tolist()):
        known = {k: n for k, n in votes[tuple(coordinates)].items() if k}
        best = [k for k, n in known.items() if n == max(known.values())]
        assert label == (min(best) if best else 0)
    for (xyz, _), voxel in zip(cloud, point_to_voxel.tolist()):
        assert tuple(int(v // size) for v in xyz) == tuple(grid.coordinates[voxel].tolist())


@given(voxel_indices, st.sampled_from([0.01, 0.05, 0.1, 0.25]))
def test_the_centre_of_a_voxel_lies_in_it(coordinates, voxel_size):
    # within 10 km, what the decoder lets in: beyond, float32 gets too coarse
    coordinates = coordinates % int(10_000 / voxel_size) - int(5_000 / voxel_size)
    grid = VoxelGrid(coordinates, np.zeros(len(coordinates), np.uint8), voxel_size)
    assert grid.centers.dtype == np.float32
    assert np.array_equal(unpack_keys(voxel_keys(grid.centers, voxel_size)), coordinates)


def test_occupied_voxels_are_ascending_and_point_back():
    xyz = np.array([[3.5, 0, 0], [-2.5, 0, 0], [3.6, 0, 0]], dtype=np.float32)
    keys, point_to_voxel = occupied_voxels(xyz, 1.0)
    assert unpack_keys(keys).tolist() == [[-3, 0, 0], [3, 0, 0]]
    assert point_to_voxel.tolist() == [1, 0, 1]


def test_votes_are_counted_by_voxel_and_class():
    votes = count_votes(np.array([0, 0, 2, 2]), np.array([1, 1, 0, 3], dtype=np.uint8), 3)
    # the one point without a label counts as three of four points have one
    assert votes.tolist() == [[0, 2, 0, 0], [0, 0, 0, 0], [0.75, 0, 0, 1]]
    assert votes.dtype == np.float32
    weighted = count_votes(
        np.array([0, 0]), np.array([1, 2], dtype=np.uint8), 1, np.array([0.5, 0.25])
    )
    assert weighted.tolist() == [[0, 0.5, 0.25]]


def test_votes_for_the_last_class_of_many_voxels_do_not_overflow():
    voxel = np.array([0, 99_999])
    votes = count_votes(voxel, np.array([255, 255], dtype=np.uint8), 100_000)
    assert votes.shape == (100_000, 256)
    assert winning_labels(votes)[[0, 1, 99_999]].tolist() == [255, 0, 255]


def test_votes_for_nothing_but_unknown_win_nothing():
    assert winning_labels(np.array([[5.0], [0.0]])).tolist() == [0, 0]
    assert winning_labels(np.array([[5.0, 0.0], [0.2, 0.1]])).tolist() == [0, 1]


def test_unknown_wins_with_more_than_three_quarters_of_the_votes():
    votes = np.array([[9, 2, 1], [9.1, 2, 1], [0, 2, 1], [9.1, 1, 3]])
    assert winning_labels(votes).tolist() == [1, 0, 1, 2]


def test_place_seen_mostly_without_a_class_does_not_take_that_of_a_few_wrong_points():
    """Voxel 0: 2 of 20 points have a label; voxel 1 is labelled all over."""
    voxel = np.repeat([0, 1], [20, 80])
    labels = np.repeat([3, 0, 5], [2, 18, 80]).astype(np.uint8)
    assert winning_labels(count_votes(voxel, labels, 2)).tolist() == [0, 5]


@pytest.mark.parametrize("share", [1.0, 0.5, 0.2, 0.1])
def test_labels_that_are_sparse_everywhere_erase_no_object(share):
    """Of a box's points only some have a label at all, as where a network looks at few of them."""
    rng = np.random.default_rng(0)
    voxel = np.repeat(np.arange(500), 40)
    labels = np.where(rng.random(len(voxel)) < share, 7, 0).astype(np.uint8)
    known = winning_labels(count_votes(voxel, labels, 500)) == 7
    assert known.mean() > 0.9


def test_cloud_without_labels_says_nothing():
    votes = count_votes(np.array([0, 0]), np.zeros(2, np.uint8), 1, num_classes=2)
    assert votes.tolist() == [[0, 0, 0]]
