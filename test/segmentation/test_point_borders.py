"""Borders of objects finer than voxels."""

from __future__ import annotations

import numpy as np
import pytest

from mtml_ros.core.instances import Segmentation, make_instance
from mtml_ros.core.taxonomy import UNKNOWN, Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
from mtml_ros.segmentation.point_borders import LEAST_LABELLED, instances_of_points

TAXONOMY = Taxonomy.scannet()
CHAIR, TABLE, WALL = (TAXONOMY.index(name) for name in ("chair", "table", "wall"))


def block(width: float, labels_at) -> LabeledPoints:
    """Points every 2 cm in a block of so many metres along x, labelled by where they are."""
    along, up = np.arange(0.01, width, 0.02), np.arange(0.01, 0.6, 0.02)
    xyz = np.stack(np.meshgrid(along, up, up, indexing="ij"), axis=-1).reshape(-1, 3)
    return LabeledPoints(xyz.astype(np.float32), labels_at(xyz[:, 0]).astype(np.uint8))


def found(points: LabeledPoints, border: float, classes: tuple[int, ...]) -> tuple:
    """A segmentation with one instance of each class, parted at x = border, in whole voxels."""
    grid, voxel = VoxelGrid.from_points(points, 0.1)
    instance = (grid.centers[:, 0] > border).astype(np.int32)
    instance[instance >= len(classes)] = -1
    objects = [
        make_instance(grid, np.flatnonzero(instance == i), label, 0.9)
        for i, label in enumerate(classes)
    ]
    return voxel, Segmentation(grid, instance, objects, [], grid.labels)


def test_points_of_the_wall_are_not_in_the_chair_that_has_their_voxel():
    points = block(1.0, lambda x: np.where(x < 0.568, CHAIR, WALL))
    voxel, segmentation = found(points, 0.6, (CHAIR,))
    assert (segmentation.instance[voxel] == 0).sum() > (points.labels == CHAIR).sum()
    got = instances_of_points(points, voxel, segmentation, TAXONOMY)
    np.testing.assert_array_equal(got, np.where(points.labels == CHAIR, 0, -1))


def test_borders_are_the_same_far_from_the_origin():
    points = block(1.0, lambda x: np.where(x < 0.568, CHAIR, WALL))
    far = np.array([-1000, 500, 1_000_000]) * 0.1
    moved = LabeledPoints(points.xyz + far, points.labels)
    grid, voxel = VoxelGrid.from_points(moved, 0.1)
    instance = np.where(grid.centers[:, 0] < far[0] + 0.6, 0, -1).astype(np.int32)
    chair = make_instance(grid, np.flatnonzero(instance == 0), CHAIR, 0.9)
    segmentation = Segmentation(grid, instance, [chair], [], grid.labels)
    got = instances_of_points(moved, voxel, segmentation, TAXONOMY)
    np.testing.assert_array_equal(got, np.where(points.labels == CHAIR, 0, -1))


def test_points_of_a_table_are_in_the_table_beside_the_chair_that_has_their_voxel():
    points = block(1.0, lambda x: np.where(x < 0.568, CHAIR, TABLE))
    voxel, segmentation = found(points, 0.6, (CHAIR, TABLE))
    got = instances_of_points(points, voxel, segmentation, TAXONOMY)
    np.testing.assert_array_equal(got, np.where(points.labels == CHAIR, 0, 1))


def test_points_of_an_object_in_a_voxel_of_none_are_in_the_object_that_touches_it():
    points = block(1.0, lambda x: np.where(x < 0.534, CHAIR, WALL))
    voxel, segmentation = found(points, 0.5, (CHAIR,))
    got = instances_of_points(points, voxel, segmentation, TAXONOMY)
    np.testing.assert_array_equal(got, np.where(points.labels == CHAIR, 0, -1))


def test_points_of_another_class_with_no_such_instance_beside_stay():
    points = block(1.0, lambda x: np.where(x < 0.568, CHAIR, TABLE))
    voxel, segmentation = found(points, 0.6, (CHAIR,))
    got = instances_of_points(points, voxel, segmentation, TAXONOMY)
    np.testing.assert_array_equal(got, segmentation.instance[voxel])


def test_a_point_that_errs_alone_stays():
    points = block(1.0, lambda x: np.where(x < 0.5, CHAIR, WALL))
    points.labels[[5, 900, 4000]] = WALL
    voxel, segmentation = found(points, 0.5, (CHAIR,))
    got = instances_of_points(points, voxel, segmentation, TAXONOMY)
    np.testing.assert_array_equal(got, segmentation.instance[voxel])


def test_what_a_whole_voxel_is_labelled_is_for_the_segmenter_to_judge():
    points = block(1.0, lambda x: np.where(x < 0.4, CHAIR, WALL))
    voxel, segmentation = found(points, 0.6, (CHAIR,))
    got = instances_of_points(points, voxel, segmentation, TAXONOMY)
    np.testing.assert_array_equal(got, segmentation.instance[voxel])


@pytest.mark.parametrize(("wrong", "told"), [(0.02, True), (0.12, False)])
def test_labels_that_are_often_wrong_amid_an_object_tell_no_borders(wrong, told):
    points = block(1.0, lambda x: np.where(x < 0.568, CHAIR, WALL))
    cell = np.unique(np.floor(points.xyz * 30).astype(int), axis=0, return_inverse=True)[1].ravel()
    err = (np.random.default_rng(0).random(cell.max() + 1) < wrong)[cell]
    points.labels[err & (points.xyz[:, 0] < 0.5)] = TABLE
    voxel, segmentation = found(points, 0.6, (CHAIR,))
    got = instances_of_points(points, voxel, segmentation, TAXONOMY)
    of_wall = (segmentation.instance[voxel] == 0) & (points.labels == WALL)
    assert of_wall.any()
    assert (got[of_wall] == (-1 if told else 0)).all()
    np.testing.assert_array_equal(got[~of_wall], segmentation.instance[voxel][~of_wall])


@pytest.mark.parametrize(("width", "told"), [(1.0, True), (1.4, False)])
def test_points_without_a_label_are_in_no_object_unless_most_have_none(width, told):
    points = block(width, lambda x: np.where(x < 0.568, CHAIR, UNKNOWN))
    assert (np.mean(points.labels != UNKNOWN) > LEAST_LABELLED) == told
    voxel, segmentation = found(points, 0.6, (CHAIR,))
    got = instances_of_points(points, voxel, segmentation, TAXONOMY)
    unlabelled = (segmentation.instance[voxel] == 0) & (points.labels == UNKNOWN)
    assert unlabelled.any()
    assert (got[unlabelled] == (-1 if told else 0)).all()


def test_nothing_found_and_no_points():
    points = block(0.4, lambda x: np.full(len(x), WALL))
    voxel, segmentation = found(points, 0.0, ())
    assert (instances_of_points(points, voxel, segmentation, TAXONOMY) == -1).all()
    empty = LabeledPoints(np.zeros((0, 3), np.float32), np.zeros(0, np.uint8))
    grid, voxel = VoxelGrid.from_points(empty, 0.1)
    nothing = Segmentation(grid, np.zeros(0, np.int32), [], [], grid.labels)
    assert len(instances_of_points(empty, voxel, nothing, TAXONOMY)) == 0
