"""Boxes by hand, and against trying every angle."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtml_ros.core.instances import fit_box, make_instance
from mtml_ros.core.voxels import VoxelGrid


def box_of(coordinates, voxel_size=1.0):
    return fit_box(np.array(coordinates, dtype=np.int32), voxel_size)


def footprint_at(coordinates, angles):
    """Area of the rectangle at each angle around the voxels' squares, from all their corners."""
    xy = np.array(coordinates, dtype=np.float64)[:, :2]
    steps = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    x, y = (xy[:, None] + steps).reshape(-1, 2).T[:, :, None]
    cos, sin = np.cos(angles), np.sin(angles)
    return np.ptp(x * cos + y * sin, axis=0) * np.ptp(y * cos - x * sin, axis=0)


def corners_in_box(coordinates, box, voxel_size):
    """How far the voxels' corners stand out of the box, at most; metres."""
    steps = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    corners = (np.array(coordinates)[:, None] + steps).reshape(-1, 3) * voxel_size - box.center
    cos, sin = math.cos(box.yaw), math.sin(box.yaw)
    local = np.stack(
        [
            corners[:, 0] * cos + corners[:, 1] * sin,
            -corners[:, 0] * sin + corners[:, 1] * cos,
            corners[:, 2],
        ],
        axis=1,
    )
    return float(np.max(np.abs(local) - box.size / 2))


def test_one_voxel_has_the_box_of_a_voxel():
    box = box_of([[3, -2, 5]], 0.1)
    assert box.center == pytest.approx([0.35, -0.15, 0.55])
    assert box.size == pytest.approx([0.1, 0.1, 0.1])
    assert box.yaw == 0.0


def test_a_row_along_x_lies_along_the_boxs_x():
    box = box_of([[x, 0, 0] for x in range(5)])
    assert box.size == pytest.approx([5, 1, 1])
    assert box.yaw == 0.0
    assert box.center == pytest.approx([2.5, 0.5, 0.5])


def test_a_row_along_y_is_a_quarter_turn():
    box = box_of([[0, y, 0] for y in range(5)])
    assert box.size == pytest.approx([5, 1, 1])
    assert abs(box.yaw) == pytest.approx(math.pi / 2, abs=1e-6)
    assert box.center == pytest.approx([0.5, 2.5, 0.5])


def test_a_column_is_as_high_as_its_voxels():
    box = box_of([[0, 0, z] for z in (0, 3)])
    assert box.size == pytest.approx([1, 1, 4])
    assert box.center[2] == 2.0


@pytest.mark.parametrize("slope", [1, -1])
def test_a_long_diagonal_gets_a_turned_box(slope):
    # two voxels thick, so that turned (by 45 degrees) the box is far smaller
    coordinates = [[i, slope * (i + j), 0] for i in range(40) for j in (0, 1)]
    box = box_of(coordinates)
    assert box.yaw == pytest.approx(slope * math.pi / 4, abs=0.02)
    # along: 39 diagonal steps and a half for the second row, plus a voxel's diagonal
    assert box.size[0] == pytest.approx((39.5 + 1) * math.sqrt(2), rel=0.02)
    assert box.size[1] == pytest.approx((0.5 + 1) * math.sqrt(2), rel=0.1)
    assert box.size[0] * box.size[1] < 0.2 * footprint_at(coordinates, np.zeros(1))[0]


@pytest.mark.parametrize("edge", [(2, 2), (3, 1), (1, 3), (5, 2), (7, 3)])
def test_a_square_is_not_turned_by_a_quarter(edge):
    """Whichever of its equal sides comes out a little longer."""
    a, b = edge
    box = box_of([[0, 0, 0], [a, b, 0], [a - b, a + b, 0], [-b, a, 0]])
    assert box.size[0] == pytest.approx(box.size[1])
    assert 0 < box.yaw < math.pi / 2


voxel_sets = st.lists(
    st.tuples(st.integers(-8, 8), st.integers(-8, 8), st.integers(-2, 2)),
    min_size=1,
    max_size=25,
    unique=True,
)


@settings(deadline=None, max_examples=200)
@given(voxel_sets, st.sampled_from([1.0, 0.1]))
def test_the_box_holds_its_voxels_whole(coordinates, voxel_size):
    box = box_of(coordinates, voxel_size)
    assert corners_in_box(coordinates, box, voxel_size) < 1e-9
    assert box.size[0] >= box.size[1] > 0
    assert -math.pi / 2 <= box.yaw < math.pi / 2


@settings(deadline=None, max_examples=200)
@given(voxel_sets)
def test_no_angle_gives_a_smaller_footprint(coordinates):
    box = box_of(coordinates)
    least = footprint_at(coordinates, np.arange(0, math.pi / 2, 0.002)).min()
    assert box.size[0] * box.size[1] <= least + 1e-9


@settings(deadline=None, max_examples=60)
@given(voxel_sets, st.integers(-90_000, 90_000), st.integers(-90_000, 90_000))
def test_the_box_moves_with_its_voxels(coordinates, dx, dy):
    grid = VoxelGrid(np.array(coordinates, np.int32), np.zeros(len(coordinates), np.uint8), 0.1)
    shifted = VoxelGrid(
        (grid.coordinates + np.array([dx, dy, 0])).astype(np.int32), grid.labels, 0.1
    )
    everything = np.arange(len(coordinates))
    here, there = (make_instance(g, everything, 1, 1.0).box for g in (grid, shifted))
    assert there.center - here.center == pytest.approx([dx * 0.1, dy * 0.1, 0.0], abs=1e-9)
    assert there.size.tolist() == here.size.tolist()
    assert there.yaw == here.yaw


def test_a_turned_box_of_points_is_found_again():
    """A 4 m x 1 m board, turned by 30 degrees, as 10 cm voxels see it."""
    u, v = np.meshgrid(np.arange(-2, 2, 0.02), np.arange(-0.5, 0.5, 0.02))
    angle = math.radians(30)
    xy = np.stack([u * math.cos(angle) - v * math.sin(angle),
                   u * math.sin(angle) + v * math.cos(angle)], axis=-1).reshape(-1, 2)  # fmt: skip
    voxels = np.unique(np.floor(xy / 0.1), axis=0)
    box = box_of([[x, y, 0] for x, y in voxels], 0.1)
    assert box.yaw == pytest.approx(angle, abs=0.05)
    # the board, and at most a voxel's diagonal on both sides
    assert 4.0 - 0.05 <= box.size[0] <= 4.0 + 2 * 0.1415
    assert 1.0 - 0.05 <= box.size[1] <= 1.0 + 2 * 0.1415
    assert box.center[:2] == pytest.approx([0, 0], abs=0.05)


def test_an_instance_has_its_voxels_centroid():
    grid = VoxelGrid(
        np.array([[0, 0, 0], [1, 0, 0], [5, 5, 5], [1, 1, 0]], np.int32),
        np.full(4, 7, np.uint8),
        0.1,
    )
    instance = make_instance(grid, np.array([0, 1, 3]), 7, 0.5)
    assert instance.centroid == pytest.approx([(0.05 + 0.15 + 0.15) / 3, 0.25 / 3, 0.05])
    assert (instance.label, instance.score) == (7, 0.5)
    assert instance.voxels.tolist() == [0, 1, 3]
    assert instance.box.size == pytest.approx([0.2, 0.2, 0.1])


def test_a_halls_floor_of_40_000_voxels_is_boxed():
    x, y = np.meshgrid(np.arange(200), np.arange(200))
    box = box_of(np.stack([x.ravel(), y.ravel(), np.zeros(40_000)], axis=1), 0.1)
    assert box.size == pytest.approx([20, 20, 0.1])
